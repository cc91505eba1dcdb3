// Scatter plots and parallel coordinates on a canvas.

import type { Scale } from './axis';
import { seriesToken, themeColor, withAlpha } from './colors';

export interface Mark {
  key: string;
  label: string;
  color: number;
  strong: boolean;
  values: (number | string | null)[];
}

export interface Surface {
  ctx: CanvasRenderingContext2D;
  width: number;
  height: number;
}

/** A canvas of the size of its box, sharp on dense screens. */
export function surfaceOf(canvas: HTMLCanvasElement): Surface | undefined {
  const ctx = canvas.getContext('2d');
  const { clientWidth: width, clientHeight: height } = canvas;
  if (!ctx || width === 0 || height === 0) return undefined;
  const ratio = globalThis.devicePixelRatio || 1;
  canvas.width = Math.round(width * ratio);
  canvas.height = Math.round(height * ratio);
  ctx.setTransform(ratio, 0, 0, ratio, 0, 0);
  ctx.clearRect(0, 0, width, height);
  ctx.font = '11px system-ui, sans-serif';
  return { ctx, width, height };
}

export interface Point {
  mark: Mark;
  x: number;
  y: number;
}

const MARGIN = { left: 62, right: 16, top: 12, bottom: 30 };
const DOT = 4;

/** Draws dots and gives where they are, for pointing at them. */
export function drawScatter({ ctx, width, height }: Surface, marks: Mark[], x: Scale, y: Scale): Point[] {
  const plot = { w: width - MARGIN.left - MARGIN.right, h: height - MARGIN.top - MARGIN.bottom };
  const toX = (at: number) => MARGIN.left + at * plot.w;
  const toY = (at: number) => MARGIN.top + (1 - at) * plot.h;
  ctx.strokeStyle = themeColor('--line');
  ctx.fillStyle = themeColor('--text-2');
  ctx.lineWidth = 1;
  ctx.textBaseline = 'middle';
  ctx.textAlign = 'right';
  for (const tick of y.ticks) {
    line(ctx, [MARGIN.left, toY(tick.at), width - MARGIN.right, toY(tick.at)]);
    ctx.fillText(cut(tick.label, 9), MARGIN.left - 8, toY(tick.at));
  }
  ctx.textAlign = 'center';
  for (const tick of x.ticks) {
    line(ctx, [toX(tick.at), MARGIN.top, toX(tick.at), height - MARGIN.bottom]);
    ctx.fillText(cut(tick.label, 14), toX(tick.at), height - MARGIN.bottom + 14);
  }
  const points: Point[] = [];
  for (const mark of marks) {
    const atX = x.place(mark.values[0] ?? null);
    const atY = y.place(mark.values[1] ?? null);
    if (atX === undefined || atY === undefined) continue;
    const point = { mark, x: toX(atX), y: toY(atY) };
    points.push(point);
    const color = themeColor(seriesToken(mark.color));
    ctx.fillStyle = withAlpha(color, mark.strong ? 1 : 0.65);
    drawShape(ctx, point.x, point.y, mark.strong ? DOT + 2 : DOT, Math.floor(mark.color / 8));
  }
  return points;
}

// Colours repeat after eight: the shape tells them apart.
function drawShape(ctx: CanvasRenderingContext2D, x: number, y: number, size: number, shape: number) {
  ctx.beginPath();
  if (shape % 3 === 0) ctx.arc(x, y, size, 0, 2 * Math.PI);
  else if (shape % 3 === 1) ctx.rect(x - size, y - size, 2 * size, 2 * size);
  else {
    ctx.moveTo(x, y - size - 1);
    ctx.lineTo(x + size + 1, y + size);
    ctx.lineTo(x - size - 1, y + size);
    ctx.closePath();
  }
  ctx.fill();
}

/** Where the axis of each dimension stands. */
export function axisPlaces(width: number, dimensions: number): number[] {
  const left = 70;
  const right = width - 70;
  if (dimensions < 2) return [width / 2];
  return Array.from({ length: dimensions }, (_, index) => left + ((right - left) * index) / (dimensions - 1));
}

const TOP = 34;
const BOTTOM = 16;

/** From 0 to 1 on an axis to the height on the canvas, and back. */
export function axisHeight(height: number, at: number): number {
  return TOP + (1 - at) * (height - TOP - BOTTOM);
}
export function axisShare(height: number, y: number): number {
  return 1 - (y - TOP) / (height - TOP - BOTTOM);
}

export interface Dimension {
  title: string;
  scale: Scale;
  /** The part of the axis that a run must pass through, from 0 to 1. */
  brush: [number, number] | undefined;
}

/** Whether a run passes through the brushes of all axes. */
export function passes(mark: Mark, dimensions: Dimension[]): boolean {
  return dimensions.every(({ scale, brush }, index) => {
    if (!brush) return true;
    const at = scale.place(mark.values[index] ?? null);
    return at !== undefined && at >= brush[0] && at <= brush[1];
  });
}

/** Draws a line per run through all axes; those that do not pass the brushes are faint. */
export function drawParallel({ ctx, width, height }: Surface, marks: Mark[], dimensions: Dimension[]) {
  const places = axisPlaces(width, dimensions.length);
  const few = marks.length < 200;
  const ordered = [...marks].sort(
    (a, b) => Number(passes(a, dimensions)) - Number(passes(b, dimensions)) || Number(a.strong) - Number(b.strong),
  );
  for (const mark of ordered) {
    const color = themeColor(seriesToken(mark.color));
    const through = passes(mark, dimensions);
    ctx.strokeStyle = through
      ? withAlpha(color, mark.strong ? 1 : few ? 0.75 : 0.35)
      : withAlpha(themeColor('--text-3'), 0.12);
    ctx.lineWidth = mark.strong ? 2.5 : 1;
    ctx.beginPath();
    let open = false;
    for (const [index, { scale }] of dimensions.entries()) {
      const at = scale.place(mark.values[index] ?? null);
      const x = places[index] ?? 0;
      // A run without this value has a gap there.
      if (at === undefined) open = false;
      else if (open) ctx.lineTo(x, axisHeight(height, at));
      else {
        ctx.moveTo(x, axisHeight(height, at));
        open = true;
      }
    }
    ctx.stroke();
  }
  for (const [index, dimension] of dimensions.entries())
    drawAxis({ ctx, width, height }, places[index] ?? 0, dimension);
}

function drawAxis({ ctx, height }: Surface, x: number, { title, scale, brush }: Dimension) {
  ctx.strokeStyle = themeColor('--line-strong');
  ctx.lineWidth = 1;
  line(ctx, [x, TOP, x, height - BOTTOM]);
  ctx.textAlign = 'center';
  ctx.textBaseline = 'middle';
  ctx.fillStyle = themeColor('--text');
  ctx.font = '600 12px system-ui, sans-serif';
  ctx.fillText(cut(title, 18), x, 14);
  ctx.font = '11px system-ui, sans-serif';
  ctx.textAlign = 'left';
  for (const tick of scale.ticks) {
    const y = axisHeight(height, tick.at);
    line(ctx, [x - 3, y, x + 3, y]);
    const label = cut(tick.label, 14);
    ctx.fillStyle = withAlpha(themeColor('--bg-raised'), 0.8);
    ctx.fillRect(x + 5, y - 7, ctx.measureText(label).width + 4, 14);
    ctx.fillStyle = themeColor('--text-2');
    ctx.fillText(label, x + 7, y);
  }
  if (!brush) return;
  ctx.fillStyle = withAlpha(themeColor('--accent'), 0.25);
  const [low, high] = brush;
  ctx.fillRect(x - 7, axisHeight(height, high), 14, axisHeight(height, low) - axisHeight(height, high));
}

function line(ctx: CanvasRenderingContext2D, [fromX, fromY, toX, toY]: [number, number, number, number]) {
  ctx.beginPath();
  ctx.moveTo(fromX, fromY);
  ctx.lineTo(toX, toY);
  ctx.stroke();
}

function cut(text: string, letters: number): string {
  return text.length > letters ? `${text.slice(0, letters - 1)}…` : text;
}

/** The point nearest to a place, within reach. */
export function nearestPoint(points: Point[], x: number, y: number, reach = 14): Point | undefined {
  let best: Point | undefined;
  let bestDistance = reach * reach;
  for (const point of points) {
    const distance = (point.x - x) ** 2 + (point.y - y) ** 2;
    if (distance <= bestDistance) {
      best = point;
      bestDistance = distance;
    }
  }
  return best;
}
