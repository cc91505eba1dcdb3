// Markdown that anybody may have written, as nodes that can do nothing: no script, no style, no
// form, no frame, and no image of another host. HTML in it is shown as the text that it is, so that
// nothing of it is ever built, not even to be thrown away. The libraries are loaded when a text is shown.
import type { RendererObject } from 'marked';

const ALLOWED_IMAGE = /^data:image\//i;
const ENTITIES: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };
const escapeText = (text: string) => text.replace(/[&<>"]/g, (letter) => ENTITIES[letter] ?? '');

const renderer: RendererObject = {
  html: ({ text }) => escapeText(text),
  image: ({ href, text }) =>
    ALLOWED_IMAGE.test(href)
      ? `<img src="${escapeText(href)}" alt="${escapeText(text)}">`
      : escapeText(text || 'image'),
  checkbox: ({ checked }) => (checked ? '☑ ' : '☐ '),
};

/** Gives the sanitised HTML of a text. */
export async function renderMarkdown(text: string): Promise<string> {
  const [{ Marked }, { default: purify }] = await Promise.all([import('marked'), import('dompurify')]);
  const html = await new Marked({ gfm: true, breaks: false, renderer }).parse(text);
  const clean = purify.sanitize(html, {
    USE_PROFILES: { html: true },
    FORBID_TAGS: ['style', 'form', 'input', 'button', 'select', 'textarea', 'iframe', 'video', 'audio', 'source'],
    FORBID_ATTR: ['style', 'class', 'id', 'name', 'srcset', 'background'],
  });
  // A document without a window: what stands in it loads nothing.
  const { body } = new DOMParser().parseFromString(clean, 'text/html');
  for (const link of body.querySelectorAll('a[href]')) {
    // `#x` would lead to the start page, because of the page's <base>.
    if (link.getAttribute('href')?.startsWith('#')) link.removeAttribute('href');
    link.setAttribute('rel', 'noopener noreferrer');
    link.setAttribute('target', '_blank');
  }
  return body.innerHTML;
}

/** The words of a text for one line of a list: without the signs of emphasis, code, headings and links. */
export function plainText(text: string): string {
  return text
    .replace(/!?\[([^\]]*)\]\([^)]*\)/g, '$1')
    .replace(/^\s*(#+|>)\s+/gm, '')
    .replace(/(\*\*|__|\*|`+)(?=\S)(.+?)(?<=\S)\1/g, '$2');
}
