import { describe, expect, it } from 'vitest';
import { actionName, changeName, inputOf, momentOf, pageOf, partsOf, valueText } from './words';

describe('objects of the audit log', () => {
  it('lead to their pages, also with odd names', () => {
    expect(pageOf('registered_model:a b/c')).toMatch(/\/models\/a%20b%2Fc$/);
    expect(pageOf('model_version:a/b/3')).toMatch(/\/models\/a%2Fb\/versions\/3$/);
    expect(pageOf('webhook:1-2')).toMatch(/\/settings\?tab=webhooks&hook=1-2$/);
    expect(pageOf('experiment:churn')).toBeUndefined();
    expect(pageOf('run:javascript:alert(1)')).toMatch(/\/runs\/javascript%3Aalert/);
    expect(pageOf('server')).toBeUndefined();
    expect(partsOf('artifact:a:b')).toEqual({ kind: 'artifact', id: 'a:b' });
  });
});

describe('changes', () => {
  it('are written in one line', () => {
    expect(['', null, 'x'.repeat(90), { a: 1 }].map(valueText)).toEqual([
      '(empty)',
      '–',
      `${'x'.repeat(79)}…`,
      '{"a":1}',
    ]);
    expect(changeName({ object: '', change: 'alias_set', key: 'champion' })).toBe('alias set champion');
    expect(actionName('registered_model.set_alias')).toBe('set alias');
  });
});

describe('moments', () => {
  it('go from the input to the address and back', () => {
    expect(momentOf('2026-03-01T14:05', true)).toBe('2026-03-01T14:05:00.000Z');
    expect(inputOf('2026-03-01T14:05:00.000Z', true)).toBe('2026-03-01T14:05');
    expect(inputOf(momentOf('2026-03-01T14:05', false), false)).toBe('2026-03-01T14:05');
    expect(momentOf('never', true)).toBe('');
    expect(inputOf('', true)).toBe('');
  });
});
