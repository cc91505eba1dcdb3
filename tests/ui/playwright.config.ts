// The browser tests of the web interface, against the release binary and the system's Chromium.
import { defineConfig } from '@playwright/test';
import { browserFlags, programs } from './support/programs.ts';

export default defineConfig({
  testDir: 'tests',
  outputDir: 'test-results',
  globalSetup: './support/setup.ts',
  // One page at a time: measured figures and a loaded machine of two cores do not go together.
  workers: 1,
  retries: 0,
  forbidOnly: true,
  // Nothing is timed; these bounds only end a test that waits for what never comes.
  timeout: 90_000,
  expect: { timeout: 30_000 },
  reporter: [['list']],
  use: {
    viewport: { width: 1440, height: 900 },
    colorScheme: 'light',
    timezoneId: 'Europe/Berlin',
    locale: 'en-US',
    actionTimeout: 30_000,
    navigationTimeout: 60_000,
    screenshot: 'only-on-failure',
    launchOptions: { executablePath: programs.chromium, args: browserFlags },
  },
});
