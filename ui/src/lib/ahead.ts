// Requests that are sent while the code of a page is still loading: the page finds the answer on its
// way when it asks. Each answer is taken once, and soon: later it might be out of date.

const TAKEN_WITHIN_MS = 5_000;

const underWay = new Map<string, Promise<Response>>();

/** Sends what a page is about to ask. A failure is told to whoever takes the answer. */
export function askAhead(addresses: string[]) {
  for (const address of addresses) {
    const answer = fetch(address, { credentials: 'same-origin' });
    answer.catch(() => undefined);
    underWay.set(address, answer);
    setTimeout(() => {
      if (underWay.get(address) === answer) underWay.delete(address);
    }, TAKEN_WITHIN_MS);
  }
}

/** The answer to an address if it was asked ahead; the next one who asks gets a new one. */
export function takeAhead(address: string): Promise<Response> | undefined {
  const answer = underWay.get(address);
  underWay.delete(address);
  return answer;
}
