// One picture of each page at the usual width, in both themes, into docs/images or, to look at
// every page at every width, into the folder that TRACKWAY_PICTURES names.
import { mkdirSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { companyPage, PAGE_NAMES, type PageCase } from '../support/pages.ts';
import { settled, test } from '../support/test.ts';
import { smaller } from './png.ts';

const folder = process.env.TRACKWAY_PICTURES ?? fileURLToPath(new URL('../../../docs/images', import.meta.url));
const isComplete = process.env.TRACKWAY_PICTURES !== undefined;
/** The pages of the README, and their names there. */
const CHOSEN = new Map([
  ['production', 'production'],
  ['runs as a table', 'runs'],
  ['runs as charts', 'charts'],
  ['comparison', 'compare'],
  ['run', 'run'],
  ['model', 'model'],
]);
const WIDTHS = isComplete ? [1440, 900] : [1440];

const NAMES = isComplete ? PAGE_NAMES : [...CHOSEN.keys()];

for (const theme of ['light', 'dark'] as const) {
  for (const name of NAMES) {
    test(`${name}, ${theme}`, async ({ page, content, guard }) => {
      // A picture of a page with a fault is still worth looking at; the tests are the judges.
      guard.allow(/./);
      mkdirSync(folder, { recursive: true });
      await page.emulateMedia({ colorScheme: theme, reducedMotion: 'reduce' });
      const one = await companyPage(content.url, name);
      for (const width of WIDTHS) {
        await page.setViewportSize({ width, height: 900 });
        await take(page, one, `${folder}/${nameOf(one)}-${isComplete ? `${width}-` : ''}${theme}.png`);
      }
    });
  }
}

function nameOf(one: PageCase): string {
  return CHOSEN.get(one.name) ?? one.name.replaceAll(' ', '-');
}

async function take(page: import('@playwright/test').Page, one: PageCase, path: string): Promise<void> {
  await page.goto(one.path);
  const shown = settled(page).then(() => one.shows(page));
  if (isComplete) await shown.catch(() => undefined);
  else await shown;
  // Curves are drawn in the frame after their data has come.
  await page.waitForLoadState('load');
  await page.evaluate(() => new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve))));
  writeFileSync(path, smaller(await page.screenshot({ animations: 'disabled', caret: 'hide' })));
}
