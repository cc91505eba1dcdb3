// The nodes of one row: made once, then filled again and again with whatever row comes into view.
import { mayNotFit, type Span } from './layout';
import type { CellContent, GridColumn, GridRows, LeadContent } from './types';

export interface RowContext {
  id: string;
  rows: GridRows;
  columns: GridColumn[];
  offsets: number[];
  leadWidth: number;
  rowHeight: number;
  selectable: boolean;
  isSelected: (key: string | undefined) => boolean;
  activeRow: number;
  activeColumn: number;
}

export function element(name: string, className: string, role?: string): HTMLElement {
  const made = document.createElement(name);
  made.className = className;
  if (role) made.setAttribute('role', role);
  return made;
}

function setText(node: HTMLElement, text: string) {
  if (node.firstChild?.nodeType === 3) node.firstChild.nodeValue = text;
  else node.textContent = text;
}

/** One row of the grid: its heading, which stays in view, and its cells. */
export class RowView {
  index = -1;
  readonly body = element('div', 'grid-row', 'row');
  readonly lead = element('div', 'grid-lead', 'rowheader');
  #cells: HTMLElement[] = [];
  #shown: (string | undefined)[] = [];
  #expand = element('button', 'grid-expand');
  #box = element('span', 'grid-box');
  #swatch = element('button', 'grid-swatch');
  #link = element('a', 'grid-link') as HTMLAnchorElement;
  #note = element('span', 'grid-note');

  constructor(context: RowContext, slot: number) {
    this.lead.id = `${context.id}-l${slot}`;
    this.body.append(this.lead);
    this.lead.setAttribute('aria-colindex', '1');
    this.#expand.dataset.act = 'expand';
    this.#swatch.dataset.act = 'hide';
    this.#box.dataset.act = 'select';
    for (const button of [this.#expand, this.#swatch]) {
      button.setAttribute('type', 'button');
      button.tabIndex = -1;
    }
    this.#link.tabIndex = -1;
    this.#box.setAttribute('aria-hidden', 'true');
    if (context.selectable) this.lead.append(this.#expand, this.#box, this.#swatch, this.#link, this.#note);
    else this.lead.append(this.#link, this.#note);
  }

  /** Shows a row. `all` draws every cell again, else only those that came into view. */
  show(context: RowContext, index: number, span: Span, all: boolean) {
    const moved = this.index !== index;
    this.index = index;
    if (moved) {
      this.body.style.transform = `translateY(${index * context.rowHeight}px)`;
      this.body.setAttribute('aria-rowindex', String(index + 2));
      this.body.classList.toggle('odd', index % 2 === 1);
    }
    if (moved || all) this.#showLead(context, index);
    this.#showCells(context, index, span, moved || all);
  }

  #showLead(context: RowContext, index: number) {
    const content = context.rows.lead(index);
    const key = context.rows.key(index);
    const selected = context.isSelected(key);
    this.body.setAttribute('aria-selected', String(selected));
    const { classList } = this.body;
    classList.toggle('selected', selected);
    classList.toggle('active', context.activeRow === index);
    classList.toggle('group', content?.group === true);
    classList.toggle('dimmed', content?.hidden === true);
    classList.toggle('waiting', content === undefined);
    this.lead.classList.toggle('cursor', context.activeRow === index && context.activeColumn === 0);
    if (!content) {
      setText(this.#link, '');
      setText(this.#note, '');
      return;
    }
    this.#showName(content);
    if (context.selectable) this.#showControls(content);
  }

  #showName(content: LeadContent) {
    setText(this.#link, content.text);
    this.#link.title = content.title ?? content.text;
    if (content.href) this.#link.href = content.href;
    else this.#link.removeAttribute('href');
    setText(this.#note, content.note ?? '');
    this.lead.style.setProperty('--level', String(content.level));
  }

  #showControls(content: LeadContent) {
    const folds = content.expanded !== undefined;
    this.#expand.classList.toggle('none', !folds);
    this.#expand.classList.toggle('open', content.expanded === true);
    if (folds) {
      this.#expand.setAttribute('aria-expanded', String(content.expanded));
      this.#expand.setAttribute('aria-label', content.expanded ? 'Fold' : 'Unfold');
    }
    const swatch = this.#swatch;
    swatch.classList.toggle('none', content.color === undefined);
    swatch.classList.toggle('off', content.hidden === true);
    swatch.classList.toggle('faded', content.faded === true);
    swatch.style.setProperty('--swatch', content.color ?? 'transparent');
    swatch.setAttribute('aria-label', content.hidden ? 'Show in charts' : 'Hide in charts');
    swatch.title = content.hidden ? 'Show in charts' : 'Hide in charts';
    this.lead.classList.toggle('pinned', content.pinned === true);
  }

  #showCells(context: RowContext, index: number, span: Span, all: boolean) {
    const wanted = span.end - span.first;
    while (this.#cells.length < wanted) {
      const cell = element('div', 'grid-cell', 'gridcell');
      this.#cells.push(cell);
      this.#shown.push(undefined);
      this.body.append(cell);
    }
    while (this.#cells.length > wanted) {
      this.#cells.pop()?.remove();
      this.#shown.pop();
    }
    // A column keeps its node while it stays in view: the place is the remainder of its index.
    for (let column = span.first; column < span.end; column += 1) {
      const place = column % wanted;
      const cell = this.#cells[place];
      const definition = context.columns[column];
      if (!cell || !definition) continue;
      const isCursor = context.activeRow === index && context.activeColumn === column + 1;
      const left = context.leadWidth + (context.offsets[column] ?? 0);
      const version = `${definition.id}\u0000${left}\u0000${definition.width}`;
      if (this.#shown[place] !== version) {
        this.#placeCell(cell, definition, column, left);
        this.#shown[place] = version;
      } else if (!all) continue;
      fillCell(cell, context.rows.cell(index, definition.id), definition.width);
      cell.classList.toggle('cursor', isCursor);
      if (isCursor) cell.id = `${context.id}-cursor`;
      else if (cell.id) cell.removeAttribute('id');
    }
  }

  #placeCell(cell: HTMLElement, definition: GridColumn, column: number, left: number) {
    cell.style.left = `${left}px`;
    cell.style.width = `${definition.width}px`;
    cell.classList.toggle('right', definition.align === 'right');
    cell.setAttribute('aria-colindex', String(column + 2));
  }
}

function fillCell(cell: HTMLElement, content: CellContent | undefined, width: number) {
  const text = content ? (content.mark ? `${content.mark} ${content.text}` : content.text) : '';
  setText(cell, text);
  cell.classList.toggle('clipped', mayNotFit(text, width));
  if (text === '') cell.removeAttribute('title');
  else cell.title = content?.title ?? content?.text ?? '';
  if (content?.tone) cell.dataset.tone = content.tone;
  else delete cell.dataset.tone;
}
