// The y-axis of a chart.

const MOST_STEPS = 4;
const STEPS = [1, 2, 5, 10];

/** Round values from the top of the axis down to 0, as far from each other; the highest fits below the top. */
export function axisOf(highest: number, whole = false): number[] {
  if (!(highest > 0)) return [1, 0];
  const rough = highest / MOST_STEPS;
  const power = 10 ** Math.floor(Math.log10(rough));
  const round = (STEPS.find((step) => step * power >= rough * (1 - 1e-9)) ?? 10) * power;
  const step = whole ? Math.max(1, Math.round(round)) : round;
  const count = Math.max(1, Math.ceil(highest / step - 1e-9));
  // Multiplied, not added up: no 0.30000000000000004.
  return Array.from({ length: count + 1 }, (_, at) => Number(((count - at) * step).toPrecision(12)));
}
