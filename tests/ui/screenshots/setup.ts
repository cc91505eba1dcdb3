// Before the pictures are taken: a server with the made-up company and nothing else.
import { Server } from '../support/server.ts';

export default async function setup(): Promise<() => Promise<void>> {
  const server = await Server.start();
  try {
    server.demo('--runs', '2000');
    process.env.TRACKWAY_UI_CONTENT = JSON.stringify({ url: server.url });
  } catch (cause) {
    await server.stop();
    throw cause;
  }
  return () => server.stop();
}
