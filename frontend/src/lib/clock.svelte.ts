// One clock for all countdowns of the page, by the server's time.

import { serverAhead } from './identity.svelte';

class Clock {
  now = $state(Date.now());

  constructor() {
    setInterval(() => (this.now = Date.now() + serverAhead()), 1000);
  }
}

export const clock = new Clock();
