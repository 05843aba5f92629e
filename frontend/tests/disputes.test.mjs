// Disputes, jury duty and the operators' console in a real browser.

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { after, before, test } from 'node:test';

import { act, buy, deliver, dispute, go, House, list } from './house.mjs';

let house;
before(async () => (house = await House.open()));
after(async () => house?.close());

const phase = (page, text) => page.getByTestId('phase').filter({ hasText: text }).waitFor();
const disputed = (page, text) => page.getByTestId('dispute-phase').filter({ hasText: text }).waitFor();
const available = (page, amount) => page.getByTestId('available').filter({ hasText: new RegExp(`^\\s*${amount}\\sAVT`, 'u') }).waitFor();
const yes = (page) => page.getByRole('dialog').getByRole('button', { name: 'Yes, do it' }).click();
const well = (...people) => {
  for (const { faults } of people) assert.deepEqual(faults, []);
};

async function delivered(seller, buyer, name) {
  const order = await buy(buyer.page, await list(seller.page, { name, price: '8' }));
  await seller.page.goto(order);
  await deliver(seller.page, 'rows: 2 of 4');
  await phase(buyer.page, 'Delivered');
  return order;
}

test('a dispute is opened, answered, and settled between the two', async () => {
  const [seller, buyer] = [await house.trader(), await house.trader()];
  const order = await delivered(seller, buyer, 'Half of the rows');
  const path = await dispute(buyer.page, 'half of the rows are missing');
  await phase(seller.page, 'Disputed');
  await seller.page.getByRole('link', { name: /there, and it is bad/ }).click();
  await disputed(seller.page, 'An answer is due');

  // What one hands in, the other reads, with the hash that both have.
  await buyer.page.locator('[data-action=add-evidence]').click();
  await buyer.page.locator('textarea[name=evidence]').fill('<script>alert(1)</script> rows: 2 of 4');
  await buyer.page.getByLabel('What does it show?').fill('what I got');
  await buyer.page.getByRole('dialog').getByRole('button', { name: 'Hand in evidence' }).click();
  await seller.page.getByText('what I got').waitFor();
  await seller.page.getByRole('button', { name: 'Show', exact: true }).click();
  await seller.page.getByText('match the hash').waitFor();
  assert.equal(await seller.page.locator('main script').count(), 0);

  // Only the other side answers; each sees what it may do.
  assert.equal(await buyer.page.locator('[data-action=contest]').count(), 0);
  await seller.page.locator('[data-action=contest]').click();
  await seller.page.getByRole('dialog').getByText('8 AVT').waitFor();
  await yes(seller.page);
  await buyer.page.getByText('Contested, with a bond').waitFor();

  await seller.page.locator('[data-action=offer-settlement]').click();
  await seller.page.getByLabel('The provider gets').fill('3');
  await yes(seller.page);
  await buyer.page.getByTestId('offer').filter({ hasText: '3 AVT' }).waitFor();
  await act(buyer.page, 'accept-settlement');
  await disputed(buyer.page, 'Settled');
  await buyer.page.getByTestId('verdict').getByText('all bonds and the fee come back').first().waitFor();
  await disputed(seller.page, 'Settled');
  await seller.page.goto(order);
  await phase(seller.page, 'Settled');
  await seller.page.getByRole('link', { name: /there, and it is bad/ }).click();
  await seller.page.waitForURL(new RegExp(path));
  await go(seller.page, 'Wallet');
  await available(seller.page, '11');
  well(seller, buyer);
});

test('a concession ends it, and the verdict explains itself', async () => {
  const [seller, buyer] = [await house.trader(), await house.trader()];
  await delivered(seller, buyer, 'My fault');
  const path = await dispute(buyer.page, 'nothing works');
  await seller.page.goto(path);
  await act(seller.page, 'concede');
  await disputed(buyer.page, 'Decided for good');
  await buyer.page.getByText('By a rule: The other side conceded').waitFor();
  await buyer.page.getByTestId('ruling').filter({ hasText: 'Half of the price' }).waitFor();
  await buyer.page.getByRole('button', { name: 'Show the postings' }).click();
  await buyer.page.getByRole('row', { name: /Buyer/ }).first().waitFor();
  const [packet] = await Promise.all([buyer.page.waitForEvent('download'), buyer.page.getByRole('button', { name: 'Download the verdict packet' }).click()]);
  assert.match(packet.suggestedFilename(), /^verdict-.*\.json$/);
  await go(buyer.page, 'Disputes');
  await buyer.page.getByRole('link', { name: /Decided for good/ }).waitFor();
  well(seller, buyer);
});

test('jury duty: stake, a vote under seal, and its opening after a reload', async () => {
  const juror = await house.trader();
  const others = [await house.agent(), await house.agent()];
  await juror.page.goto('/marketplace/jury');
  await juror.page.getByRole('button', { name: 'Lock the stake' }).click();
  await juror.page.getByTestId('stake').filter({ hasText: '250 AVT' }).waitFor();
  for (const other of others) await other.call('/api/v1/jurors/register', { stake: '250' });
  await house.aWeekLater();
  const id = await house.seated('Judge this');

  await juror.page.goto('/marketplace/jury');
  await juror.page.getByRole('link', { name: /vote under seal/ }).click();
  const vote = juror.page.getByTestId('vote');
  await vote.getByLabel('Vote').selectOption('half');
  await vote.getByRole('button', { name: 'Seal the vote' }).click();
  const salt = await vote.getByTestId('salt').textContent();
  assert.match(salt ?? '', /^[0-9a-f]{64}$/);
  await juror.page.reload();
  assert.equal(await vote.getByTestId('salt').textContent(), salt, 'kept in this browser');

  const sealed = new Map();
  for (const other of others) {
    const opening = { ballot: 'half', salt: '07'.repeat(32) };
    sealed.set(other, opening);
    await other.call(`/api/v1/disputes/${id}/commit`, { commitment: commitment(id, other.did, opening) });
  }
  await juror.page.locator('[data-action=reveal]').click();
  for (const [other, opening] of sealed) await other.call(`/api/v1/disputes/${id}/reveal`, opening);
  await disputed(juror.page, 'can be appealed');
  await juror.page.getByText('By a panel of jurors').waitFor();
  assert.equal(await juror.page.getByRole('cell', { name: 'Half of the price to who disputed' }).count(), 3);
  await juror.page.goto('/marketplace/jury');
  await juror.page.getByRole('button', { name: 'Take no new seats' }).click();
  await juror.page.getByText('You take no new seats for now.').waitFor();
  well(juror);
});

test('operators look first, then sign; strangers are told that they are none', async () => {
  const [seller, buyer, operator] = [await house.agent(), await house.trader(), await house.personOf(house.operator)];
  const listing = await seller.list({ name: 'To be ruled', price: '4' });
  const order = await buy(buyer.page, `/marketplace/listings/${listing}`);
  await seller.call(`/api/v1/orders/${order.split('/').at(-1)}/deliver`, { inline: 'work' });
  await phase(buyer.page, 'Delivered');
  const path = await dispute(buyer.page, 'not what was said');
  const id = path.split('/').at(-1);
  await buyer.page.goto('/marketplace/operator');
  await buyer.page.getByText('This identity is no operator here').waitFor();

  const { page } = operator;
  await page.goto('/marketplace/operator');
  await page.getByLabel('What shall be done?').selectOption('listing.delist');
  await page.getByLabel('Listing', { exact: true }).fill(listing);
  await page.getByLabel('Reason, public').fill('tests only');
  await page.locator('[data-action=try]').click();
  await page.locator('[data-action=propose]').click();
  await page.getByTestId('motion').filter({ hasText: 'tests only' }).filter({ hasText: 'done' }).waitFor();

  await page.getByLabel('What shall be done?').selectOption('dispute.abort');
  await page.getByLabel('Dispute', { exact: true }).fill(id);
  await page.getByLabel('Reason, public').fill('our fault');
  await page.locator('[data-action=try]').click();
  await page.locator('[data-action=propose]').click();
  await page.getByTestId('motion').filter({ hasText: 'our fault' }).waitFor();

  await page.getByLabel('What shall be done?').selectOption('fees.set');
  await page.getByLabel('Fee on a price in percent').fill('2');
  await page.getByLabel('Reason, public').fill('cheaper');
  await page.locator('[data-action=try]').click();
  await page.locator('[data-action=propose]').click();
  await page.getByTestId('motion').filter({ hasText: 'cheaper' }).filter({ hasText: 'counts later' }).waitFor();
  await page.getByText('2 %').waitFor();
  page.once('dialog', (dialog) => dialog.accept('not yet'));
  await page.getByTestId('motion').filter({ hasText: 'cheaper' }).getByRole('button', { name: 'Take back' }).click();
  await page.getByTestId('motion').filter({ hasText: 'not yet' }).waitFor();
  await buyer.page.goto(path);
  await disputed(buyer.page, 'Aborted');
  well(buyer, operator);
});

/** As the marketplace computes it; written anew here, so that two writers must agree. */
function commitment(dispute, did, { ballot, salt }) {
  const number = (value) => Buffer.from(value.toString(16).padStart(16, '0'), 'hex');
  const text = (value) => Buffer.concat([number(Buffer.byteLength(value)), Buffer.from(value)]);
  const parts = [text('marketplace-vote 1'), text(dispute), number(0), number(0), text(did), text(ballot), Buffer.from(salt, 'hex')];
  return createHash('sha256').update(Buffer.concat(parts)).digest('hex');
}
