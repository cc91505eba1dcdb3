// Accessibility, as far as a program can tell: axe finds nothing serious on any page in any theme.
import AxeBuilder from '@axe-core/playwright';
import { companyPages } from '../support/pages.ts';
import { expect, test } from '../support/test.ts';

for (const theme of ['light', 'dark'] as const) {
  test(`no page has a serious fault in the ${theme} theme`, async ({ page, open, content }) => {
    test.setTimeout(240_000);
    await page.emulateMedia({ colorScheme: theme, reducedMotion: 'reduce' });
    const found: string[] = [];
    for (const one of await companyPages(content.url)) {
      await open(one.path);
      await one.shows(page);
      // What is inside a frame of an untrusted file is not ours.
      const { violations } = await new AxeBuilder({ page }).exclude('iframe').analyze();
      for (const violation of violations) {
        if (violation.impact !== 'serious' && violation.impact !== 'critical') continue;
        const where = violation.nodes.slice(0, 3).map((node) => `${node.target.join(' ')}: ${node.failureSummary}`);
        found.push(`${one.name}: ${violation.id}: ${violation.help}\n    ${where.join('\n    ')}`);
      }
    }
    expect(found).toEqual([]);
  });
}
