// Each page by its address, by reload and back, and by mouse.
import { companyPage, PAGE_NAMES } from '../support/pages.ts';
import { expect, settled, test } from '../support/test.ts';

for (const name of PAGE_NAMES) {
  test(`${name} opens by its deep link and after a reload`, async ({ page, open, content }) => {
    const one = await companyPage(content.url, name);
    await open(one.path);
    await one.shows(page);
    await page.reload();
    await settled(page);
    await one.shows(page);
  });
}

test('an unknown address says so and leads on', async ({ page, open }) => {
  await open('/nowhere/at/all');
  await expect(page.locator('main')).toContainText(/not found|no page|nothing/i);
  await expect(page.locator('main').getByRole('link').first()).toBeVisible();
});

test('the mouse leads from the experiments to a run and back', async ({ page, open }) => {
  await open('/experiments');
  await page.getByRole('link', { name: 'churn-prediction' }).click();
  await expect(page).toHaveURL(/\/experiments\/\d+\/runs/);
  const grid = page.getByRole('grid', { name: 'Runs' });
  await expect(grid).toBeVisible();
  await grid.getByRole('rowheader').first().getByRole('link').first().click();
  await expect(page).toHaveURL(/\/runs\/[0-9a-f]{32}/);
  await page.goBack();
  await expect(page).toHaveURL(/\/experiments\/\d+\/runs/);
  await expect(grid).toBeVisible();
  await page.goBack();
  await expect(page).toHaveURL(/\/experiments$/);
});

test('the rail leads to every area', async ({ page, open }) => {
  await open('/experiments');
  const rail = page.getByRole('navigation', { name: 'Areas' });
  for (const [name, path] of [['Models', '/models'], ['Audit', '/audit'], ['Settings', '/settings'], ['Production', '/'], ['Experiments', '/experiments']]) {
    await rail.getByRole('link', { name, exact: true }).click();
    await expect(page).toHaveURL((url) => url.pathname === path);
    await settled(page);
    await expect(rail.getByRole('link', { name, exact: true })).toHaveAttribute('aria-current', 'page');
  }
});

test('what was filtered and sorted stands in the address', async ({ page, open, content }) => {
  await open(`/experiments/${content.many}/runs`);
  const status = page.locator('main').getByRole('status').first();
  await expect(status).toContainText('10,000 runs');
  const filter = page.getByRole('combobox', { name: 'Filter the runs' });
  await filter.fill('metrics.m00 < 100');
  await filter.press('Enter');
  await expect(status).toContainText(/^\s*100 runs/);
  await page.reload();
  await settled(page);
  await expect(filter).toHaveValue('metrics.m00 < 100');
  await expect(status).toContainText(/^\s*100 runs/);
});

test('a filter with a fault is explained beside the field', async ({ page, open, content, guard }) => {
  guard.allow(/400/);
  await open(`/experiments/${content.many}/runs`);
  const filter = page.getByRole('combobox', { name: 'Filter the runs' });
  await filter.fill('metrics.m00 <');
  await filter.press('Enter');
  await expect(page.getByRole('alert')).toBeVisible();
  await filter.fill('');
  await filter.press('Enter');
  await expect(page.getByRole('alert')).toHaveCount(0);
});
