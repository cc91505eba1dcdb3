// The router: the address is the state of the page. It knows paths and queries and nothing of what
// a page shows. Links are plain `<a href={href('/..')}>`; a click on one inside the interface is taken
// over here. Paths are the interface's own: the prefix under which the server stands is added and
// taken away here and nowhere else.

export type Params = Record<string, string>;
export type QueryPatch = Record<string, string | string[] | null | undefined>;

/** How a new address enters the browser's history. */
export interface Navigation {
  /** Replaces the current entry: for changes of a view, which undo and redo keep track of. */
  replace?: boolean;
  /** Leaves the scroll position where it is. */
  keepScroll?: boolean;
}

/** The prefix under which the server stands, without a slash at its end: `` or `/x`. */
export const BASE = new URL('.', document.baseURI).pathname.replace(/\/$/, '');

/** The interface's own path of a browser's path. */
export function toAppPath(pathname: string): string {
  if (BASE === '' || !`${pathname}/`.startsWith(`${BASE}/`)) return pathname;
  return pathname.slice(BASE.length) || '/';
}

class Location {
  path = $state(toAppPath(globalThis.location?.pathname ?? '/'));
  search = $state(globalThis.location?.search ?? '');
  hash = $state(globalThis.location?.hash ?? '');
  readonly query = $derived(new URLSearchParams(this.search));

  /** Reads the address that the browser shows now. */
  readFromBrowser() {
    this.path = toAppPath(globalThis.location.pathname);
    this.search = globalThis.location.search;
    this.hash = globalThis.location.hash;
  }
}

export const location = new Location();

/** Goes to an address within the interface. */
export function navigate(to: string, { replace = false, keepScroll = false }: Navigation = {}) {
  const target = new URL(to, globalThis.location.href);
  const path = toAppPath(target.pathname);
  const rest = target.search + target.hash;
  if (path + rest === location.path + location.search + location.hash) return;
  const samePath = path === location.path;
  if (replace) history.replaceState(history.state, '', BASE + path + rest);
  else history.pushState(null, '', BASE + path + rest);
  location.readFromBrowser();
  if (!samePath && !keepScroll) globalThis.scrollTo?.(0, 0);
}

/** The current query with changes: `null`, `undefined` and the empty text remove a name. */
export function patchedSearch(search: string, patch: QueryPatch): string {
  const query = new URLSearchParams(search);
  for (const [name, value] of Object.entries(patch)) {
    query.delete(name);
    if (Array.isArray(value)) for (const one of value) query.append(name, one);
    else if (value !== null && value !== undefined && value !== '') query.set(name, value);
  }
  const text = query.toString();
  return text === '' ? '' : `?${text}`;
}

/** The address of a page, for `<a href>` and for `navigate`, from its path and query. */
export function href(path: string, query: QueryPatch = {}): string {
  return BASE + path + patchedSearch('', query);
}

/** Matches `/runs/:id/artifacts/*path` against a path; the parameters are decoded. */
export function matchPath(pattern: string, path: string): Params | undefined {
  const names: string[] = [];
  const source = pattern.replace(/\/(:|\*)(\w+)|[.+?^${}()|[\]\\]/g, (found, kind: string, name: string) => {
    if (!name) return `\\${found}`;
    names.push(name);
    return kind === ':' ? '/([^/]+)' : '(?:/(.*))?';
  });
  const match = new RegExp(`^${source}/?$`).exec(path);
  if (!match) return undefined;
  const params: Params = {};
  for (const [index, name] of names.entries()) params[name] = decodePart(match[index + 1] ?? '');
  return params;
}

function decodePart(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

// What a click must look like to be ours: a plain left click on a link to a page of the interface.
function linkOfClick(event: MouseEvent): HTMLAnchorElement | undefined {
  if (event.defaultPrevented || event.button !== 0) return undefined;
  if (event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return undefined;
  const link = (event.target as Element | null)?.closest?.('a');
  if (!link?.href || link.target || link.hasAttribute('download') || link.dataset.external !== undefined) {
    return undefined;
  }
  const address = new URL(link.href);
  const path = toAppPath(address.pathname);
  const ours = address.origin === globalThis.location.origin && !/^\/(ajax-)?api\//.test(path);
  const onlyHash = path + address.search === location.path + location.search && address.hash !== '';
  return ours && !onlyHash ? link : undefined;
}

/** Starts to follow clicks and the browser's back and forward; gives what stops it. */
export function startRouter(): () => void {
  const onClick = (event: MouseEvent) => {
    const link = linkOfClick(event);
    if (!link) return;
    event.preventDefault();
    navigate(link.href);
  };
  const onPop = () => location.readFromBrowser();
  document.addEventListener('click', onClick);
  globalThis.addEventListener('popstate', onPop);
  globalThis.addEventListener('hashchange', onPop);
  return () => {
    document.removeEventListener('click', onClick);
    globalThis.removeEventListener('popstate', onPop);
    globalThis.removeEventListener('hashchange', onPop);
  };
}
