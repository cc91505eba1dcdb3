// `test` of Playwright with a guard around each page: no request to another host, no violation of
// the Content-Security-Policy, no error on the console or in a script.
import { test as base, expect, type Page } from '@playwright/test';
import type { Content } from './content.ts';

export { expect };

interface Guard {
  /** Complaints that a test expects, such as those of a server that is away. */
  allow(pattern: RegExp): void;
  readonly complaints: string[];
}

interface Fixtures {
  content: Content;
  guard: Guard;
  /** The paths of the pages, each with the text of its heading or an element that shows it is ready. */
  open: (path: string) => Promise<void>;
}

export const test = base.extend<Fixtures>({
  // biome-ignore lint/correctness/noEmptyPattern: Playwright wants an object pattern here.
  content: async ({}, use) => {
    await use(JSON.parse(process.env.TRACKWAY_UI_CONTENT ?? '{}') as Content);
  },
  baseURL: async ({ content }, use) => use(content.url),
  guard: [
    async ({ page, baseURL }, use) => {
      const complaints: string[] = [];
      const allowed: RegExp[] = [];
      await watch(page, baseURL ?? '', (complaint) => complaints.push(complaint));
      await use({ allow: (pattern) => allowed.push(pattern), complaints });
      const left = complaints.filter((complaint) => !allowed.some((pattern) => pattern.test(complaint)));
      expect(left, 'what the page complained of').toEqual([]);
    },
    { auto: true },
  ],
  open: async ({ page }, use) => {
    await use(async (path) => {
      await page.goto(path);
      await settled(page);
    });
  },
});

async function watch(page: Page, url: string, complain: (complaint: string) => void): Promise<void> {
  page.on('pageerror', (error) => complain(`error: ${error.message}`));
  page.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warning')
      complain(`${message.type()}: ${message.text()} (${message.location().url})`);
  });
  page.on('request', (request) => {
    const asked = request.url();
    if (!asked.startsWith(url) && !/^(data|blob|about):/.test(asked)) complain(`asked another host: ${asked}`);
  });
  await page.exposeBinding('__violated', (_, text: string) => complain(`policy: ${text}`));
  await page.addInitScript(() => {
    document.addEventListener('securitypolicyviolation', (event) => {
      // biome-ignore lint/suspicious/noExplicitAny: the binding stands in the window.
      (window as any).__violated?.(`${event.violatedDirective} ${event.blockedURI}`);
    });
  });
}

/** Waits until the page shows what it has to show: no skeleton, nothing that still loads. */
export async function settled(page: Page): Promise<void> {
  await expect(page.locator('main')).toBeVisible();
  await expect(page.locator('main h1, main h2').first()).toBeVisible();
  await expect(page.locator('main [aria-busy="true"]')).toHaveCount(0);
}
