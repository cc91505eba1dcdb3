// What two versions of a model differ in, made ready to be drawn. The server compares and judges;
// this orders the sections and counts.

export interface DiffRow {
  key: string;
  change: 'changed' | 'added' | 'removed';
  a: string | null;
  b: string | null;
  /** Of a metric: b - a, and that in proportion to a. */
  delta?: number | string | null;
  relative?: number | string | null;
  /** Of the signature: whether callers of a may fail with b, and why. */
  breaking?: boolean;
  reason?: string;
}

export interface DiffSection {
  equal: number;
  differ: DiffRow[];
  note: string | null;
}

export interface DiffCause {
  area: string;
  verdict: 'differs' | 'same' | 'unknown';
  sentence: string;
}

export interface DiffSide {
  model: string;
  version: string;
  stage: string;
  aliases: string[];
  created_at: number;
  run_id: string;
}

export const SECTION_NAMES = {
  metrics: 'Metrics',
  signature: 'Signature',
  params: 'Params',
  datasets: 'Datasets',
  code: 'Code',
  packages: 'Packages',
  environment: 'Environment',
  seeds: 'Seeds',
  files: 'Files',
  flavors: 'Flavors',
  run_tags: 'Run tags',
  version_tags: 'Version tags',
  origin: 'Origin',
} as const;

export type SectionKey = keyof typeof SECTION_NAMES;

export type VersionDiff = Record<SectionKey, DiffSection> & {
  a: DiffSide;
  b: DiffSide;
  summary: string[];
  causes: DiffCause[];
};

export interface SectionView {
  key: SectionKey;
  name: string;
  section: DiffSection;
  breaking: number;
  /** One line for the head of the section. */
  count: string;
}

/** Gives the sections in their order; those in which nothing differs come last. */
export function sectionsOf(diff: VersionDiff): SectionView[] {
  const keys = Object.keys(SECTION_NAMES) as SectionKey[];
  const views = keys.map((key) => viewOf(key, diff[key]));
  const differing = views.filter((view) => view.section.differ.length > 0);
  const quiet = views.filter((view) => view.section.differ.length === 0);
  return [...differing, ...quiet];
}

function viewOf(key: SectionKey, given: DiffSection | undefined): SectionView {
  const section = given ?? { equal: 0, differ: [], note: null };
  const breaking = section.differ.filter((row) => row.breaking === true).length;
  const parts = [];
  if (section.differ.length > 0) parts.push(`${section.differ.length} differ`);
  if (breaking > 0) parts.push(`${breaking} breaking`);
  if (section.equal > 0) parts.push(`${section.equal} equal`);
  return { key, name: SECTION_NAMES[key], section, breaking, count: parts.join(', ') || 'none' };
}

/** Writes a delta with its sign; NaN and infinities as the server wrote them. */
export function signed(delta: number | string | null | undefined, digits = 4): string {
  if (delta === null || delta === undefined) return '';
  const value = Number(delta);
  if (!Number.isFinite(value)) return String(delta);
  const text = Number(Math.abs(value).toPrecision(digits)).toString();
  if (value === 0) return '0';
  return `${value < 0 ? '−' : '+'}${text}`;
}

/** Writes a proportion as a percentage with its sign. */
export function percent(relative: number | string | null | undefined): string {
  if (relative === null || relative === undefined) return '';
  const text = signed(Number(relative) * 100, 3);
  return text === '' ? '' : `${text} %`;
}

/** Says whether a higher value of a metric is better, by its name; null where that is not clear. */
export function higherIsBetter(metric: string): boolean | null {
  const name = metric.toLowerCase();
  if (/loss|error|rmse|mse|mae|mape|perplexity|latency|duration|brier|wer\b|cer\b/.test(name)) {
    return false;
  }
  if (/acc|auc|f1|precision|recall|r2|score|bleu|rouge|map\b|ndcg|mrr|hit|iou|dice/.test(name)) return true;
  return null;
}
