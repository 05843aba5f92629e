// What juror and parties of a dispute do on their own machine.

import type { Schemas } from '../api/client';
import { fromHex, hex, toHex } from './hash';
import { note, setNote } from './vault';

export type Dispute = Schemas['DisputeBody'];

export const REMEDIES = ['quarter', 'half', 'three_quarters', 'full'] as const;
export const BALLOTS = ['rejected', 'unproven', ...REMEDIES] as const;
export type Ballot = (typeof BALLOTS)[number];

const OF_BUYERS = ['wrong_content', 'failed_checks', 'poor_quality', 'incomplete', 'late', 'duplicate', 'non_delivery'] as const;
/** What a side can claim. */
export const categoriesOf = (side: 'buyer' | 'seller'): string[] => (side === 'buyer' ? [...OF_BUYERS, 'other'] : ['buyer_refuses', 'other']);

export const isOver = (dispute: Dispute): boolean => dispute.verdict != null;

/** The votes of this browser's jurors: without the salt a sealed vote cannot be opened. */
export interface KeptVote {
  ballot: Ballot;
  salt: string;
}

/** Round and attempt are part of the seal. */
export function place(dispute: Dispute): { round: number; attempt: number } {
  const round = Math.max(0, dispute.rounds.length - 1);
  return { round, attempt: Math.max(0, (dispute.rounds[round]?.panels.length ?? 0) - 1) };
}

const nameOf = (dispute: Dispute, did: string): string => {
  const { round, attempt } = place(dispute);
  return `votes:${did}:${dispute.dispute_id}:${round}:${attempt}`;
};

/** The newest first. More than one, where an answer was lost and the juror thought again. */
export const keptVotes = async (dispute: Dispute, did: string): Promise<KeptVote[]> => (await note<KeptVote[]>(nameOf(dispute, did))) ?? [];

/** Keeps a new vote, and only then seals it. */
export async function sealVote(dispute: Dispute, did: string, ballot: Ballot): Promise<string> {
  const salt = crypto.getRandomValues(new Uint8Array(32));
  const kept = await keptVotes(dispute, did);
  await setNote(nameOf(dispute, did), [{ ballot, salt: toHex(salt) }, ...kept]);
  const { round, attempt } = place(dispute);
  return commitment(dispute.dispute_id, round, attempt, did, ballot, toHex(salt));
}

/** As the marketplace computes it: each text with its length, each number in eight bytes. */
export async function commitment(dispute: string, round: number, attempt: number, did: string, ballot: string, salt: string): Promise<string> {
  const number = (value: number): Uint8Array => {
    const bytes = new Uint8Array(8);
    new DataView(bytes.buffer).setBigUint64(0, BigInt(value));
    return bytes;
  };
  const text = (value: string): Uint8Array[] => {
    const bytes = new TextEncoder().encode(value);
    return [number(bytes.length), bytes];
  };
  const parts = [...text('marketplace-vote 1'), ...text(dispute), number(round), number(attempt), ...text(did), ...text(ballot), fromHex(salt)];
  return hex(Uint8Array.from(parts.flatMap((part) => [...part])));
}

export interface Happened {
  at: string;
  what: string;
  more: string;
}

/** What happened, from what the dispute says of itself. */
export function history(dispute: Dispute, words: { moments: Record<string, string>; By: Record<string, string>; findings: Record<string, string>; phases: Record<string, string> }): Happened[] {
  const said = (at: string, what: string, more = ''): Happened => ({ at, what: words.moments[what] ?? what, more });
  const rulings = dispute.rounds.flatMap(({ ruling }) => (ruling ? [said(ruling.at, 'ruled', words.findings[ruling.finding] ?? ruling.finding)] : []));
  const all = [
    said(dispute.opened_at, 'opened'),
    ...dispute.evidence.map((piece) => said(piece.at, 'evidence', words.By[piece.by] ?? piece.by)),
    ...rulings,
    ...(dispute.verdict ? [said(dispute.verdict.at, 'closed', words.phases[dispute.phase] ?? '')] : []),
  ];
  // Of one moment, what was said first stays first.
  return all.map((one, order) => ({ one, order })).sort((a, b) => Date.parse(a.one.at) - Date.parse(b.one.at) || a.order - b.order).map(({ one }) => one);
}
