// `cargo xt screenshots`: the pictures of the README, with the made-up company, in both themes.
import { defineConfig } from '@playwright/test';
import tests from './playwright.config.ts';

export default defineConfig({
  ...tests,
  testDir: 'screenshots',
  globalSetup: './screenshots/setup.ts',
});
