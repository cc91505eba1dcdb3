// The view of a page: what its query says, and the way back. A change of the view replaces the
// address and goes on an undo stack; the browser's Back leaves the page instead of stepping
// through every sorted column. The stack belongs to one path and is forgotten with it.
import { location, navigate, patchedSearch, type QueryPatch } from './router.svelte';

const MAX_STEPS = 100;

class ViewHistory {
  #path = '';
  #past: string[] = [];
  #future: string[] = [];

  change(patch: QueryPatch) {
    this.#forgetOtherPath();
    const next = patchedSearch(location.search, patch);
    if (next === location.search) return;
    this.#past.push(location.search);
    if (this.#past.length > MAX_STEPS) this.#past.shift();
    this.#future = [];
    this.#show(next);
  }

  undo(): boolean {
    return this.#step(this.#past, this.#future);
  }

  redo(): boolean {
    return this.#step(this.#future, this.#past);
  }

  #step(from: string[], to: string[]): boolean {
    this.#forgetOtherPath();
    const search = from.pop();
    if (search === undefined) return false;
    to.push(location.search);
    this.#show(search);
    return true;
  }

  #show(search: string) {
    navigate(location.path + search + location.hash, { replace: true, keepScroll: true });
  }

  #forgetOtherPath() {
    if (this.#path === location.path) return;
    this.#path = location.path;
    this.#past = [];
    this.#future = [];
  }
}

export const viewHistory = new ViewHistory();

/** Changes the view: names of the query with their new values; `null` takes a name away. */
export function changeView(patch: QueryPatch) {
  viewHistory.change(patch);
}

/** Shows another part of the page (a tab, a page of results): the browser's Back returns. */
export function goToView(patch: QueryPatch) {
  navigate(location.path + patchedSearch(location.search, patch), { keepScroll: true });
}
