// What a virtual grid shows. The grid asks for what is in view and for nothing else.

export interface GridColumn {
  id: string;
  title: string;
  /** Shown above the title in small letters: the kind of the column. */
  kind?: string;
  width: number;
  align: 'left' | 'right';
  sortable: boolean;
  /** Its direction and, when several columns sort, its place among them. */
  sort?: { descending: boolean; place: number } | undefined;
  /** The tooltip of the heading. */
  hint?: string;
}

export type Tone = 'good' | 'bad' | 'warn' | 'busy' | 'muted' | 'best';

export interface CellContent {
  text: string;
  /** The tooltip; the text itself when left out. */
  title?: string;
  tone?: Tone;
  /** A sign before the text that says the same as the tone, for those who do not see colours. */
  mark?: string;
}

/** The first column, which stays in view: what the row is, and what can be done with it. */
export interface LeadContent {
  text: string;
  title?: string;
  href?: string;
  /** How deep the row stands in a tree. */
  level: number;
  /** `undefined` for a row that has nothing below it. */
  expanded?: boolean | undefined;
  /** The colour of its series, as a CSS value; none for rows without one. */
  color?: string | undefined;
  /** Its series could be drawn but is not at the moment. */
  faded?: boolean;
  pinned?: boolean;
  hidden?: boolean;
  /** A heading of a group: it is not selected, and opening it unfolds it. */
  group?: boolean;
  /** Said in small letters behind the text. */
  note?: string;
}

/** The rows by their index. Rows that have not arrived yet give `undefined`. */
export interface GridRows {
  count: number;
  key(index: number): string | undefined;
  lead(index: number): LeadContent | undefined;
  cell(index: number, column: string): CellContent | undefined;
}

export type RowAction = 'expand' | 'hide' | 'pin' | 'color';

export interface GridOptions {
  label: string;
  leadTitle: string;
  leadWidth: number;
  rowHeight?: number;
  /** Rows have a box to select them, an eye and a swatch. */
  selectable: boolean;
  onSort?: (column: string, additive: boolean) => void;
  onOpen?: (index: number, event: Event) => void;
  onSelect?: (keys: Set<string>) => void;
  onAction?: (action: RowAction, index: number) => void;
  /** The rows in view have changed: the moment to fetch those that are missing. */
  onWindow?: (first: number, last: number) => void;
  onResize?: (column: string, width: number) => void;
  /** A column was dragged, or moved with Ctrl-Shift-arrow, before another one. */
  onMove?: (column: string, before: string | undefined) => void;
  onMenu?: (column: string, anchor: HTMLElement) => void;
}
