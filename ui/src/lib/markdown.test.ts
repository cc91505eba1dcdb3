import { describe, expect, it } from 'vitest';
import { plainText, renderMarkdown } from './markdown';

describe('a text in Markdown', () => {
  it('shows HTML as text and builds nothing of it', async () => {
    const html = await renderMarkdown('before <img src=x onerror="a()"> after\n\n<script>b()</script>\n');
    expect(html).not.toMatch(/<(img|script)/);
    expect(html).toContain('&lt;img src=x');
    expect(html).toContain('&lt;script&gt;');
  });

  it('shows no image of another host, and one that it holds itself', async () => {
    const html = await renderMarkdown('![away](http://192.0.2.1/x.png) ![own](data:image/png;base64,AAAA)');
    expect(html).not.toContain('192.0.2.1');
    expect(html).toContain('away');
    expect(html).toContain('src="data:image/png;base64,AAAA"');
  });

  it('draws the boxes of a list of tasks', async () => {
    const html = await renderMarkdown('- [x] done\n- [ ] open\n');
    expect(html).toMatch(/☑\s*done/);
    expect(html).toMatch(/☐\s*open/);
  });

  it('leads to no place of this page, and to others in a window of their own', async () => {
    const html = await renderMarkdown('[here](#x) [there](https://example.com)');
    expect(html).not.toContain('href="#x"');
    expect(html).toContain('rel="noopener noreferrer"');
  });
});

it('one line of a list shows the words of a text, not its signs', () => {
  expect(plainText('The goal is **val/auc**, see [the card](card.md).')).toBe('The goal is val/auc, see the card.');
  expect(plainText('# Title\n> `code` and *more*')).toBe('Title\ncode and more');
  expect(plainText('2 * 3 * 4, snake_case and __dunder__')).toBe('2 * 3 * 4, snake_case and dunder');
});
