// A server of the tests' own: the release binary on a free port, with a folder of its own.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { programs } from './programs.ts';

const READY_MS = 60_000;
// The server refuses variables that it does not know, and the developer's own settings are not ours.
const environment = Object.fromEntries(
  Object.entries(process.env).filter(([name]) => !/^(TRACKWAY|MLFLOW)_/.test(name)),
);

export class Server {
  readonly url: string;
  readonly folder: string;
  readonly #port: number;
  #process: ChildProcess | undefined;
  #log = '';

  private constructor(port: number, folder: string) {
    this.#port = port;
    this.url = `http://127.0.0.1:${port}`;
    this.folder = folder;
  }

  /** Starts a server on a fresh folder. */
  static async start(): Promise<Server> {
    const server = new Server(await freePort(), mkdtempSync(join(tmpdir(), 'trackway-ui-')));
    await server.launch();
    return server;
  }

  /** Starts the process; after `halt` it finds the same folder and port. */
  async launch(): Promise<void> {
    const flags = ['server', '--data-dir', this.folder, '--host', '127.0.0.1', '--port', String(this.#port)];
    const child = spawn(programs.server, flags, { env: environment, stdio: ['ignore', 'pipe', 'pipe'] });
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (data: Buffer) => {
        this.#log = (this.#log + data.toString()).slice(-20_000);
      });
    }
    this.#process = child;
    const end = Date.now() + READY_MS;
    while (Date.now() < end && child.exitCode === null) {
      const answer = await fetch(`${this.url}/health`).catch(() => undefined);
      if (answer?.ok) return;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    throw new Error(`the server does not start:\n${this.#log}`);
  }

  /** Ends the process, gently or at once, and waits until it is gone. */
  async halt(signal: 'SIGTERM' | 'SIGKILL' = 'SIGTERM'): Promise<void> {
    const child = this.#process;
    this.#process = undefined;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const gone = new Promise((resolve) => child.once('exit', resolve));
    child.kill(signal);
    await gone;
  }

  async stop(): Promise<void> {
    await this.halt('SIGKILL');
    rmSync(this.folder, { recursive: true, force: true });
  }

  /** Fills the server with the made-up company. */
  demo(...flags: string[]): void {
    const line = ['demo', '--url', this.url, '--json', ...flags];
    const done = spawnSync(programs.server, line, { env: environment, encoding: 'utf8' });
    if (done.status !== 0) throw new Error(`the demo failed:\n${done.stderr}`);
  }
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once('error', reject);
    probe.listen(0, '127.0.0.1', () => {
      const address = probe.address();
      probe.close(() => resolve(typeof address === 'object' && address ? address.port : 0));
    });
  });
}
