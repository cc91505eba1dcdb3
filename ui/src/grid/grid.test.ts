import { beforeEach, expect, test } from 'vitest';
import { VirtualGrid } from './grid';
import { columnOffsets, columnsInView, mayNotFit, rowsInView, scrollToRow } from './layout';
import { Selection } from './selection';
import type { GridColumn, GridOptions, GridRows } from './types';

const COLUMNS: GridColumn[] = Array.from({ length: 30 }, (_, index) => ({
  id: `metrics.m${index}`,
  title: `m${index}`,
  width: 96,
  align: 'right',
  sortable: true,
}));

function rowsOf(count: number): GridRows {
  return {
    count,
    key: (index) => `run${index}`,
    lead: (index) => ({ text: `run ${index}`, level: 0, href: `/runs/run${index}` }),
    cell: (index, column) => ({ text: `${column}@${index}` }),
  };
}

let host: HTMLElement;
beforeEach(() => {
  document.body.replaceChildren();
  host = document.createElement('div');
  document.body.append(host);
});

function makeGrid(count: number, options: Partial<GridOptions> = {}) {
  const grid = new VirtualGrid(host, {
    label: 'Runs',
    leadTitle: 'Name',
    leadWidth: 260,
    selectable: true,
    ...options,
  });
  grid.setColumns(COLUMNS, 260, undefined);
  grid.setRows(rowsOf(count));
  grid.drawNow();
  return grid;
}

function shownNames(): string[] {
  return [...host.querySelectorAll<HTMLElement>('.grid-row:not([hidden]) .grid-link')].map(
    (one) => one.textContent ?? '',
  );
}

function press(key: string, init: KeyboardEventInit = {}) {
  host.dispatchEvent(new KeyboardEvent('keydown', { key, bubbles: true, cancelable: true, ...init }));
}

test('ten thousand rows of thirty columns need fewer than 1,500 elements', () => {
  makeGrid(10_000);
  expect(host.querySelectorAll('*').length).toBeLessThan(1500);
  expect(host.getAttribute('aria-rowcount')).toBe('10001');
  expect(host.getAttribute('aria-colcount')).toBe('31');
});

test('scrolling to the end shows the last row and makes no more elements than the view needs', () => {
  const grid = makeGrid(10_000);
  const scroller = host.querySelector('.grid-scroller') as HTMLElement;
  scroller.scrollTop = 10_000 * 30 + 34 - 720;
  grid.drawNow();
  expect(shownNames()).toContain('run 9999');
  expect(shownNames()).not.toContain('run 0');
  expect(host.querySelectorAll('*').length).toBeLessThan(1500);
});

test('scrolling sideways shows the last column under its own heading', () => {
  const grid = makeGrid(100);
  const scroller = host.querySelector('.grid-scroller') as HTMLElement;
  scroller.scrollLeft = 30 * 96 + 260 - 1200;
  grid.drawNow();
  const headings = [...host.querySelectorAll('.grid-heading .grid-title')].map((one) => one.textContent);
  expect(headings).toContain('m29');
  expect(headings).not.toContain('m0');
  const row = host.querySelector('[aria-rowindex="2"]:not(.grid-head)');
  const last = [...(row?.querySelectorAll('.grid-cell') ?? [])].find(
    (cell) => cell.getAttribute('aria-colindex') === '31',
  );
  expect(last?.textContent).toBe('metrics.m29@0');
});

test('a row says its place in the whole table and begins with its heading', () => {
  makeGrid(50);
  const row = host.querySelector('.grid-row[aria-rowindex="6"]');
  const lead = row?.firstElementChild;
  expect(lead?.querySelector('.grid-link')?.textContent).toBe('run 4');
  expect(lead?.getAttribute('role')).toBe('rowheader');
});

test('arrows move the active row and Shift with them selects a range', () => {
  let selected: string[] = [];
  const grid = makeGrid(50, { onSelect: (keys) => (selected = [...keys]) });
  press('ArrowDown');
  press('ArrowDown');
  expect(grid.activeRow).toBe(1);
  press('ArrowDown', { shiftKey: true });
  press('ArrowDown', { shiftKey: true });
  expect(selected.sort()).toEqual(['run1', 'run2', 'run3']);
});

test('the active cell is named to assistive technology', () => {
  const grid = makeGrid(50);
  press('ArrowDown');
  press('ArrowRight');
  grid.drawNow();
  const active = document.getElementById(host.getAttribute('aria-activedescendant') ?? '');
  expect(active?.textContent).toBe('metrics.m0@0');
});

test('Enter opens the active row and space selects it', () => {
  const opened: number[] = [];
  let selected: string[] = [];
  makeGrid(50, { onOpen: (index) => opened.push(index), onSelect: (keys) => (selected = [...keys]) });
  press('ArrowDown');
  press('Enter');
  press(' ');
  expect(opened).toEqual([0]);
  expect(selected).toEqual(['run0']);
});

test('a click on a heading sorts, with Shift as one more column', () => {
  const sorts: [string, boolean][] = [];
  makeGrid(5, { onSort: (column, additive) => sorts.push([column, additive]) });
  const button = host.querySelector<HTMLElement>('[data-column="metrics.m1"] .grid-sort');
  button?.dispatchEvent(new MouseEvent('click', { bubbles: true }));
  button?.dispatchEvent(new MouseEvent('click', { bubbles: true, shiftKey: true }));
  expect(sorts).toEqual([
    ['metrics.m1', false],
    ['metrics.m1', true],
  ]);
});

test('rows that have not arrived are shown as waiting', () => {
  const grid = makeGrid(3);
  grid.setRows({ ...rowsOf(3), key: () => undefined, lead: () => undefined, cell: () => undefined });
  grid.drawNow();
  expect(host.querySelectorAll('.grid-row.waiting').length).toBe(3);
});

test('fewer rows than before leave no rows behind', () => {
  const grid = makeGrid(40);
  grid.setRows(rowsOf(2));
  grid.drawNow();
  expect(shownNames()).toEqual(['run 0', 'run 1']);
});

test('the arithmetic of views', () => {
  expect(rowsInView(0, 300, 30, 1000, 4)).toEqual({ first: 0, end: 14 });
  expect(rowsInView(29_700, 300, 30, 1000, 4)).toEqual({ first: 986, end: 1000 });
  expect(rowsInView(9000, 300, 30, 10, 4)).toEqual({ first: 10, end: 10 });
  const offsets = columnOffsets([100, 50, 200]);
  expect(offsets).toEqual([0, 100, 150, 350]);
  expect(columnsInView(offsets, 120, 40)).toEqual({ first: 1, end: 3 });
  expect(columnsInView([0], 0, 500)).toEqual({ first: 0, end: 0 });
  expect(scrollToRow(50, 30, 0, 300)).toBe(1230);
  expect(scrollToRow(2, 30, 0, 300)).toBe(0);
});

test('cells stand below their headings when the first column gets another width', () => {
  const grid = makeGrid(3);
  grid.setRows(rowsOf(3));
  grid.drawNow();
  for (const leadWidth of [190, 280]) {
    grid.setColumns(COLUMNS, leadWidth, undefined);
    grid.drawNow();
    const lefts = (name: string) => [...host.querySelectorAll<HTMLElement>(name)].map((cell) => cell.style.left);
    const headings = lefts('.grid-heading');
    expect(headings[0]).toBe(`${leadWidth}px`);
    expect(lefts('.grid-row:first-child .grid-cell')).toEqual(headings);
  }
});

test('only a cell whose text may be too long for it is clipped', () => {
  expect(mayNotFit('0.12345', 84)).toBe(false);
  expect(mayNotFit('-1.2345e-10', 84)).toBe(true);
  expect(mayNotFit('gbm', 84)).toBe(false);
  expect(mayNotFit('WWWWW', 84)).toBe(true);
  const grid = makeGrid(3);
  const long = { text: 'a text that is far too long for its column' };
  grid.setRows({ ...rowsOf(3), cell: (index) => (index === 1 ? long : { text: '1' }) });
  grid.drawNow();
  const clipped = [...host.querySelectorAll('.grid-row')].map(
    (row) => row.querySelector('.grid-cell.clipped') !== null,
  );
  expect(clipped).toEqual([false, true, false]);
});

test('a range begins where the last choice was made', () => {
  const selection = new Selection();
  selection.toggle(5, 'k5');
  selection.extendTo(2, (index) => (index === 3 ? undefined : `k${index}`));
  expect([...selection.keys].sort()).toEqual(['k2', 'k4', 'k5']);
});
