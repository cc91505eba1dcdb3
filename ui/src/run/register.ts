// Which folders of a run hold a model that can be registered.
import { listFolder } from '$/artifacts/api';
import { type Run, tagOf } from './api';

/** Gives the folders that the client has logged as models, else those at the top that have an MLmodel file. */
export async function listModelFolders(run: Run, signal: AbortSignal): Promise<string[]> {
  const logged = historyFolders(tagOf(run, 'mlflow.log-model.history'));
  if (logged.length > 0) return logged;
  const folders = (await listFolder(run.info.run_id, '', signal)).filter((entry) => entry.is_dir).slice(0, 8);
  const inside = await Promise.all(folders.map((folder) => listFolder(run.info.run_id, folder.path, signal)));
  return folders
    .filter((_, index) => inside[index]?.some((entry) => entry.path.endsWith('/MLmodel')))
    .map((folder) => folder.path);
}

/** Reads the folders of the tag in which older clients keep what they have logged. */
export function historyFolders(history: string | undefined): string[] {
  if (!history) return [];
  try {
    const entries: unknown = JSON.parse(history);
    if (!Array.isArray(entries)) return [];
    const paths = entries.map((entry: { artifact_path?: unknown } | null) => entry?.artifact_path);
    return [...new Set(paths.filter((path): path is string => typeof path === 'string'))];
  } catch {
    return [];
  }
}
