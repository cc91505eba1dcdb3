// Every page of the interface, each with what shows that it is the right one and has its data.
import type { Page } from '@playwright/test';
import { expect } from './test.ts';
import { Client } from './client.ts';

export interface PageCase {
  name: string;
  path: string;
  /** Whether the page shows what belongs there. */
  shows: (page: Page) => Promise<void>;
}

const text = (wanted: string | RegExp) => async (page: Page) => {
  await expect(page.locator('main').getByText(wanted).first()).toBeVisible();
};
const heading = (wanted: string | RegExp) => async (page: Page) => {
  await expect(page.locator('main').getByRole('heading', { name: wanted }).first()).toBeVisible();
};

/** The names of the pages, in the order of `companyPages`. */
export const PAGE_NAMES = [
  'production',
  'experiments',
  'runs as a table',
  'runs as charts',
  'comparison',
  'run',
  'artifact',
  'models',
  'model',
  'version',
  'version comparison',
  'audit log',
  'settings',
];

/** One of the made-up company's pages. */
export async function companyPage(url: string, name: string): Promise<PageCase> {
  const found = (await companyPages(url)).find((one) => one.name === name);
  if (!found) throw new Error(`there is no page ${name}`);
  return found;
}

/** The made-up company's pages. */
export async function companyPages(url: string): Promise<PageCase[]> {
  const client = new Client(url);
  const churn = await client.experimentId('churn-prediction');
  const model = await version(client, 'churn-classifier');
  const runs = await client.runIds(churn, "status = 'FINISHED'", 3);
  return [
    { name: 'production', path: '/', shows: text('churn-classifier') },
    { name: 'experiments', path: '/experiments', shows: text('fraud-detection') },
    { name: 'runs as a table', path: `/experiments/${churn}/runs`, shows: heading('churn-prediction') },
    { name: 'runs as charts', path: `/experiments/${churn}/runs?v=charts`, shows: text('val/auc') },
    { name: 'comparison', path: `/compare?runs=${runs.join(',')}`, shows: text('learning_rate') },
    { name: 'run', path: `/runs/${model.run_id}`, shows: text('val/logloss') },
    { name: 'artifact', path: `/runs/${model.run_id}/artifacts/model_card.md`, shows: text('Results') },
    { name: 'models', path: '/models', shows: text('fraud-scorer') },
    { name: 'model', path: '/models/churn-classifier', shows: text('champion') },
    { name: 'version', path: '/models/churn-classifier/versions/1?tab=signature', shows: text('tenure_months') },
    { name: 'version comparison', path: '/models/churn-classifier/compare?a=1&b=2', shows: text('val/auc') },
    { name: 'audit log', path: '/audit?action=registered_model.set_alias', shows: text('alias set') },
    { name: 'settings', path: '/settings', shows: text(/theme/i) },
  ];
}

async function version(client: Client, name: string): Promise<{ run_id: string }> {
  const path = `model-versions/get?name=${name}&version=1`;
  const found = await client.call<{ model_version: { run_id: string } }>(path, undefined, 'GET');
  return found.model_version;
}
