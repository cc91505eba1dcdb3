// The row of headings: sorting by a click (more columns with Shift), resizing and moving by drag,
// and a menu for each column.
import type { Span } from './layout';
import { element } from './row';
import type { GridColumn, GridOptions } from './types';

const MIN_WIDTH = 48;

export interface HeaderContext {
  columns: GridColumn[];
  offsets: number[];
  leadWidth: number;
  options: GridOptions;
}

export class HeaderView {
  readonly row = element('div', 'grid-head', 'row');
  readonly #corner = element('div', 'grid-corner', 'columnheader');
  #cells = new Map<string, HTMLElement>();
  #context: HeaderContext;
  #dragged: string | undefined;

  constructor(context: HeaderContext) {
    this.#context = context;
    this.row.setAttribute('aria-rowindex', '1');
    this.#corner.setAttribute('aria-colindex', '1');
    this.#corner.append(this.#sortButton({ id: 'name', title: context.options.leadTitle } as GridColumn));
    const resize = element('span', 'grid-resize');
    resize.addEventListener('pointerdown', (event) => this.#startResize(event, undefined));
    this.#corner.append(resize);
    this.row.append(this.#corner);
  }

  /** Shows the headings of the columns in view. */
  show(context: HeaderContext, span: Span, all: boolean) {
    this.#context = context;
    this.#corner.style.width = `${context.leadWidth}px`;
    const inView = new Set<string>();
    for (let index = span.first; index < span.end; index += 1) {
      const column = context.columns[index];
      if (!column) continue;
      inView.add(column.id);
      const known = this.#cells.get(column.id);
      if (known && !all) continue;
      const cell = known ?? this.#make(column);
      this.#fill(cell, column, index);
    }
    for (const [id, cell] of this.#cells) {
      if (inView.has(id)) continue;
      cell.remove();
      this.#cells.delete(id);
    }
  }

  /** Marks the order of the first column, which is not among the others. */
  setLeadSort(sort: GridColumn['sort']) {
    this.#showSort(this.#corner, sort);
  }

  #make(column: GridColumn): HTMLElement {
    const cell = element('div', 'grid-heading', 'columnheader');
    cell.dataset.column = column.id;
    cell.append(this.#sortButton(column));
    if (this.#context.options.onMenu) cell.append(this.#menuButton(column));
    const resize = element('span', 'grid-resize');
    resize.addEventListener('pointerdown', (event) => this.#startResize(event, column.id));
    cell.append(resize);
    this.#makeMovable(cell, column.id);
    this.#cells.set(column.id, cell);
    this.row.append(cell);
    return cell;
  }

  #sortButton(column: GridColumn): HTMLElement {
    const button = element('button', 'grid-sort');
    button.setAttribute('type', 'button');
    button.append(element('span', 'grid-title'), element('span', 'grid-arrow'));
    const title = button.firstElementChild;
    if (title) title.textContent = column.title;
    button.addEventListener('click', (event) => {
      this.#context.options.onSort?.(column.id, (event as MouseEvent).shiftKey);
    });
    return button;
  }

  #menuButton(column: GridColumn): HTMLElement {
    const button = element('button', 'grid-menu');
    button.setAttribute('type', 'button');
    button.textContent = '⋮';
    button.setAttribute('aria-label', `What to do with the column ${column.title}`);
    button.addEventListener('click', () => this.#context.options.onMenu?.(column.id, button));
    return button;
  }

  #fill(cell: HTMLElement, column: GridColumn, index: number) {
    cell.style.left = `${this.#context.leadWidth + (this.#context.offsets[index] ?? 0)}px`;
    cell.style.width = `${column.width}px`;
    cell.setAttribute('aria-colindex', String(index + 2));
    cell.classList.toggle('right', column.align === 'right');
    const button = cell.querySelector<HTMLButtonElement>('.grid-sort');
    const title = cell.querySelector('.grid-title');
    if (title) title.textContent = column.title;
    if (button) {
      button.title = column.hint ?? column.title;
      button.disabled = !column.sortable;
    }
    this.#showSort(cell, column.sort);
  }

  #showSort(cell: HTMLElement, sort: GridColumn['sort']) {
    if (sort) cell.setAttribute('aria-sort', sort.descending ? 'descending' : 'ascending');
    else cell.removeAttribute('aria-sort');
    const arrow = cell.querySelector('.grid-arrow');
    if (arrow) arrow.textContent = sort ? `${sort.descending ? '↓' : '↑'}${sort.place > 0 ? sort.place : ''}` : '';
  }

  #startResize(event: PointerEvent, column: string | undefined) {
    event.preventDefault();
    event.stopPropagation();
    const { options, columns, leadWidth } = this.#context;
    const start = column ? (columns.find((one) => one.id === column)?.width ?? MIN_WIDTH) : leadWidth;
    const move = (moved: PointerEvent) => {
      options.onResize?.(column ?? 'name', Math.max(MIN_WIDTH, start + moved.clientX - event.clientX));
    };
    const stop = () => {
      globalThis.removeEventListener('pointermove', move);
      globalThis.removeEventListener('pointerup', stop);
    };
    globalThis.addEventListener('pointermove', move);
    globalThis.addEventListener('pointerup', stop);
  }

  #makeMovable(cell: HTMLElement, id: string) {
    cell.draggable = true;
    cell.addEventListener('dragstart', (event) => {
      if ((event.target as Element).closest('.grid-resize')) return event.preventDefault();
      this.#dragged = id;
      event.dataTransfer?.setData('text/plain', id);
    });
    cell.addEventListener('dragover', (event) => {
      if (!this.#dragged || this.#dragged === id) return;
      event.preventDefault();
      cell.classList.add('drop');
    });
    cell.addEventListener('dragleave', () => cell.classList.remove('drop'));
    cell.addEventListener('drop', (event) => {
      event.preventDefault();
      cell.classList.remove('drop');
      if (this.#dragged) this.#context.options.onMove?.(this.#dragged, id);
      this.#dragged = undefined;
    });
  }
}
