export interface Toast {
  id: number;
  kind: 'well' | 'wrong';
  text: string;
}

const SHOWN_MS = 7_000;

class Toasts {
  list = $state<Toast[]>([]);
  #next = 0;

  say(text: string, kind: Toast['kind'] = 'well'): void {
    const id = this.#next++;
    this.list.push({ id, kind, text });
    // What went wrong stays until it was read.
    if (kind === 'well') setTimeout(() => this.close(id), SHOWN_MS);
  }

  close(id: number): void {
    this.list = this.list.filter((toast) => toast.id !== id);
  }
}

export const toasts = new Toasts();
