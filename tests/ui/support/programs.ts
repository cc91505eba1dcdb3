// The programs that the tests start: the server and the browser.
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const release = fileURLToPath(new URL('../../../target/release/trackway', import.meta.url));
const browsers = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];

export const programs = {
  server: process.env.TRACKWAY_BIN ?? release,
  chromium: process.env.TRACKWAY_CHROMIUM ?? browsers.find((path) => existsSync(path)) ?? 'chromium',
};

// Root may not use the browser's own sandbox; containers have little shared memory and no screen.
export const browserFlags = ['--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage', '--hide-scrollbars'];
