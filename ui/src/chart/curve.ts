// A chart of curves on uPlot: lines, the bands of their buckets, marks where values are not
// numbers, and a cursor and zoom that are shared by the charts of a page.
import uPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';
import './curve.css';
import { formatDuration, formatNumber, formatTime } from '$/lib/format';
import { seriesDash, seriesToken, themeColor, withAlpha } from './colors';
import { type Aligned, alignLines, type Column, type Line, rangeWithoutOutliers, repeatsOf } from './lines';
import type { Smoothing } from './smooth';
import { Tooltip } from './tooltip';

export type XKind = 'step' | 'relative' | 'time' | 'metric';

export interface CurveOptions {
  xKind: XKind;
  smoothing: Smoothing;
  strength: number;
  logX: boolean;
  logY: boolean;
  ignoreOutliers: boolean;
  utc: boolean;
  /** What is shown of x; the whole curve when left out. */
  zoom?: { from: number; to: number } | undefined;
  /** The number of the line that is drawn on top and stronger. */
  highlight?: number | undefined;
}

export interface CurveEvents {
  /** The charts that share a cursor. */
  syncKey: string;
  onZoom: (window: { from: number; to: number } | undefined) => void;
}

const BAND_ALPHA = 0.16;
const RAW_ALPHA = 0.28;
const MARK_SIZE = 4;

export class CurveChart {
  #host: HTMLElement;
  #events: CurveEvents;
  #plot: uPlot | undefined;
  #lines: Line[] = [];
  #aligned: Aligned = { x: [], columns: [] };
  #repeats: number[] = [];
  #tooltip: Tooltip;
  #observer: ResizeObserver;

  constructor(host: HTMLElement, events: CurveEvents) {
    this.#host = host;
    this.#events = events;
    this.#tooltip = new Tooltip(host);
    this.#observer = new ResizeObserver(() => this.#resize());
    this.#observer.observe(host);
  }

  /** Draws these lines. Everything is built anew: uPlot's own set-up takes a few milliseconds. */
  show(lines: Line[], options: CurveOptions) {
    this.#lines = lines;
    this.#aligned = alignLines(lines, options);
    this.#repeats = repeatsOf(lines);
    this.#plot?.destroy();
    const data = [this.#aligned.x, ...this.#aligned.columns.map((column) => column.values)];
    this.#plot = new uPlot(this.#plotOptions(options), data as uPlot.AlignedData, this.#host);
  }

  destroy() {
    this.#observer.disconnect();
    this.#plot?.destroy();
    this.#tooltip.destroy();
  }

  #resize() {
    const { clientWidth: width, clientHeight: height } = this.#host;
    if (width > 0 && height > 0) this.#plot?.setSize({ width, height });
  }

  #plotOptions(options: CurveOptions): uPlot.Options {
    const { columns } = this.#aligned;
    return {
      width: this.#host.clientWidth || 400,
      height: this.#host.clientHeight || 220,
      ms: 1,
      legend: { show: false },
      padding: [10, 12, 0, 0],
      cursor: {
        sync: { key: this.#events.syncKey, setSeries: false, scales: ['x', null] },
        drag: { x: true, y: false, setScale: false },
        points: { size: 6 },
        focus: { prox: 24 },
        bind: { dblclick: () => this.#zoomOut },
      },
      scales: this.#scales(options),
      axes: [this.#xAxis(options), this.#yAxis()],
      series: [{}, ...columns.map((column) => this.#seriesOptions(column, options))],
      bands: bandsOf(columns, this.#lines),
      hooks: {
        setSelect: [(plot) => this.#select(plot)],
        setCursor: [(plot) => this.#tooltip.show(plot, this.#aligned, this.#lines, options)],
        draw: [(plot) => this.#markOddValues(plot)],
      },
    };
  }

  #scales(options: CurveOptions): uPlot.Scales {
    const x: uPlot.Scale = { time: options.xKind === 'time', distr: options.logX ? 3 : 1 };
    const { zoom } = options;
    if (zoom) x.range = () => [zoom.from, zoom.to];
    const y: uPlot.Scale = { distr: options.logY ? 3 : 1 };
    const calm = options.ignoreOutliers ? rangeWithoutOutliers(this.#aligned.columns) : undefined;
    if (calm && !options.logY) y.range = () => calm;
    return { x, y };
  }

  #xAxis(options: CurveOptions): uPlot.Axis {
    const axis = this.#axis();
    axis.space = 70;
    axis.size = 26;
    axis.gap = 4;
    if (options.xKind === 'relative') axis.values = (_, ticks) => ticks.map((tick) => formatDuration(tick));
    else if (options.xKind !== 'time')
      axis.values = (_, ticks) => ticks.map((tick) => (tick === null ? '' : formatNumber(tick)));
    return axis;
  }

  #yAxis(): uPlot.Axis {
    const axis = this.#axis();
    axis.values = (_, ticks) => ticks.map((tick) => (tick === null ? '' : formatNumber(tick)));
    axis.size = (_, values) => Math.max(34, ...(values ?? []).map((value) => value.length * 7 + 14));
    return axis;
  }

  #axis(): uPlot.Axis {
    const grid = { stroke: themeColor('--line'), width: 1 };
    return { stroke: themeColor('--text-2'), grid, ticks: { show: false }, font: '11px system-ui, sans-serif' };
  }

  #seriesOptions(column: Column, options: CurveOptions): uPlot.Series {
    const line = this.#lines[column.line];
    const color = themeColor(seriesToken(line?.color ?? 0));
    const strong = options.highlight === column.line;
    const muted = options.highlight !== undefined && !strong;
    const base: uPlot.Series = { spanGaps: false, points: { show: false } };
    if (column.role === 'low' || column.role === 'high') return { ...base, stroke: 'transparent', width: 0 };
    if (column.role === 'raw') return { ...base, stroke: withAlpha(color, muted ? 0.08 : RAW_ALPHA), width: 1 };
    const single = (line?.series.x.length ?? 0) < 2;
    const drawn: uPlot.Series = {
      ...base,
      stroke: muted ? withAlpha(color, 0.3) : color,
      width: strong ? 2.6 : 1.5,
      points: { show: single, size: 7, fill: color },
    };
    const dash = seriesDash(this.#repeats[column.line] ?? 0);
    return dash ? { ...drawn, dash } : drawn;
  }

  #zoomOut = () => {
    this.#events.onZoom(undefined);
    return null;
  };

  #select(plot: uPlot) {
    const { left, width } = plot.select;
    if (width < 4) return;
    const from = plot.posToVal(left, 'x');
    const to = plot.posToVal(left + width, 'x');
    plot.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
    this.#events.onZoom({ from, to });
  }

  // A value that is not a number has no place on the axis: a mark at the edge says where it was.
  #markOddValues(plot: uPlot) {
    const { ctx, bbox } = plot;
    const ratio = devicePixelRatio;
    ctx.save();
    ctx.lineWidth = 1.5 * ratio;
    for (const { series, color } of this.#lines) {
      ctx.strokeStyle = themeColor(seriesToken(color));
      for (let index = 0; index < series.x.length; index += 1) {
        const flags = series.flags[index] ?? 0;
        if (flags === 0) continue;
        const x = plot.valToPos(series.x[index] ?? 0, 'x', true);
        if (x < bbox.left || x > bbox.left + bbox.width) continue;
        const y = (flags & 2) !== 0 ? bbox.top + 6 * ratio : bbox.top + bbox.height - 6 * ratio;
        drawCross(ctx, x, y, MARK_SIZE * ratio);
      }
    }
    ctx.restore();
  }
}

function drawCross(ctx: CanvasRenderingContext2D, x: number, y: number, size: number) {
  ctx.beginPath();
  ctx.moveTo(x - size, y - size);
  ctx.lineTo(x + size, y + size);
  ctx.moveTo(x - size, y + size);
  ctx.lineTo(x + size, y - size);
  ctx.stroke();
}

function bandsOf(columns: Column[], lines: Line[]): uPlot.Band[] {
  const bands: uPlot.Band[] = [];
  for (const [index, column] of columns.entries()) {
    if (column.role !== 'low') continue;
    const fill = withAlpha(themeColor(seriesToken(lines[column.line]?.color ?? 0)), BAND_ALPHA);
    bands.push({ series: [index + 2, index + 1], fill });
  }
  return bands;
}

/** What a chart says about how it was made: nothing is thinned out in silence. */
export function describePoints(lines: Line[]): string {
  const thinned = lines.filter((line) => !line.series.exact);
  const points = lines.reduce((sum, line) => sum + line.series.windowPoints, 0);
  if (lines.length === 0) return '';
  if (thinned.length === 0) return `all ${points.toLocaleString('en-US')} points`;
  return `min/max of ${points.toLocaleString('en-US')} points`;
}

/** A place on the x axis in words. */
export function formatX(x: number, kind: XKind, utc: boolean): string {
  if (kind === 'time') return formatTime(x, utc);
  if (kind === 'relative') return formatDuration(x);
  return kind === 'step' ? `step ${x.toLocaleString('en-US')}` : formatNumber(x);
}
