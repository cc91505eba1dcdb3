// The size gate: how many bytes a page of the interface makes the server send at a cold start, and
// whether that is within its budget. It follows the build's manifest, so what loads lazily counts
// only for the pages that load it. Run after `npm run build`.
import { readFileSync, statSync } from 'node:fs';

const DIST = new URL('../dist/', import.meta.url);
// Bytes sent (brotli) and raw bytes of scripts and styles that a page may cost. The table of runs
// comes with the frame: it has no part of its own.
const BUDGETS = [
  { page: 'the table of runs', modules: [], sent: 120_000, raw: 400_000 },
  { page: 'a model and its versions', modules: ['src/pages/models/ModelPage.svelte'], sent: 120_000, raw: 400_000 },
  { page: 'charts of many runs', modules: ['src/pages/runs/charts/ChartsPane.svelte'], sent: 150_000, raw: 500_000 },
  { page: 'runs side by side', modules: ['src/pages/compare/ComparePage.svelte'], sent: 150_000, raw: 500_000 },
  { page: 'one run with its curves', modules: ['src/pages/run/RunPage.svelte'], sent: 150_000, raw: 500_000 },
  { page: 'files of a run', modules: ['src/pages/run/ArtifactsPage.svelte'], sent: 150_000, raw: 500_000 },
];

const manifest = JSON.parse(readFileSync(new URL('.vite/manifest.json', DIST), 'utf8'));

function collectFiles(key, found) {
  const chunk = manifest[key];
  if (!chunk || found.has(chunk.file)) return found;
  found.add(chunk.file);
  for (const css of chunk.css ?? []) found.add(css);
  for (const imported of chunk.imports ?? []) collectFiles(imported, found);
  return found;
}

function sizeOf(file, suffix) {
  const size = statSync(new URL(file + suffix, DIST), { throwIfNoEntry: false })?.size;
  return size ?? statSync(new URL(file, DIST)).size;
}

function sum(files, suffix) {
  return [...files].reduce((total, file) => total + sizeOf(file, suffix), 0);
}

let failed = false;
for (const { page, modules, sent, raw } of BUDGETS) {
  const files = collectFiles('index.html', new Set());
  const missing = modules.filter((module) => !manifest[module]);
  if (missing.length > 0) {
    console.error(`${page}: the build has no ${missing.join(', ')}. Correct the list in scripts/size.mjs.`);
    failed = true;
    continue;
  }
  for (const module of modules) collectFiles(module, files);
  const figures = { brotli: sum(files, '.br'), gzip: sum(files, '.gz'), raw: sum(files, '') };
  const over = figures.brotli > sent || figures.raw > raw;
  failed ||= over;
  console.log(
    `${page}: ${figures.brotli} bytes brotli, ${figures.gzip} gzip, ${figures.raw} raw in ${files.size} files` +
      ` (budget ${sent} sent, ${raw} raw)${over ? ': OVER BUDGET' : ''}`,
  );
}
process.exitCode = failed ? 1 : 0;
