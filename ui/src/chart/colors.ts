// How series are told apart: a colour and a dash pattern each, so that nobody needs to see colours.

/** How many colours there are. */
export const COLORS = 8;
const DASHES: (number[] | undefined)[] = [undefined, [8, 4], [2, 3], [10, 3, 2, 3], [18, 4], [2, 7]];

/** The token of the colour of a series by its number. */
export function seriesToken(index: number): string {
  return `--series-${(index % COLORS) + 1}`;
}

/** The dash pattern of a line: the first of a colour is drawn through, the next ones are dashed. */
export function seriesDash(repeat: number): number[] | undefined {
  return DASHES[repeat % DASHES.length];
}

/** The same number for the same text, for colours that stay when other runs come and go. */
export function stableNumber(text: string): number {
  let hash = 2166136261;
  for (let index = 0; index < text.length; index += 1) {
    hash = Math.imul(hash ^ text.charCodeAt(index), 16777619);
  }
  return hash >>> 0;
}

const resolved = new Map<string, string>();
let resolvedFor = '';

/** The tokens of the theme that is shown, as canvases take them. */
export function themeColor(token: string): string {
  const root = document.documentElement;
  const dark = globalThis.matchMedia?.('(prefers-color-scheme: dark)').matches;
  const version = `${root.dataset.theme ?? 'system'}${dark}`;
  if (version !== resolvedFor) {
    resolved.clear();
    resolvedFor = version;
  }
  const known = resolved.get(token);
  if (known) return known;
  const probe = document.createElement('span');
  probe.style.color = `var(${token})`;
  root.append(probe);
  const color = getComputedStyle(probe).color;
  probe.remove();
  resolved.set(token, color);
  return color;
}

/** A resolved colour with another opacity. */
export function withAlpha(color: string, alpha: number): string {
  const parts = /rgba?\((\d+)[, ]+(\d+)[, ]+(\d+)/.exec(color);
  return parts ? `rgba(${parts[1]}, ${parts[2]}, ${parts[3]}, ${alpha})` : color;
}
