import { describe, expect, it } from 'vitest';
import { renderMarkdown } from './markdown';

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
