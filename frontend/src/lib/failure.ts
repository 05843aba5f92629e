import { Refused } from '../api/client';
import { speech } from '../words/index.svelte';

/** What to tell people about a failure, in their language where we know the case. */
export function explain(error: unknown): string {
  const { words } = speech;
  if (error instanceof Refused) {
    const known = words.problems[error.problem.code];
    if (known) return known;
    if (error.message) return error.message;
  }
  if (error instanceof TypeError) return words.common.offline;
  return `${words.common.unexpected} ${error instanceof Error ? error.message : String(error)}`;
}
