// Before all tests: a server with the made-up company and what the tests look for; after them it
// is stopped and deleted.
import { fill } from './content.ts';
import { Server } from './server.ts';

export default async function setup(): Promise<() => Promise<void>> {
  const server = await Server.start();
  try {
    server.demo('--runs', '300');
    const content = await fill(server.url);
    process.env.TRACKWAY_UI_CONTENT = JSON.stringify(content);
  } catch (cause) {
    await server.stop();
    throw cause;
  }
  return () => server.stop();
}
