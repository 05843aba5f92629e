// What only some see is for everybody too: axe-core as a provider, an operator and a juror.

import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';

import { accessible, accessibleAt } from './axe.mjs';
import { buy, House, list } from './house.mjs';

let house;
before(async () => (house = await House.open()));
after(async () => house?.close());

test('a provider: its listings, the edit form, a question before money moves', async () => {
  const [seller, buyer] = [await house.trader(), await house.trader()];
  const { page } = seller;
  await list(page, { name: 'Shown to all' });
  const order = await buy(buyer.page, await list(page, { name: 'Not now', price: '3' }));
  await page.getByRole('button', { name: 'Pause' }).click();
  await page.getByRole('button', { name: 'Resume' }).waitFor();
  const own = new URL(page.url()).pathname;
  await accessible(page, 'an own listing');
  await accessibleAt(page, '/marketplace/mine');
  assert.equal(await page.getByTestId('own-listing').count(), 2);
  await page.goto(own);
  await page.getByRole('link', { name: 'Edit' }).click();
  await page.getByLabel('Name', { exact: true }).waitFor();
  await accessible(page, 'the edit form');
  await page.getByLabel('Name', { exact: true }).fill('');
  await page.getByRole('button', { name: 'Save the changes' }).click();
  await page.waitForFunction(() => document.activeElement?.getAttribute('name') === 'name');
  await accessible(page, 'the edit form with a mistake');
  await page.getByLabel('Name', { exact: true }).fill('Not now');
  await page.goto(order);
  await page.locator('[data-action=decline]').click();
  await page.getByRole('button', { name: 'Yes, do it' }).waitFor();
  await accessible(page, 'the confirmation');
  await page.goto('/marketplace/wallet');
  await page.getByRole('button', { name: 'Deposit', exact: true }).click();
  await page.getByTestId('pay-to').waitFor();
  await accessible(page, 'the deposit');
  assert.deepEqual([...seller.faults, ...buyer.faults], []);
});

test('an operator: the console with a motion, and what is tried before it is signed', async () => {
  const { page, faults } = await house.personOf(house.operator);
  await house.operator.call('/api/v1/operator/motions', { action: 'fees.set', transaction_fee_percent: '2', reason: 'Lower costs.' });
  await page.goto('/marketplace/operator');
  await page.getByTestId('motion').first().waitFor();
  await accessible(page, 'the console');
  await page.getByLabel('What shall be done?').selectOption('fees.set');
  await page.getByLabel('Fee on a price in percent').fill('3');
  await page.getByLabel('Reason, public').fill('dearer');
  await page.locator('[data-action=try]').click();
  await page.locator('[data-action=propose]').waitFor();
  await accessible(page, 'a motion that was tried');
  assert.deepEqual(faults, []);
});

test('a juror: the stake, a seat, and the vote under seal', async () => {
  const juror = await house.trader();
  const { page } = juror;
  await page.goto('/marketplace/jury');
  await page.getByRole('button', { name: 'Lock the stake' }).click();
  await page.getByTestId('stake').filter({ hasText: '250 AVT' }).waitFor();
  for (const other of [await house.agent(), await house.agent()]) await other.call('/api/v1/jurors/register', { stake: '250' });
  await house.aWeekLater();
  const id = await house.seated('Judge this by ear');
  await accessibleAt(page, '/marketplace/jury');
  await page.getByRole('link', { name: /vote under seal/ }).waitFor();
  await page.goto(`/marketplace/disputes/${id}`);
  const vote = page.getByTestId('vote');
  await vote.getByLabel('Vote').selectOption('half');
  await accessible(page, 'the vote form');
  await vote.getByRole('button', { name: 'Seal the vote' }).click();
  await vote.getByTestId('salt').waitFor();
  await accessible(page, 'a sealed vote');
  assert.deepEqual(juror.faults, []);
});
