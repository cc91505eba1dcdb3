// Short messages at the edge of the window. What failed stays until it is closed; the rest goes
// by itself. A toast may offer one action, such as undoing what it reports.

export interface Toast {
  id: number;
  kind: 'info' | 'success' | 'error';
  text: string;
  action?: { label: string; run: () => void } | undefined;
}

const SHOWN_MS = 6000;
let nextId = 1;

class Toasts {
  list = $state<Toast[]>([]);

  show(kind: Toast['kind'], text: string, action?: Toast['action']) {
    const id = nextId++;
    this.list.push({ id, kind, text, action });
    if (kind !== 'error') setTimeout(() => this.close(id), SHOWN_MS);
  }

  close(id: number) {
    this.list = this.list.filter((toast) => toast.id !== id);
  }
}

export const toasts = new Toasts();
