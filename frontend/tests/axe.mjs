// axe-core on what a page shows: nothing serious, in either theme.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

async function check(page, what, options) {
  const { violations } = await page.evaluate((how) => globalThis.axe.run(document, { resultTypes: ['violations'], ...how }), options);
  const grave = violations.filter(({ impact }) => impact === 'serious' || impact === 'critical');
  assert.deepEqual(grave.map(({ id, nodes }) => [id, nodes.map((node) => node.html).slice(0, 3)]), [], what);
}

/** What is shown now. */
export async function accessible(page, what) {
  await page.emulateMedia({ colorScheme: 'light' });
  await page.evaluate(AXE);
  await check(page, `${what} in light`, {});
  // Only colours differ in the other theme.
  await page.emulateMedia({ colorScheme: 'dark' });
  await check(page, `${what} in dark`, { runOnly: ['color-contrast'] });
  await page.emulateMedia({ colorScheme: 'light' });
}

/** Goes there first, and waits until all of it has come. */
export async function accessibleAt(page, path) {
  await page.emulateMedia({ colorScheme: 'light' });
  await page.goto(path);
  await page.locator('h1').first().waitFor();
  await page.locator('.ghost').first().waitFor({ state: 'detached' });
  await accessible(page, path);
}
