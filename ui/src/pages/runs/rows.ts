// How the entries of a view are written into the cells of the grid.
import { seriesToken } from '$/chart/colors';
import { RUN_STATES } from '$/components/RunState.svelte';
import type { CellContent, GridColumn, GridRows, LeadContent, Tone } from '$/grid/types';
import { columnDecimals, exactNumber, formatDuration, formatInColumn, formatNumber, formatTime } from '$/lib/format';
import { href, location } from '$/lib/router.svelte';
import { ATTRIBUTES, type RunsModel } from './model.svelte';
import { type Entry, meanOf, type RunFacts, type RunStore } from './store';

const WIDTHS: Record<string, number> = {
  'attributes.status': 104,
  'attributes.start_time': 148,
  'attributes.duration': 116,
  'attributes.user': 124,
  'attributes.run_id': 150,
  'attributes.experiment': 150,
};
const MIN_WIDTH = 84;
const MAX_WIDTH = 220;
const RUNNING_TONES: Record<string, Tone> = {
  RUNNING: 'busy',
  FAILED: 'bad',
  KILLED: 'warn',
  FINISHED: 'good',
  SCHEDULED: 'muted',
};

/** The name of a column as its heading. */
export function titleOf(column: string): string {
  return ATTRIBUTES[column] ?? (column === 'name' ? 'Name' : column.slice(column.indexOf('.') + 1));
}

/** The columns of the grid for the columns of the view. */
export function gridColumns(model: RunsModel): GridColumn[] {
  const { sort, widths } = model.view;
  const numeric = new Set(model.columns.data?.params.filter((one) => one.numeric).map((one) => one.name));
  const longest = new Map(
    [...(model.columns.data?.params ?? []), ...(model.columns.data?.tags ?? [])].map((one) => [
      one.name,
      Math.max(0, ...one.values.map((value) => value.length)),
    ]),
  );
  return model.shown.map((id) => {
    const place = sort.findIndex((one) => one.column === id);
    const found = sort[place];
    const title = titleOf(id);
    const right = id.startsWith('metrics.') || id === 'attributes.duration' || numeric.has(id);
    return {
      id,
      title,
      width: widths[id] ?? WIDTHS[id] ?? widthFor(title, longest.get(id) ?? 0),
      align: right ? 'right' : 'left',
      sortable: id !== 'attributes.run_id' && id !== 'attributes.experiment',
      sort: found && { descending: found.descending, place: sort.length > 1 ? place + 1 : 0 },
      hint: hintOf(model, id),
    };
  });
}

function widthFor(title: string, letters: number): number {
  return Math.min(MAX_WIDTH, Math.max(MIN_WIDTH, title.length * 7.5 + 40, letters * 8 + 22));
}

function hintOf(model: RunsModel, id: string): string {
  const metric = model.columns.data?.metrics.find((one) => one.name === id);
  if (!metric) return `${id}\nClick to sort, Shift-click to sort by one more column`;
  const range = `${formatNumber(Number(metric.min))} to ${formatNumber(Number(metric.max))}`;
  return `${id}\n${range}; ${metric.direction === 'max' ? 'higher' : 'lower'} is better\nClick to sort, Shift-click to sort by one more column`;
}

/** The best value of each metric column among the runs that have arrived. */
function bestValues(model: RunsModel): Map<string, number> {
  const best = new Map<string, number>();
  if (model.data.store.length < 2) return best;
  for (const metric of model.columns.data?.metrics ?? []) {
    if (!model.shown.includes(metric.name)) continue;
    let value: number | undefined;
    for (const one of model.data.store.numbersOf(metric.name)) {
      if (!Number.isFinite(one)) continue;
      if (value === undefined || (metric.direction === 'max' ? one > value : one < value)) value = one;
    }
    if (value !== undefined) best.set(metric.name, value);
  }
  return best;
}

/** The rows of the grid; entries beyond those that have arrived are still waiting. */
export function gridRows(model: RunsModel, experimentNames: Map<string, string>, utc: boolean): GridRows {
  const { store, complete, total } = model.data;
  const { entries, colors, view } = model;
  const kind = location.query.get('k') ?? '';
  const decimals = new Map(model.shown.map((id) => [id, columnDecimals(store.numbersOf(id))]));
  const best = bestValues(model);
  const pinned = new Set(view.pinned);
  const hidden = new Set(view.hidden);
  // Beside charts the list says which of its runs are drawn.
  const drawn = view.mode === 'charts' && /^(lines|bars|images)?$/.test(kind) ? new Set(model.drawnPlaces) : undefined;
  const cellOf = (place: number, column: string): CellContent | undefined => {
    const run = store.runs[place];
    if (!run) return undefined;
    if (column.startsWith('attributes.')) return attributeCell(run, column, experimentNames, utc);
    const value = store.value(place, column);
    if (value === null) return undefined;
    if (typeof value === 'string') return { text: value };
    const content = { text: formatInColumn(value, decimals.get(column)), title: exactNumber(value) };
    if (!Number.isFinite(value)) return { ...content, tone: 'bad' };
    return best.get(column) === value
      ? { ...content, tone: 'best', title: `${content.title}\nThe best of these runs` }
      : content;
  };
  return {
    count: complete || view.group !== '' ? entries.length : total,
    key: (index) => keyOf(entries[index], store),
    lead: (index) => leadOf(entries[index], { store, colors, pinned, hidden, drawn }),
    cell: (index, column) => {
      const entry = entries[index];
      if (!entry) return undefined;
      return entry.kind === 'run'
        ? cellOf(entry.place, column)
        : groupCell(store, entry.places, column, decimals.get(column));
    },
  };
}

function keyOf(entry: Entry | undefined, store: RunStore): string | undefined {
  if (!entry) return undefined;
  return entry.kind === 'run' ? store.runs[entry.place]?.id : entry.key;
}

interface LeadContext {
  store: RunStore;
  colors: number[];
  pinned: Set<string>;
  hidden: Set<string>;
  drawn: Set<number> | undefined;
}

function leadOf(entry: Entry | undefined, context: LeadContext): LeadContent | undefined {
  const { store, colors, pinned, hidden, drawn } = context;
  if (!entry) return undefined;
  if (entry.kind === 'group') {
    const note = entry.places.length.toLocaleString('en-US');
    return { text: entry.label, title: entry.key, level: 0, expanded: entry.expanded, group: true, note };
  }
  const run = store.runs[entry.place];
  if (!run) return undefined;
  return {
    text: run.name || run.id,
    title: `${run.name}\n${run.id}`,
    href: href(`/runs/${run.id}`),
    level: entry.level,
    expanded: entry.expanded,
    color: `var(${seriesToken(colors[entry.place] ?? 0)})`,
    faded: drawn !== undefined && !drawn.has(entry.place),
    pinned: pinned.has(run.id),
    hidden: hidden.has(run.id),
    note: run.deleted ? 'deleted' : run.children > 0 ? `${run.children} nested` : '',
  };
}

function attributeCell(
  run: RunFacts,
  column: string,
  names: Map<string, string>,
  utc: boolean,
): CellContent | undefined {
  switch (column) {
    case 'attributes.status': {
      const state = RUN_STATES[run.status];
      const text = run.stale ? `${state?.label ?? run.status}?` : (state?.label ?? run.status);
      const title = run.stale ? 'Says that it runs, but has logged nothing for a long time' : text;
      return {
        text,
        mark: state?.mark ?? '',
        tone: run.stale ? 'warn' : (RUNNING_TONES[run.status] ?? 'muted'),
        title,
      };
    }
    case 'attributes.start_time':
      return {
        text: formatTime(run.startTime, utc).replace(/:\d\d( UTC)?$/, ''),
        title: formatTime(run.startTime, utc),
      };
    case 'attributes.duration': {
      if (run.endTime !== null) return { text: formatDuration(run.endTime - run.startTime) };
      return run.status === 'RUNNING' ? { text: formatDuration(Date.now() - run.startTime), tone: 'busy' } : undefined;
    }
    case 'attributes.user':
      return { text: run.user };
    case 'attributes.run_id':
      return { text: run.id };
    case 'attributes.experiment':
      return { text: names.get(run.experimentId) ?? run.experimentId };
    default:
      return undefined;
  }
}

function groupCell(
  store: RunStore,
  places: number[],
  column: string,
  decimals: number | undefined,
): CellContent | undefined {
  if (!column.startsWith('metrics.')) return undefined;
  const found = meanOf(store, places, column);
  if (!found) return undefined;
  const text = formatInColumn(found.mean, decimals === 0 ? undefined : decimals);
  return {
    text,
    title: `mean ${exactNumber(found.mean)}\nstandard deviation ${exactNumber(found.deviation)}`,
    tone: 'muted',
  };
}
