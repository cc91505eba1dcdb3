// What the cursor points at: the values of the lines nearest to it, by name, with their marks.
import type uPlot from 'uplot';
import { exactNumber, formatNumber } from '$/lib/format';
import { seriesToken } from './colors';
import { type CurveOptions, formatX } from './curve';
import type { Aligned, Line } from './lines';

const MAX_LINES = 12;

interface Reading {
  line: number;
  value: number;
  distance: number;
}

export class Tooltip {
  readonly #node = document.createElement('div');
  readonly #host: HTMLElement;

  constructor(host: HTMLElement) {
    this.#host = host;
    this.#node.className = 'curve-tooltip';
    this.#node.hidden = true;
    this.#node.setAttribute('aria-hidden', 'true');
    host.append(this.#node);
  }

  show(plot: uPlot, aligned: Aligned, lines: Line[], options: CurveOptions) {
    const { idx, left, top } = plot.cursor;
    const pointing = this.#host.matches(':hover');
    if (idx === null || idx === undefined || left === undefined || left < 0 || top === undefined || !pointing) {
      this.#node.hidden = true;
      return;
    }
    const readings = readAt(plot, aligned, idx, top);
    if (readings.length === 0) {
      this.#node.hidden = true;
      return;
    }
    const heading = document.createElement('div');
    heading.className = 'curve-at';
    heading.textContent = formatX(aligned.x[idx] ?? 0, options.xKind, options.utc);
    const shown = readings.slice(0, MAX_LINES);
    this.#node.replaceChildren(heading, ...shown.map((reading) => rowOf(reading, lines, reading === readings[0])));
    if (readings.length > MAX_LINES) {
      const more = document.createElement('div');
      more.textContent = `and ${readings.length - MAX_LINES} more`;
      this.#node.append(more);
    }
    this.#node.hidden = false;
    this.#place(left + plot.over.offsetLeft, top);
  }

  destroy() {
    this.#node.remove();
  }

  #place(left: number, top: number) {
    const { clientWidth, clientHeight } = this.#host;
    const { offsetWidth, offsetHeight } = this.#node;
    const beside = left + 16 + offsetWidth > clientWidth ? left - 16 - offsetWidth : left + 16;
    this.#node.style.left = `${Math.max(-20, beside)}px`;
    this.#node.style.top = `${Math.min(Math.max(0, top - 10), Math.max(0, clientHeight - offsetHeight))}px`;
  }
}

// The value of each line at or before the place, nearest to the pointer first.
function readAt(plot: uPlot, aligned: Aligned, idx: number, top: number): Reading[] {
  const pointed = plot.posToVal(top, 'y');
  const readings: Reading[] = [];
  for (const { role, line, values } of aligned.columns) {
    if (role !== 'line') continue;
    const value = nearestValue(values, idx);
    if (value !== undefined) readings.push({ line, value, distance: Math.abs(value - pointed) });
  }
  return readings.sort((a, b) => a.distance - b.distance);
}

function nearestValue(values: (number | null | undefined)[], idx: number): number | undefined {
  const reach = Math.max(3, Math.ceil(values.length / 50));
  for (let away = 0; away <= reach; away += 1) {
    const before = values[idx - away];
    if (typeof before === 'number') return before;
    const after = values[idx + away];
    if (typeof after === 'number') return after;
  }
  return undefined;
}

function rowOf(reading: Reading, lines: Line[], nearest: boolean): HTMLElement {
  const row = document.createElement('div');
  row.className = nearest ? 'curve-reading nearest' : 'curve-reading';
  const swatch = document.createElement('i');
  swatch.style.background = `var(${seriesToken(lines[reading.line]?.color ?? 0)})`;
  const label = document.createElement('span');
  label.textContent = lines[reading.line]?.label ?? '';
  const value = document.createElement('b');
  value.textContent = formatNumber(reading.value);
  value.title = exactNumber(reading.value);
  row.append(swatch, label, value);
  return row;
}
