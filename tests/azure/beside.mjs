// Runs a command beside a blob server of Azure's kind: Azurite, on a free port, with its files in a
// temporary folder. `node beside.mjs COMMAND ARGUMENT..` ends as the command does; the command finds
// the server by the variables that Azure's own tools read, and the place for its files in
// TRACKWAY_TEST_ARTIFACTS.
import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { BlobServiceClient } from '@azure/storage-blob';

const START_MS = 30_000;
const CONTAINER = 'tests';
// The account that every Azurite has, with the key that its documentation gives.
const ACCOUNT = 'devstoreaccount1';
const KEY = 'Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==';

async function freePort() {
  const probe = createServer();
  await new Promise((resolve, reject) => probe.once('error', reject).listen(0, '127.0.0.1', resolve));
  const { port } = probe.address();
  await new Promise((resolve) => probe.close(resolve));
  return port;
}

function program() {
  const manifest = createRequire(import.meta.url).resolve('azurite/package.json');
  return join(dirname(manifest), 'dist/src/blob/main.js');
}

/** Waits until the server makes a container. */
async function ready(server, connection) {
  const until = Date.now() + START_MS;
  const container = BlobServiceClient.fromConnectionString(connection).getContainerClient(CONTAINER);
  for (;;) {
    try {
      return await container.createIfNotExists({ abortSignal: AbortSignal.timeout(5_000) });
    } catch (error) {
      if (server.exitCode !== null || Date.now() > until) {
        throw new Error('Azurite does not start', { cause: error });
      }
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
}

const [command, ...rest] = process.argv.slice(2);
const home = await mkdtemp(join(tmpdir(), 'trackway-azurite-'));
const port = await freePort();
const endpoint = `http://127.0.0.1:${port}/${ACCOUNT}`;
const connection = `DefaultEndpointsProtocol=http;AccountName=${ACCOUNT};AccountKey=${KEY};BlobEndpoint=${endpoint};`;
const flags = ['--silent', '--disableTelemetry', '--skipApiVersionCheck', '--blobHost', '127.0.0.1'];
const server = spawn(process.execPath, [program(), ...flags, '--blobPort', String(port), '--location', home], {
  stdio: ['ignore', 'ignore', 'inherit'],
});
try {
  await ready(server, connection);
  const env = {
    ...process.env,
    AZURE_STORAGE_CONNECTION_STRING: connection,
    TRACKWAY_TEST_ARTIFACTS: `az://${CONTAINER}/tests`,
  };
  const child = spawn(command, rest, { stdio: 'inherit', env });
  process.exitCode = await new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code) => resolve(code ?? 1));
  });
} finally {
  const gone = new Promise((resolve) => server.once('exit', resolve));
  if (server.exitCode === null && server.kill('SIGKILL')) await gone;
  await rm(home, { recursive: true, force: true });
}
