import { fileURLToPath } from 'node:url';
import { svelte } from '@sveltejs/vite-plugin-svelte';
import { defineConfig } from 'vitest/config';
import { precompress } from './scripts/precompress.mjs';

// The server that `npm run dev` asks for everything that is not the interface itself.
const server = process.env.TRACKWAY_URL ?? 'http://127.0.0.1:5000';
// The parts of the address space that belong to the server's API.
const serverPaths = ['/api', '/ajax-api', '/graphql', '/health', '/version'];

export default defineConfig({
  // Relative: the server may stand under a prefix, which it writes into `<base href>`.
  base: './',
  plugins: [svelte(), precompress()],
  resolve: {
    alias: { $: fileURLToPath(new URL('./src', import.meta.url)) },
    conditions: process.env.VITEST ? ['browser'] : undefined,
  },
  build: {
    // Browsers that know `light-dark()`: the style sheet is shipped as it is written.
    target: ['chrome123', 'firefox121', 'safari17.5'],
    cssTarget: ['chrome123', 'firefox121', 'safari17.5'],
    // A data: address would need a wider Content-Security-Policy.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    manifest: true,
    reportCompressedSize: false,
  },
  server: {
    host: '127.0.0.1',
    proxy: Object.fromEntries(serverPaths.map((path) => [path, { target: server, changeOrigin: true }])),
  },
  test: { environment: 'happy-dom', include: ['src/**/*.test.ts'] },
});
