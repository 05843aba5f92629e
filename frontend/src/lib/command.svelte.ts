// One command that somebody intends: however often the button is pressed or the network breaks, it
// is done once.

import { isOver, newKey } from '../api/client';
import { explain } from './failure';

export class Command {
  busy = $state(false);
  #key = newKey();

  /** From here on it is another one. */
  renew(): void {
    this.#key = newKey();
  }

  /** Tries it; the text of what went wrong, if something did. What was refused is over. */
  async run(work: (key: ReturnType<typeof newKey>) => Promise<unknown>): Promise<string | undefined> {
    this.busy = true;
    try {
      await work(this.#key);
      this.renew();
      return undefined;
    } catch (failure) {
      if (isOver(failure)) this.renew();
      return explain(failure);
    } finally {
      this.busy = false;
    }
  }
}
