// Which page stands at which address. A page is loaded when it is first shown; it gets the
// parameters of its path as properties.
import type { Component } from 'svelte';
import { matchPath, type Params } from '$/lib/router.svelte';
import ExperimentsPage from '$/pages/experiments/ExperimentsPage.svelte';
import RunsPage from '$/pages/runs/RunsPage.svelte';
import { firstOfRun } from '$/run/paths';

export interface PageModule {
  // A page takes the parameters of its own path: which ones, its pattern says.
  // biome-ignore lint/suspicious/noExplicitAny: the properties differ from page to page.
  default: Component<any>;
}

export interface Route {
  pattern: string;
  /** The entry of the left rail that is marked. */
  area: 'production' | 'experiments' | 'models' | 'audit' | 'settings';
  load: () => Promise<PageModule>;
  /** What the page asks first: asked while its code loads when a visit begins with it. */
  ahead?: (params: Params) => string[];
}

// The two pages that people open first come with the frame: that saves a round trip.
export const ROUTES: Route[] = [
  {
    pattern: '/experiments',
    area: 'experiments',
    load: () => Promise.resolve({ default: ExperimentsPage }),
  },
  {
    pattern: '/experiments/:id/runs',
    area: 'experiments',
    load: () => Promise.resolve({ default: RunsPage }),
  },
  {
    pattern: '/models',
    area: 'models',
    load: () => import('$/pages/models/ModelsPage.svelte'),
  },
  {
    pattern: '/models/:name',
    area: 'models',
    load: () => import('$/pages/models/ModelPage.svelte'),
  },
  {
    pattern: '/models/:name/compare',
    area: 'models',
    load: () => import('$/pages/models/DiffPage.svelte'),
  },
  {
    pattern: '/models/:name/versions/:version',
    area: 'models',
    load: () => import('$/pages/models/VersionPage.svelte'),
  },
  {
    pattern: '/compare',
    area: 'experiments',
    load: () => import('$/pages/compare/ComparePage.svelte'),
  },
  {
    pattern: '/',
    area: 'production',
    load: () => import('$/pages/production/ProductionPage.svelte'),
  },
  {
    pattern: '/audit',
    area: 'audit',
    load: () => import('$/pages/audit/AuditPage.svelte'),
  },
  {
    pattern: '/settings',
    area: 'settings',
    load: () => import('$/pages/settings/SettingsPage.svelte'),
  },
  {
    pattern: '/runs/:id',
    area: 'experiments',
    load: () => import('$/pages/run/RunPage.svelte'),
    ahead: ({ id }) => firstOfRun(id ?? ''),
  },
  {
    pattern: '/runs/:id/artifacts/*path',
    area: 'experiments',
    load: () => import('$/pages/run/ArtifactsPage.svelte'),
  },
];

/** The route of a path with the parameters found in it. */
export function findRoute(path: string): { route: Route; params: Params } | undefined {
  for (const route of ROUTES) {
    const params = matchPath(route.pattern, path);
    if (params) return { route, params };
  }
  return undefined;
}
