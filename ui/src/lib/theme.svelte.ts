// The theme: the system's, light or dark. `public/theme.js` has set it before the first paint.

export type ThemeName = 'system' | 'light' | 'dark';
const STORED = 'trackway.theme';

function current(): ThemeName {
  const set = document.documentElement.dataset.theme;
  return set === 'light' || set === 'dark' ? set : 'system';
}

class Theme {
  name = $state<ThemeName>(current());
  /** Counts changes of what is shown, so that canvases know when to draw again. */
  version = $state(0);

  constructor() {
    globalThis.matchMedia?.('(prefers-color-scheme: dark)').addEventListener('change', () => {
      this.version += 1;
    });
  }

  set(name: ThemeName) {
    this.name = name;
    if (name === 'system') delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = name;
    try {
      localStorage.setItem(STORED, name);
    } catch {
      // Without storage the choice lasts as long as the page.
    }
    this.version += 1;
  }
}

export const theme = new Theme();

/** The value of a colour token as canvases take it. */
export function tokenColor(name: string, element: Element = document.documentElement): string {
  const probe = document.createElement('span');
  probe.style.color = `var(${name})`;
  element.append(probe);
  const color = getComputedStyle(probe).color;
  probe.remove();
  return color;
}
