import { afterEach, expect, test, vi } from 'vitest';
import { askAhead } from './ahead';
import { ApiError, api } from './api';

afterEach(() => {
  vi.unstubAllGlobals();
  vi.useRealTimers();
});

function answering(answer: () => Promise<Response>) {
  const fetched = vi.fn(answer);
  vi.stubGlobal('fetch', fetched);
  return fetched;
}

test('an answer that was asked ahead is taken once', async () => {
  let count = 0;
  const fetched = answering(() => Promise.resolve(new Response(JSON.stringify({ count: ++count }))));
  askAhead(['/api/1.0/thing?id=1']);
  expect(await api.get('/api/1.0/thing', { query: { id: 1 } })).toEqual({ count: 1 });
  expect(fetched).toHaveBeenCalledTimes(1);
  expect(await api.get('/api/1.0/thing', { query: { id: 1 } })).toEqual({ count: 2 });
});

test('another address, a change or a part of a file asks for itself', async () => {
  const fetched = answering(() => Promise.resolve(new Response('{}')));
  askAhead(['/a']);
  await api.get('/b');
  await api.post('/a', {});
  await api.bytes('/a', { range: [0, 9] });
  expect(fetched).toHaveBeenCalledTimes(4);
});

test('a failure is told to who takes the answer', async () => {
  answering(() => Promise.reject(new TypeError('refused')));
  askAhead(['/a']);
  await expect(api.get('/a')).rejects.toThrow(ApiError);
});

test('an answer that nobody took in time is fetched again', async () => {
  vi.useFakeTimers();
  const fetched = answering(() => Promise.resolve(new Response('{}')));
  askAhead(['/a']);
  vi.advanceTimersByTime(5_001);
  await api.get('/a');
  expect(fetched).toHaveBeenCalledTimes(2);
});
