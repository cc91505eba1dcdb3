// Where a run and its metrics are asked for: apart from the rest of the run's code, which loads later.
import { addressOf, MLFLOW, OWN } from '$/lib/api';

export const RUN_PATH = `${MLFLOW}/runs/get`;

export function metricsPath(runId: string): string {
  return `${OWN}/runs/${encodeURIComponent(runId)}/metrics`;
}

/** What the page of a run asks for first. */
export function firstOfRun(runId: string): string[] {
  return [addressOf(RUN_PATH, { run_id: runId }), addressOf(metricsPath(runId))];
}
