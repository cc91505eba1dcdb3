// Where the pages of a run are.
import { href } from '$/lib/router.svelte';

/** The address of a run, of one of its tabs. */
export function runLink(runId: string, tab?: string): string {
  return href(`/runs/${encodeURIComponent(runId)}`, { tab });
}

/** The address of a file or a folder of a run; of all its files without a path. */
export function fileLink(runId: string, path = ''): string {
  const steps = path.split('/').map(encodeURIComponent).join('/');
  return href(`/runs/${encodeURIComponent(runId)}/artifacts${steps === '' ? '' : `/${steps}`}`);
}
