// `j` and `k` walk through the rows of a list: the link that opens a row has `data-row`. The link
// has the focus, so Enter opens it.
import { shortcuts } from '$/lib/keyboard.svelte';

export function rowKeys(host: () => HTMLElement | undefined) {
  const step = (by: number) => {
    const rows = [...(host()?.querySelectorAll<HTMLElement>('[data-row]') ?? [])];
    const at = rows.indexOf(document.activeElement as HTMLElement);
    rows[at < 0 ? 0 : Math.min(rows.length - 1, Math.max(0, at + by))]?.focus();
  };
  shortcuts([
    { keys: 'j', label: 'Next row', group: 'Lists', run: () => step(1) },
    { keys: 'k', label: 'Previous row', group: 'Lists', run: () => step(-1) },
  ]);
}
