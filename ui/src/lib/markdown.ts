// Markdown that anybody may have written, as nodes that can do nothing: no script, no style, no
// form, no frame, and no image of another host. The libraries are loaded when a text is shown.

const ALLOWED_IMAGE = /^data:image\//i;

/** Gives the sanitised HTML of a text. */
export async function renderMarkdown(text: string): Promise<string> {
  const [{ marked }, { default: purify }] = await Promise.all([import('marked'), import('dompurify')]);
  const html = await marked.parse(text, { gfm: true, breaks: false });
  const clean = purify.sanitize(html, {
    USE_PROFILES: { html: true },
    FORBID_TAGS: ['style', 'form', 'input', 'button', 'select', 'textarea', 'iframe', 'video', 'audio', 'source'],
    FORBID_ATTR: ['style', 'class', 'id', 'name', 'srcset', 'background'],
    RETURN_DOM_FRAGMENT: true,
  });
  for (const image of clean.querySelectorAll('img')) {
    if (!ALLOWED_IMAGE.test(image.getAttribute('src') ?? '')) image.replaceWith(image.alt || 'image');
  }
  for (const link of clean.querySelectorAll('a[href]')) {
    // `#x` would lead to the start page, because of the page's <base>.
    if (link.getAttribute('href')?.startsWith('#')) link.removeAttribute('href');
    link.setAttribute('rel', 'noopener noreferrer');
    link.setAttribute('target', '_blank');
  }
  const holder = document.createElement('div');
  holder.append(clean);
  return holder.innerHTML;
}
