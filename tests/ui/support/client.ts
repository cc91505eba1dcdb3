// A client that logs, as mlflow's would: the few calls of its API that the tests need.

export interface Metric {
  key: string;
  value: number | string;
  step: number;
  timestamp: number;
}

export interface Pair {
  key: string;
  value: string;
}

export class Client {
  constructor(readonly url: string) {}

  async call<T>(path: string, body: unknown, method = 'POST'): Promise<T> {
    const answer = await fetch(`${this.url}/api/2.0/mlflow/${path}`, {
      method,
      headers: { 'content-type': 'application/json' },
      body: method === 'GET' ? undefined : JSON.stringify(body),
    });
    const text = await answer.text();
    if (!answer.ok) throw new Error(`${path} answered ${answer.status}: ${text}`);
    return JSON.parse(text) as T;
  }

  async experiment(name: string, tags: Pair[] = []): Promise<string> {
    const made = await this.call<{ experiment_id: string }>('experiments/create', { name, tags });
    return made.experiment_id;
  }

  async experimentId(name: string): Promise<string> {
    const path = `experiments/get-by-name?experiment_name=${encodeURIComponent(name)}`;
    const found = await this.call<{ experiment: { experiment_id: string } }>(path, undefined, 'GET');
    return found.experiment.experiment_id;
  }

  async run(experiment_id: string, run_name: string, tags: Pair[] = [], start_time = Date.now()): Promise<string> {
    const body = { experiment_id, run_name, start_time, user_id: 'tester', tags };
    const made = await this.call<{ run: { info: { run_id: string } } }>('runs/create', body);
    return made.run.info.run_id;
  }

  log(run_id: string, metrics: Metric[], params: Pair[] = [], tags: Pair[] = []): Promise<unknown> {
    return this.call('runs/log-batch', { run_id, metrics, params, tags });
  }

  end(run_id: string, status = 'FINISHED', end_time = Date.now()): Promise<unknown> {
    return this.call('runs/update', { run_id, status, end_time });
  }

  async runIds(experiment_id: string, filter = '', max_results = 100): Promise<string[]> {
    const body = { experiment_ids: [experiment_id], filter, max_results };
    const found = await this.call<{ runs?: { info: { run_id: string } }[] }>('runs/search', body);
    return (found.runs ?? []).map((run) => run.info.run_id);
  }

  async keep(run_id: string, path: string, content: string | Uint8Array): Promise<void> {
    const query = `run_uuid=${run_id}&path=${encodeURIComponent(path)}`;
    const answer = await fetch(`${this.url}/ajax-api/2.0/mlflow/upload-artifact?${query}`, {
      method: 'POST',
      headers: { 'content-type': 'application/octet-stream' },
      body: content as BodyInit,
    });
    if (!answer.ok) throw new Error(`${path} was not kept: ${answer.status} ${await answer.text()}`);
  }
}

/** Works the items off, a few at the same time. */
export async function inParallel<T>(items: T[], width: number, work: (item: T) => Promise<void>): Promise<void> {
  const queue = items[Symbol.iterator]();
  const worker = async () => {
    for (let next = queue.next(); !next.done; next = queue.next()) await work(next.value);
  };
  await Promise.all(Array.from({ length: width }, worker));
}
