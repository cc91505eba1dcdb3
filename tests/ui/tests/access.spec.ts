// Accessibility, as far as a program can tell: axe finds nothing serious on any page in any theme.
import AxeBuilder from '@axe-core/playwright';
import { companyPage, PAGE_NAMES } from '../support/pages.ts';
import { expect, test } from '../support/test.ts';

for (const theme of ['light', 'dark'] as const) {
  for (const name of PAGE_NAMES) {
    test(`${name} has no serious fault in the ${theme} theme`, async ({ page, open, content }) => {
      await page.emulateMedia({ colorScheme: theme, reducedMotion: 'reduce' });
      const one = await companyPage(content.url, name);
      await open(one.path);
      await one.shows(page);
      // What is inside a frame of an untrusted file is not ours.
      const { violations } = await new AxeBuilder({ page }).exclude('iframe').analyze();
      const found = violations
        .filter(({ impact }) => impact === 'serious' || impact === 'critical')
        .map(({ id, nodes }) => `${id}: ${nodes[0]?.target.join(' ')}: ${nodes[0]?.failureSummary}`);
      expect(found).toEqual([]);
    });
  }
}
