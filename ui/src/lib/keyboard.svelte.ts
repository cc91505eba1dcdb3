// Shortcuts: single keys and two-key sequences such as `g e`. They are off in text fields and
// while a dialog is open, and can be switched off altogether (WCAG 2.1.4); combinations with Ctrl
// always work. A page registers its shortcuts while it is shown.
import { untrack } from 'svelte';

export interface Shortcut {
  /** `Ctrl-k`, `?`, `g e`, `Enter`: one or two keys as `KeyboardEvent.key` names them. */
  keys: string;
  label: string;
  /** The heading of the shortcut sheet under which it stands. */
  group: string;
  run: (event: KeyboardEvent) => void;
}

const SEQUENCE_MS = 1200;
const STORED = 'trackway.shortcuts';

function readStored(): boolean {
  try {
    return localStorage.getItem(STORED) !== 'off';
  } catch {
    return true;
  }
}

class Keyboard {
  enabled = $state(readStored());
  list = $state.raw<Shortcut[]>([]);
  #pending = '';
  #pendingSince = 0;

  /** Adds shortcuts; gives what takes them away again. Later ones win over earlier ones. */
  register(shortcuts: Shortcut[]): () => void {
    this.list = [...shortcuts, ...this.list];
    return () => {
      this.list = this.list.filter((one) => !shortcuts.includes(one));
    };
  }

  setEnabled(enabled: boolean) {
    this.enabled = enabled;
    try {
      localStorage.setItem(STORED, enabled ? 'on' : 'off');
    } catch {
      // Without storage the choice lasts as long as the page.
    }
  }

  handle = (event: KeyboardEvent) => {
    if (event.defaultPrevented || event.isComposing) return;
    const withControl = event.ctrlKey || event.metaKey;
    if (!withControl && (!this.enabled || event.altKey || isTyping(event.target))) return;
    if (document.querySelector('dialog[open]')) return;
    // Undo in a text field is the field's own, and Enter on a button or link presses it.
    if (withControl && isTyping(event.target) && event.key.toLowerCase() === 'z') return;
    if (
      event.key === 'Enter' &&
      event.target instanceof Element &&
      event.target.closest('a, button, summary, [role=menuitem]')
    )
      return;
    const key = nameOf(event, withControl);
    const recent = performance.now() - this.#pendingSince < SEQUENCE_MS;
    const sequence = recent && this.#pending ? `${this.#pending} ${key}` : key;
    const found = this.#find(sequence) ?? this.#find(key);
    this.#pending = '';
    if (found) {
      event.preventDefault();
      found.run(event);
    } else if (this.list.some((one) => one.keys.startsWith(`${key} `))) {
      this.#pending = key;
      this.#pendingSince = performance.now();
    }
  };

  #find(keys: string): Shortcut | undefined {
    return this.list.find((one) => one.keys === keys);
  }
}

function nameOf(event: KeyboardEvent, withControl: boolean): string {
  const key = event.key.length === 1 && withControl ? event.key.toLowerCase() : event.key;
  if (!withControl) return key;
  return event.shiftKey ? `Ctrl-Shift-${key}` : `Ctrl-${key}`;
}

/** Whether keys typed there are text. */
export function isTyping(target: EventTarget | null): boolean {
  if (!(target instanceof HTMLElement)) return false;
  if (target.isContentEditable) return true;
  if (target instanceof HTMLInputElement) return !['checkbox', 'radio', 'button', 'range'].includes(target.type);
  return target instanceof HTMLTextAreaElement || target instanceof HTMLSelectElement;
}

export const keyboard = new Keyboard();

/** Shortcuts of a component, for as long as it is shown. */
export function shortcuts(list: Shortcut[]) {
  $effect(() => {
    const remove = untrack(() => keyboard.register(list));
    return () => untrack(remove);
  });
}
