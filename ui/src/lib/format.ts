// How numbers, times and sizes are written. The exact value always stands in the tooltip.

/** A number of a metric: significant digits, no noise, NaN and the infinities by name. */
export function formatNumber(value: number | null | undefined, digits = 5): string {
  if (value === null || value === undefined) return '';
  if (Number.isNaN(value)) return 'NaN';
  if (!Number.isFinite(value)) return value > 0 ? '∞' : '−∞';
  if (value === 0) return '0';
  const size = Math.abs(value);
  if (Number.isInteger(value) && size < 1e7) return minus(String(value));
  if (size >= 1e7 || size < 1e-4) return minus(value.toExponential(Math.max(0, digits - 2)));
  return minus(
    value
      .toPrecision(digits)
      .replace(/(\.\d*?)0+$/, '$1')
      .replace(/\.$/, ''),
  );
}

/** The value with every digit, for tooltips and for copying. */
export function exactNumber(value: number | null | undefined): string {
  if (value === null || value === undefined) return '';
  return String(value);
}

/** Decimals that a column of these numbers needs so that they can be compared down the column. */
export function columnDecimals(values: Iterable<number>, digits = 4): number | undefined {
  let largest = 0;
  let integral = true;
  for (const value of values) {
    if (!Number.isFinite(value)) continue;
    largest = Math.max(largest, Math.abs(value));
    integral &&= Number.isInteger(value);
  }
  if (integral) return largest < 1e9 ? 0 : undefined;
  if (largest === 0 || largest >= 1e7 || largest < 1e-3) return undefined;
  return Math.min(8, Math.max(0, digits - Math.max(0, Math.floor(Math.log10(largest)))));
}

/** A number in a column with that many decimals; what is too small for them is written 1.2e-7. */
export function formatInColumn(value: number | null | undefined, decimals: number | undefined): string {
  if (value === null || value === undefined) return '';
  if (decimals === undefined || !Number.isFinite(value)) return formatNumber(value);
  if (value !== 0 && Math.abs(value) < 10 ** -decimals / 2) return minus(value.toExponential(2));
  return minus(value.toFixed(decimals));
}

function minus(text: string): string {
  return text.replaceAll('-', '−').replace('e+', 'e');
}

/** A whole number with separators. */
export function formatCount(value: number): string {
  return value.toLocaleString('en-US');
}

export function formatBytes(bytes: number | null | undefined): string {
  if (bytes === null || bytes === undefined) return '';
  if (bytes < 1000) return `${bytes} B`;
  const units = ['kB', 'MB', 'GB', 'TB', 'PB'];
  let size = bytes;
  let unit = -1;
  while (size >= 999.5 && unit < units.length - 1) {
    size /= 1000;
    unit += 1;
  }
  return `${size < 10 ? size.toFixed(1) : Math.round(size)} ${units[unit]}`;
}

/** A span of milliseconds: `480 ms`, `12.3 s`, `4 min 5 s`, `3 h 20 min`, `2 d 4 h`. */
export function formatDuration(ms: number | null | undefined): string {
  if (ms === null || ms === undefined || ms < 0) return '';
  if (ms < 1000) return `${Math.round(ms)} ms`;
  const seconds = ms / 1000;
  if (seconds < 60) return `${seconds < 10 ? seconds.toFixed(1) : Math.round(seconds)} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return twoParts(minutes, 'min', Math.floor(seconds % 60), 's');
  const hours = Math.floor(minutes / 60);
  if (hours < 24) return twoParts(hours, 'h', minutes % 60, 'min');
  return twoParts(Math.floor(hours / 24), 'd', hours % 24, 'h');
}

function twoParts(large: number, largeUnit: string, small: number, smallUnit: string): string {
  return small > 0 ? `${large} ${largeUnit} ${small} ${smallUnit}` : `${large} ${largeUnit}`;
}

/** How long ago a time was. */
export function formatAgo(time: number | null | undefined, now = Date.now()): string {
  if (time === null || time === undefined) return '';
  const seconds = Math.round((now - time) / 1000);
  if (seconds < -60) return formatTime(time, false);
  if (seconds < 10) return 'just now';
  if (seconds < 60) return `${seconds} s ago`;
  const steps: [number, number, string][] = [
    [3600, 60, 'min'],
    [86_400, 3600, 'h'],
    [86_400 * 60, 86_400, 'd'],
    [86_400 * 730, 86_400 * 30.44, 'months'],
  ];
  for (const [below, divisor, unit] of steps) {
    if (seconds < below) return `${Math.floor(seconds / divisor)} ${unit} ago`;
  }
  return `${Math.floor(seconds / (86_400 * 365.25))} years ago`;
}

/** An absolute time, `2026-03-01 14:05:09`, local or in UTC. */
export function formatTime(time: number | null | undefined, utc: boolean): string {
  if (time === null || time === undefined) return '';
  const date = new Date(time);
  if (Number.isNaN(date.getTime())) return '';
  if (utc) return `${date.toISOString().slice(0, 19).replace('T', ' ')} UTC`;
  const pad = (part: number) => String(part).padStart(2, '0');
  const day = `${date.getFullYear()}-${pad(date.getMonth() + 1)}-${pad(date.getDate())}`;
  return `${day} ${pad(date.getHours())}:${pad(date.getMinutes())}:${pad(date.getSeconds())}`;
}

/** A share of one as a percentage. */
export function formatShare(share: number): string {
  const percent = share * 100;
  return `${percent > 0 && percent < 1 ? '<1' : Math.round(percent)} %`;
}

/** `1 run`, `12 runs`. */
export function countOf(count: number, one: string, many = `${one}s`): string {
  return `${formatCount(count)} ${count === 1 ? one : many}`;
}

/** A text for a list: of a hash, such as that of a commit, only the beginning. */
export function shortHash(text: string): string {
  return /^[0-9a-f]{32,}$/.test(text) ? `${text.slice(0, 12)}…` : text;
}
