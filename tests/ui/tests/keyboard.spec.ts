// Everything without a mouse.
import { expect, settled, test } from '../support/test.ts';

test('two keys go to each area', async ({ page, open }) => {
  await open('/experiments');
  for (const [keys, path] of [['gm', '/models'], ['ga', '/audit'], ['gs', '/settings'], ['gp', '/'], ['ge', '/experiments']]) {
    for (const key of keys) await page.keyboard.press(key);
    await expect(page).toHaveURL((url) => url.pathname === path);
    await settled(page);
  }
});

test('the palette finds an experiment', async ({ page, open }) => {
  await open('/experiments');
  await page.keyboard.press('Control+k');
  const dialog = page.getByRole('dialog');
  await expect(dialog).toBeVisible();
  await page.keyboard.type('fraud-det');
  await expect(dialog.getByText('fraud-detection').first()).toBeVisible();
  await page.keyboard.press('Enter');
  await expect(page).toHaveURL(/\/experiments\/\d+\/runs/);
  await expect(page.getByRole('heading', { name: 'fraud-detection' })).toBeVisible();
});

test('the sheet of shortcuts opens and closes, and gives the focus back', async ({ page, open }) => {
  await open('/experiments');
  const button = page.getByRole('button', { name: 'Shortcuts' });
  await button.focus();
  await page.keyboard.press('?');
  const dialog = page.getByRole('dialog');
  await expect(dialog).toBeVisible();
  await page.keyboard.press('Escape');
  await expect(dialog).toBeHidden();
  await expect(button).toBeFocused();
});

test('rows are walked through, selected and opened by keys', async ({ page, open, content }) => {
  await open(`/experiments/${content.many}/runs`);
  const grid = page.getByRole('grid', { name: 'Runs' });
  await expect(grid.getByRole('row').nth(1)).toBeVisible();
  await page.keyboard.press('j');
  await page.keyboard.press('j');
  await page.keyboard.press('x');
  await expect(grid.locator('[role="row"][aria-selected="true"]')).toHaveCount(1);
  await page.keyboard.press('Escape');
  await expect(grid.locator('[role="row"][aria-selected="true"]')).toHaveCount(0);
  await page.keyboard.press('Enter');
  await expect(page).toHaveURL(/\/runs\/[0-9a-f]{32}/);
});

test('a change of the view is undone and redone', async ({ page, open, content }) => {
  await open(`/experiments/${content.many}/runs`);
  const before = page.url();
  await page.keyboard.press('d');
  await expect(page).toHaveURL(/diff=1/);
  await page.keyboard.press('Control+z');
  await expect(page).toHaveURL(before);
  await page.keyboard.press('Control+Shift+z');
  await expect(page).toHaveURL(/diff=1/);
});

test('keys in a text field are text', async ({ page, open }) => {
  await open('/experiments');
  await page.keyboard.press('/');
  const search = page.getByRole('searchbox', { name: 'Search by name' });
  await expect(search).toBeFocused();
  await page.keyboard.type('gm?d');
  await expect(search).toHaveValue('gm?d');
  await expect(page).toHaveURL(/\/experiments/);
  await expect(page.getByRole('dialog')).toHaveCount(0);
});

test('the first tab stop skips to the page', async ({ page, open }) => {
  await open('/experiments');
  await page.keyboard.press('Tab');
  const skip = page.getByRole('button', { name: 'Skip to the page' });
  await expect(skip).toBeFocused();
  await page.keyboard.press('Enter');
  await expect(page.locator('main')).toBeFocused();
});
