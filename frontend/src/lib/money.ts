// Amounts travel as decimal strings of AVT with at most nine decimals, and are computed as whole
// nano-AVT: a JavaScript number would round them.

const SCALE = 9;
const ONE = 10n ** BigInt(SCALE);
const SHAPE = /^-?\d{1,12}(?:[.,]\d{1,9})?$/;

/** Nano-AVT of what was typed, or undefined where that is no amount. A comma is a decimal point. */
export function parseAmount(text: string): bigint | undefined {
  const trimmed = text.trim();
  if (!SHAPE.test(trimmed)) return undefined;
  const [whole = '0', part = ''] = trimmed.replace(',', '.').replace('-', '').split('.');
  const nano = BigInt(whole) * ONE + BigInt(part.padEnd(SCALE, '0') || '0');
  return trimmed.startsWith('-') ? -nano : nano;
}

/** The canonical text of an amount, as the API has it. */
export function canonical(nano: bigint): string {
  const negative = nano < 0n;
  const size = negative ? -nano : nano;
  const part = (size % ONE).toString().padStart(SCALE, '0').replace(/0+$/, '');
  return `${negative ? '-' : ''}${size / ONE}${part ? `.${part}` : ''}`;
}

/** For people: grouped thousands, all decimals that are there, in the page's language. */
export function shown(amount: string, language: string): string {
  const nano = parseAmount(amount);
  if (nano === undefined) return amount;
  const [whole = '0', part] = canonical(nano < 0n ? -nano : nano).split('.');
  const point = language === 'de' ? ',' : '.';
  const grouped = new Intl.NumberFormat(language).format(BigInt(whole));
  return `${nano < 0n ? '−' : ''}${grouped}${part ? point + part : ''}`;
}

/** A share of an amount in hundredths, rounded down to whole nano. */
export function percentOf(nano: bigint, percent: number): bigint {
  return (nano * BigInt(Math.round(percent))) / 100n;
}

/** How many times `of` an amount is, with at most three decimals. */
export function ratio(amount: string, of: string, language: string): string {
  const [whole, part] = [parseAmount(amount), parseAmount(of)];
  if (whole === undefined || !part) return '';
  return new Intl.NumberFormat(language, { maximumFractionDigits: 3 }).format(Number((whole * 100_000n) / part) / 100_000);
}
