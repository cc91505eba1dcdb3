// The virtual table: any number of rows and columns, with nodes for those in view only. The first
// column and the headings stay. Plain TypeScript: it knows neither runs nor a framework.
//
// Invariant: the nodes of row `i` stand in slot `i % slots.length`, so a row keeps its nodes while
// it is in view and scrolling by one row fills one row.
import './grid.css';
import { HeaderView } from './header';
import { columnOffsets, columnsInView, rowsInView, type Span, scrollToRow } from './layout';
import { element, type RowContext, RowView } from './row';
import { Selection } from './selection';
import type { GridColumn, GridOptions, GridRows, RowAction } from './types';

const ROW_HEIGHT = 30;
const HEAD_HEIGHT = 34;
// Rows beyond both edges that are drawn ahead of a scroll.
const EXTRA_ROWS = 4;
// Before the first measurement a screen of this size is assumed.
const DEFAULT_SIZE = { width: 1200, height: 720 };

const NO_ROWS: GridRows = { count: 0, key: () => undefined, lead: () => undefined, cell: () => undefined };

let nextId = 1;

export class VirtualGrid {
  readonly selection = new Selection();
  readonly #id = `grid${nextId++}`;
  readonly #host: HTMLElement;
  readonly #options: GridOptions;
  readonly #scroller = element('div', 'grid-scroller', 'presentation');
  readonly #canvas = element('div', 'grid-canvas', 'presentation');
  readonly #body = element('div', 'grid-body', 'rowgroup');
  readonly #header: HeaderView;
  readonly #rowHeight: number;
  readonly #observer: ResizeObserver | undefined;
  #rows: GridRows = NO_ROWS;
  #columns: GridColumn[] = [];
  #offsets: number[] = [0];
  #leadWidth: number;
  #slots: RowView[] = [];
  #size = DEFAULT_SIZE;
  #activeRow = -1;
  #activeColumn = 0;
  #frame = 0;
  #drawAll = true;

  constructor(host: HTMLElement, options: GridOptions) {
    this.#host = host;
    this.#options = options;
    this.#rowHeight = options.rowHeight ?? ROW_HEIGHT;
    this.#leadWidth = options.leadWidth;
    this.#header = new HeaderView(this.#headerContext());
    this.#build();
    this.#observer = typeof ResizeObserver === 'undefined' ? undefined : new ResizeObserver(() => this.#measure());
    this.#observer?.observe(this.#scroller);
    this.#measure();
  }

  get activeRow(): number {
    return this.#activeRow;
  }

  setColumns(columns: GridColumn[], leadWidth: number, leadSort: GridColumn['sort']) {
    this.#columns = columns;
    this.#leadWidth = leadWidth;
    this.#offsets = columnOffsets(columns.map((column) => column.width));
    this.#header.setLeadSort(leadSort);
    this.#host.setAttribute('aria-colcount', String(columns.length + 1));
    this.redraw();
  }

  setRows(rows: GridRows) {
    this.#rows = rows;
    this.#host.setAttribute('aria-rowcount', String(rows.count + 1));
    if (this.#activeRow >= rows.count) this.#activeRow = rows.count - 1;
    this.redraw();
  }

  /** Draws what is in view again: values, selection or order have changed. */
  redraw() {
    this.#drawAll = true;
    this.#schedule();
  }

  select(keys: Iterable<string>) {
    this.selection.replace(keys);
    this.redraw();
  }

  /** Makes a row the active one and brings it into view. */
  activate(index: number, column = this.#activeColumn) {
    if (this.#rows.count === 0) return;
    this.#activeRow = Math.max(0, Math.min(index, this.#rows.count - 1));
    this.#activeColumn = Math.max(0, Math.min(column, this.#columns.length));
    const height = this.#size.height - HEAD_HEIGHT;
    this.#scroller.scrollTop = scrollToRow(this.#activeRow, this.#rowHeight, this.#scroller.scrollTop, height);
    this.#scrollToColumn();
    this.redraw();
  }

  scrollToTop() {
    this.#scroller.scrollTop = 0;
  }

  focus() {
    this.#host.focus();
  }

  /** Moves by rows; with `extend` everything passed over is selected. */
  move(by: number, extend: boolean) {
    const from = this.#activeRow;
    this.activate(from < 0 ? 0 : from + by);
    if (extend) {
      if (from >= 0) this.selection.extendTo(from, this.#selectableKey);
      this.selection.extendTo(this.#activeRow, this.#selectableKey);
      this.#options.onSelect?.(this.selection.keys);
    }
  }

  toggleActive() {
    if (this.#activeRow >= 0) this.#toggle(this.#activeRow);
  }

  openActive(event: Event) {
    if (this.#activeRow >= 0) this.#options.onOpen?.(this.#activeRow, event);
  }

  actOnActive(action: RowAction) {
    if (this.#activeRow >= 0) this.#options.onAction?.(action, this.#activeRow);
  }

  destroy() {
    cancelAnimationFrame(this.#frame);
    this.#observer?.disconnect();
    this.#host.replaceChildren();
    this.#host.removeEventListener('keydown', this.#onKey);
    this.#host.removeEventListener('click', this.#onClick);
  }

  /** Draws now instead of with the next frame. */
  drawNow() {
    cancelAnimationFrame(this.#frame);
    this.#frame = 0;
    this.#draw();
  }

  #build() {
    const host = this.#host;
    host.classList.add('grid');
    host.setAttribute('role', 'grid');
    host.setAttribute('aria-label', this.#options.label);
    if (this.#options.selectable) host.setAttribute('aria-multiselectable', 'true');
    host.tabIndex = 0;
    const head = element('div', 'grid-headgroup', 'rowgroup');
    head.append(this.#header.row);
    this.#canvas.append(head, this.#body);
    this.#scroller.append(this.#canvas);
    host.append(this.#scroller);
    host.style.setProperty('--row-height', `${this.#rowHeight}px`);
    host.style.setProperty('--head-height', `${HEAD_HEIGHT}px`);
    this.#scroller.addEventListener('scroll', () => this.#schedule(), { passive: true });
    host.addEventListener('keydown', this.#onKey);
    host.addEventListener('click', this.#onClick);
  }

  #measure() {
    const { clientWidth: width, clientHeight: height } = this.#scroller;
    this.#size = width > 0 && height > 0 ? { width, height } : DEFAULT_SIZE;
    this.redraw();
  }

  #schedule() {
    if (this.#frame === 0) this.#frame = requestAnimationFrame(() => this.drawNow());
  }

  #headerContext() {
    return {
      columns: this.#columns,
      offsets: this.#offsets,
      leadWidth: this.#leadWidth,
      options: this.#options,
    };
  }

  #draw() {
    const { scrollTop, scrollLeft } = this.#scroller;
    const all = this.#drawAll;
    this.#drawAll = false;
    const rows = rowsInView(scrollTop, this.#size.height, this.#rowHeight, this.#rows.count, EXTRA_ROWS);
    const columns = columnsInView(this.#offsets, scrollLeft, Math.max(0, this.#size.width - this.#leadWidth));
    if (all) this.#resizeCanvas();
    this.#header.show(this.#headerContext(), columns, all);
    this.#drawRows(rows, columns, all);
    this.#options.onWindow?.(rows.first, rows.end);
  }

  #resizeCanvas() {
    this.#canvas.style.width = `${this.#leadWidth + (this.#offsets.at(-1) ?? 0)}px`;
    this.#canvas.style.height = `${HEAD_HEIGHT + this.#rows.count * this.#rowHeight}px`;
    this.#host.style.setProperty('--lead-width', `${this.#leadWidth}px`);
  }

  #drawRows(rows: Span, columns: Span, all: boolean) {
    const wanted = Math.ceil(this.#size.height / this.#rowHeight) + 2 * EXTRA_ROWS + 1;
    const context = this.#rowContext();
    const resized = this.#fitSlots(Math.min(wanted, this.#rows.count), context);
    for (let index = rows.first; index < rows.end; index += 1) {
      const slot = this.#slots[index % this.#slots.length];
      slot?.show(context, index, columns, all || resized);
    }
    // A slot may still show a row that has left the view: it is out of sight, yet must not lie
    // about its cells to those who read the tree.
    for (const slot of this.#slots) {
      const inView = slot.index >= rows.first && slot.index < rows.end;
      slot.body.hidden = !inView;
    }
    this.#host.toggleAttribute('aria-activedescendant', false);
    if (this.#activeRow >= rows.first && this.#activeRow < rows.end) {
      const slot = this.#slots[this.#activeRow % this.#slots.length];
      const cell = this.#activeColumn === 0 ? slot?.lead.id : `${this.#id}-cursor`;
      if (cell) this.#host.setAttribute('aria-activedescendant', cell);
    }
  }

  #fitSlots(wanted: number, context: RowContext): boolean {
    if (this.#slots.length === wanted) return false;
    while (this.#slots.length < wanted) {
      const slot = new RowView(context, this.#slots.length);
      this.#slots.push(slot);
      this.#body.append(slot.body);
    }
    for (const slot of this.#slots.splice(wanted)) slot.body.remove();
    // The remainder of every index has changed with the number of slots.
    for (const slot of this.#slots) slot.index = -1;
    return true;
  }

  #rowContext(): RowContext {
    return {
      id: this.#id,
      rows: this.#rows,
      columns: this.#columns,
      offsets: this.#offsets,
      leadWidth: this.#leadWidth,
      rowHeight: this.#rowHeight,
      selectable: this.#options.selectable,
      isSelected: (key) => key !== undefined && this.selection.keys.has(key),
      activeRow: this.#activeRow,
      activeColumn: this.#activeColumn,
    };
  }

  #selectableKey = (index: number): string | undefined => {
    return this.#rows.lead(index)?.group ? undefined : this.#rows.key(index);
  };

  #toggle(index: number) {
    const key = this.#selectableKey(index);
    if (key === undefined) return;
    this.selection.toggle(index, key);
    this.#options.onSelect?.(this.selection.keys);
    this.redraw();
  }

  #scrollToColumn() {
    if (this.#activeColumn === 0) return;
    const left = this.#offsets[this.#activeColumn - 1] ?? 0;
    const right = this.#offsets[this.#activeColumn] ?? left;
    const width = this.#size.width - this.#leadWidth;
    if (left < this.#scroller.scrollLeft) this.#scroller.scrollLeft = left;
    else if (right > this.#scroller.scrollLeft + width) this.#scroller.scrollLeft = right - width;
  }

  #onKey = (event: KeyboardEvent) => {
    if (event.target !== this.#host || event.ctrlKey || event.metaKey || event.altKey) return;
    const page = Math.max(1, Math.floor((this.#size.height - HEAD_HEIGHT) / this.#rowHeight) - 1);
    const moves: Record<string, () => void> = {
      ArrowDown: () => this.move(1, event.shiftKey),
      ArrowUp: () => this.move(-1, event.shiftKey),
      PageDown: () => this.move(page, event.shiftKey),
      PageUp: () => this.move(-page, event.shiftKey),
      Home: () => this.activate(0),
      End: () => this.activate(this.#rows.count - 1),
      ArrowLeft: () => this.activate(this.#activeRow, this.#activeColumn - 1),
      ArrowRight: () => this.activate(this.#activeRow, this.#activeColumn + 1),
      ' ': () => this.toggleActive(),
      Enter: () => this.openActive(event),
    };
    const move = moves[event.key];
    if (!move) return;
    event.preventDefault();
    event.stopPropagation();
    move();
  };

  #onClick = (event: MouseEvent) => {
    const target = event.target as Element;
    const row = target.closest('.grid-row');
    const slot = this.#slots.find((one) => one.body === row);
    if (!slot || slot.index < 0) return;
    const index = slot.index;
    this.#activeRow = index;
    const action = target.closest<HTMLElement>('[data-act]')?.dataset.act;
    if (event.shiftKey && this.#options.selectable) {
      event.preventDefault();
      this.selection.extendTo(index, this.#selectableKey);
      this.#options.onSelect?.(this.selection.keys);
      globalThis.getSelection?.()?.removeAllRanges();
    } else if (action === 'select') this.#toggle(index);
    else if (action) this.#options.onAction?.(action as RowAction, index);
    else if (this.#rows.lead(index)?.group) this.#options.onAction?.('expand', index);
    this.redraw();
  };
}
