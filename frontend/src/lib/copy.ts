import { speech } from '../words/index.svelte';
import { toasts } from './toasts.svelte';

/** Puts a text where the next paste takes it from, and says so. */
export async function copy(text: string): Promise<void> {
  await navigator.clipboard.writeText(text);
  toasts.say(speech.words.common.copied);
}
