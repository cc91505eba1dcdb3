// The files of runs: which there are near the top, and where their bytes are.
import { addressOf, api, MLFLOW, OWN } from './api';

interface Listed {
  files?: { path: string; is_dir: boolean; file_size?: number }[];
}

// Listing is one request per folder: the folders at the top say enough.
const MAX_FOLDERS = 6;

async function list(run_id: string, path: string, signal: AbortSignal) {
  const query = { run_id, path };
  return (await api.get<Listed>(`${MLFLOW}/artifacts/list`, { query, signal })).files ?? [];
}

/** The paths of the files of a run at the top and one folder below. */
export async function listFiles(runId: string, signal: AbortSignal): Promise<string[]> {
  const top = await list(runId, '', signal);
  const folders = top.filter((file) => file.is_dir).slice(0, MAX_FOLDERS);
  const below = await Promise.all(folders.map((folder) => list(runId, folder.path, signal)));
  return [...top, ...below.flat()].filter((file) => !file.is_dir).map((file) => file.path);
}

/** The path of a file of a run for `api`. */
export function artifactPath(runId: string, path: string): string {
  return `${OWN}/runs/${runId}/artifacts/${path.split('/').map(encodeURIComponent).join('/')}`;
}

/** The address of a file of a run for `<img>` and links. */
export function artifactAddress(runId: string, path: string): string {
  return addressOf(artifactPath(runId, path));
}
