// The lines of a comparison: what differs between runs, and by how much.
import type { Comparison } from '$/api/types';
import { exactNumber, formatDuration, formatNumber, formatTime } from '$/lib/format';
import { toNumber } from '$/lib/wire';

export interface CompareCell {
  text: string;
  title?: string;
  /** The difference to the reference run, written out. */
  delta?: string;
  /** Whether the difference is for the better; unknown when nobody has said what is better. */
  better?: boolean | undefined;
}

export interface CompareLine {
  section: string;
  name: string;
  differs: boolean;
  cells: CompareCell[];
}

/** A change from one number to another: absolute, and relative where that means something. */
export function describeDelta(value: number | null, reference: number | null): string | undefined {
  if (value === null || reference === null || !Number.isFinite(value) || !Number.isFinite(reference)) return undefined;
  const delta = value - reference;
  if (delta === 0) return '±0';
  const sign = delta > 0 ? '+' : '−';
  const relative = reference === 0 ? '' : ` (${sign}${formatNumber(Math.abs(delta / reference) * 100, 3)} %)`;
  return `${sign}${formatNumber(Math.abs(delta), 3)}${relative}`;
}

/** What the runs are for: of which metrics more is better, and which metric matters most. */
export interface Aims {
  directions: Map<string, 'min' | 'max'>;
  goal: string | undefined;
}

// The goal comes first, and what was measured of the machine last.
function rank(key: string, goal: string | undefined): number {
  if (key === goal) return 0;
  return isSystem(key) ? 2 : 1;
}

function isSystem(key: string): boolean {
  return key.startsWith('system/');
}

/** All lines of a comparison; `directions` says of a metric whether more is better. */
export function compareLines(
  comparison: Comparison,
  reference: number,
  { directions, goal }: Aims,
  utc: boolean,
): CompareLine[] {
  const metrics = [...comparison.metrics].sort((a, b) => rank(a.key, goal) - rank(b.key, goal));
  return [
    ...runLines(comparison, utc),
    ...metrics.map((metric): CompareLine => {
      const values = metric.last.map(toNumber);
      // More use of a machine is neither better nor worse.
      const direction = isSystem(metric.key) ? undefined : directions.get(metric.key);
      return numberLine(metric.key, metric.differs, values, reference, direction);
    }),
    ...comparison.params.map((param) => textLine('Params', param.key, param.differs, param.values)),
    ...comparison.datasets.map((dataset) =>
      textLine(
        'Datasets',
        dataset.context ? `${dataset.name} (${dataset.context})` : dataset.name,
        dataset.differs,
        dataset.digests,
      ),
    ),
    textLine('Code', 'commit', comparison.commit.differs, comparison.commit.values),
    ...comparison.tags
      .filter((tag) => !tag.key.startsWith('mlflow.'))
      .map((tag) => textLine('Tags', tag.key, tag.differs, tag.values)),
  ];
}

function runLines({ runs }: Comparison, utc: boolean): CompareLine[] {
  const line = (name: string, values: (string | null)[]) => textLine('Run', name, new Set(values).size > 1, values);
  return [
    line(
      'state',
      runs.map((run) => run.status),
    ),
    line(
      'started',
      runs.map((run) => formatTime(run.start_time, utc)),
    ),
    line(
      'duration',
      runs.map((run) => (run.end_time === null ? null : formatDuration(run.end_time - run.start_time))),
    ),
    line(
      'user',
      runs.map((run) => run.user),
    ),
    line(
      'experiment',
      runs.map((run) => run.experiment_name),
    ),
    line(
      'source',
      runs.map((run) => run.source),
    ),
  ];
}

function textLine(section: string, name: string, differs: boolean, values: (string | null)[]): CompareLine {
  return { section, name, differs, cells: values.map((value) => ({ text: value ?? '', title: value ?? 'not there' })) };
}

function numberLine(
  name: string,
  differs: boolean,
  values: (number | null)[],
  reference: number,
  direction: 'min' | 'max' | undefined,
): CompareLine {
  const base = values[reference] ?? null;
  const cells = values.map((value, index): CompareCell => {
    const cell: CompareCell = { text: formatNumber(value), title: value === null ? 'not there' : exactNumber(value) };
    const delta = index === reference ? undefined : describeDelta(value, base);
    if (!delta || value === null || base === null) return cell;
    const better =
      direction === undefined || value === base ? undefined : direction === 'max' ? value > base : value < base;
    return { ...cell, delta, better };
  });
  return { section: 'Metrics', name, differs, cells };
}

/** The comparison as a table that spreadsheets read: one line per name, one column per run. */
export function toCsv(comparison: Comparison, lines: CompareLine[]): string {
  const quote = (text: string) => (/[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);
  const head = ['section', 'name', ...comparison.runs.map((run) => run.name || run.run_id)];
  const body = lines.map((line) => [
    line.section,
    line.name,
    ...line.cells.map((cell) => (cell.title === 'not there' ? '' : (cell.title ?? cell.text))),
  ]);
  return [head, ...body].map((row) => row.map(quote).join(',')).join('\r\n');
}
