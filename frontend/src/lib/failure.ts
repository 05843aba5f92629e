import { Refused } from '../api/client';
import { speech } from '../words/index.svelte';

/** Codes of many cases: which one it was only the server's own words say. */
const DETAILED = new Set(['invalid', 'invalid_body', 'invalid_query', 'price_out_of_range', 'teg_refused']);

/** What to tell people about a failure, in their language where we know the case. */
export function explain(error: unknown): string {
  const { words } = speech;
  if (error instanceof Refused) {
    const known = words.problems[error.problem.code];
    if (known) return DETAILED.has(error.problem.code) && error.problem.detail ? `${known} (${error.problem.detail})` : known;
    if (error.message) return error.message;
  }
  // A token that was refused is told by what it was refused with.
  const { problem } = (error ?? {}) as { problem?: { code?: string; detail?: string } };
  const told = problem?.code === undefined ? undefined : (words.problems[problem.code] ?? problem.detail);
  if (told) return told;
  if (error instanceof TypeError) return words.common.offline;
  return `${words.common.unexpected} ${error instanceof Error ? error.message : String(error)}`;
}
