// What the palette finds: pages, experiments, runs and models. It asks the server and ranks nothing:
// the order is that of the kinds.
import type { ExperimentSummaries, Table } from '$/api/types';
import { api, MLFLOW, OWN } from '$/lib/api';
import { href } from '$/lib/router.svelte';
import { quoteText } from '$/lib/wire';

export interface Hit {
  kind: 'Page' | 'Experiment' | 'Run' | 'Model';
  label: string;
  detail: string;
  href: string;
}

const PAGES: Hit[] = [
  { kind: 'Page', label: 'Production', detail: 'what runs in production', href: href('/') },
  { kind: 'Page', label: 'Experiments', detail: 'all experiments', href: href('/experiments') },
  { kind: 'Page', label: 'Models', detail: 'the model registry', href: href('/models') },
  { kind: 'Page', label: 'Audit log', detail: 'who changed what', href: href('/audit') },
  { kind: 'Page', label: 'Settings', detail: 'webhooks, storage, theme', href: href('/settings') },
];

const PER_KIND = 6;
const RUNS_OF_EXPERIMENTS = 200;

/** Pages whose name contains the text. */
export function findPages(text: string): Hit[] {
  return PAGES.filter((page) => page.label.toLowerCase().includes(text.toLowerCase()));
}

/** The page at an address, among those that have a name of their own. */
export function findPage(address: string): Hit | undefined {
  return PAGES.find((page) => page.href === address);
}

/** Experiments, runs and models that the server finds; a kind that fails is left out. */
export async function findOnServer(text: string, signal: AbortSignal): Promise<Hit[]> {
  const found = await Promise.allSettled([
    findExperiments(text, signal),
    findRuns(text, signal),
    findModels(text, signal),
  ]);
  return found.flatMap((one) => (one.status === 'fulfilled' ? one.value : []));
}

async function findExperiments(search: string, signal: AbortSignal): Promise<Hit[]> {
  const query = { search, limit: PER_KIND };
  const answer = await api.get<ExperimentSummaries>(`${OWN}/experiments/summary`, { query, signal });
  return answer.experiments.map((one) => ({
    kind: 'Experiment',
    label: one.name,
    detail: `${one.runs} runs`,
    href: href(`/experiments/${one.experiment_id}/runs`),
  }));
}

async function findRuns(text: string, signal: AbortSignal): Promise<Hit[]> {
  if (text.length < 2) return [];
  const query = { limit: RUNS_OF_EXPERIMENTS };
  const { experiments } = await api.get<ExperimentSummaries>(`${OWN}/experiments/summary`, { query, signal });
  if (experiments.length === 0) return [];
  const pattern = quoteText(`%${text}%`);
  const question = {
    experiment_ids: experiments.map((one) => one.experiment_id),
    filter: /^[0-9a-f]{32}$/.test(text) ? `run_id = '${text}'` : `run_name ILIKE ${pattern}`,
    limit: PER_KIND,
  };
  const table = await api.post<Table>(`${OWN}/runs/table`, question, { signal });
  const names = new Map(experiments.map((one) => [one.experiment_id, one.name]));
  return table.run_id.map((runId, index) => ({
    kind: 'Run',
    label: table.name[index] ?? runId,
    detail: names.get(table.experiment_id[index] ?? '') ?? '',
    href: href(`/runs/${runId}`),
  }));
}

async function findModels(text: string, signal: AbortSignal): Promise<Hit[]> {
  const query = { filter: `name ILIKE ${quoteText(`%${text}%`)}`, max_results: PER_KIND };
  const answer = await api.get<{ registered_models?: { name: string; description?: string }[] }>(
    `${MLFLOW}/registered-models/search`,
    { query, signal },
  );
  return (answer.registered_models ?? []).map((model) => ({
    kind: 'Model',
    label: model.name,
    detail: model.description ?? '',
    href: href(`/models/${encodeURIComponent(model.name)}`),
  }));
}
