// Addresses are real paths below /marketplace, so that links, the back button and reloads work.

const BASE = '/marketplace';

class Route {
  path = $state(strip(location.pathname));
  query = $state.raw(new URLSearchParams(location.search));
  #leave: (() => boolean) | undefined;

  constructor() {
    addEventListener('popstate', () => this.#read());
    addEventListener('click', (event) => this.#click(event));
  }

  get parts(): string[] {
    return this.path.split('/').filter(Boolean);
  }

  go(to: string, replace = false): void {
    if (this.#leave && !this.#leave()) return;
    history[replace ? 'replaceState' : 'pushState'](null, '', BASE + to);
    this.#read();
    if (!replace) {
      scrollTo(0, 0);
      // Whoever reads by ear hears the new page from its start.
      queueMicrotask(() => document.querySelector<HTMLElement>('main')?.focus({ preventScroll: true }));
    }
  }

  /** Changes the query without a step in the history. */
  refine(query: URLSearchParams): void {
    const text = query.toString();
    history.replaceState(null, '', location.pathname + (text ? `?${text}` : ''));
    this.query = new URLSearchParams(query);
  }

  /** Asks before this page is left; returns how to stop asking. */
  guard(mayLeave: () => boolean): () => void {
    this.#leave = mayLeave;
    return () => (this.#leave = undefined);
  }

  #read(): void {
    this.path = strip(location.pathname);
    this.query = new URLSearchParams(location.search);
  }

  #click(event: MouseEvent): void {
    if (event.defaultPrevented || event.button !== 0) return;
    if (event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    const link = (event.target as Element | null)?.closest?.('a');
    if (!link || link.target || link.hasAttribute('download') || link.origin !== location.origin) return;
    if (link.pathname !== BASE && !link.pathname.startsWith(`${BASE}/`)) return;
    event.preventDefault();
    this.go(link.pathname.slice(BASE.length) + link.search);
  }
}

const strip = (path: string): string => (path.startsWith(BASE) ? path.slice(BASE.length) || '/' : '/');

export const href = (to: string): string => BASE + (to === '/' ? '' : to);
export const route = new Route();
