// What a person has chosen for this browser and that no address carries: UTC or local times, a wide
// or a narrow rail, the name that stands for them while the server knows no users.

const STORED = 'trackway.preferences';

interface Stored {
  utc?: boolean;
  wideRail?: boolean;
}

function read(): Stored {
  try {
    return JSON.parse(localStorage.getItem(STORED) ?? '{}') as Stored;
  } catch {
    return {};
  }
}

class Preferences {
  utc = $state(read().utc ?? false);
  wideRail = $state(read().wideRail ?? false);

  save() {
    try {
      localStorage.setItem(STORED, JSON.stringify({ utc: this.utc, wideRail: this.wideRail }));
    } catch {
      // Without storage the choice lasts as long as the page.
    }
  }
}

export const preferences = new Preferences();
