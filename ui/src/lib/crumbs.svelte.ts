// Where the page stands: its breadcrumb and the title of the window. Each page sets its own.

export interface Crumb {
  label: string;
  href?: string;
}

class Crumbs {
  list = $state.raw<Crumb[]>([]);

  set(list: Crumb[]) {
    this.list = list;
    const names = list.map((crumb) => crumb.label).reverse();
    document.title = [...names, 'Trackway'].join(' · ');
  }
}

export const crumbs = new Crumbs();

/** The breadcrumb of the page that calls it, kept up to date. */
export function breadcrumb(list: () => Crumb[]) {
  $effect(() => crumbs.set(list()));
}
