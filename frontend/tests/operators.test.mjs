// Where two operators have to agree: an appeal, and its ruling, in real browsers.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { act, buy, dispute, go, House } from './house.mjs';

let house;
before(async () => (house = await House.open({ operators: 2 })));
after(async () => house?.close());

const disputed = (page, text) => page.getByTestId('dispute-phase').filter({ hasText: text }).waitFor();
const motion = (page, text) => page.getByTestId('motion').filter({ hasText: text });

test('a rule decides, the loser appeals, and two operators rule', async () => {
  const [seller, buyer] = [await house.trader(), await house.trader()];
  const first = await house.personOf(house.operators[0]);
  const second = await house.personOf(house.operators[1]);
  // The checks of the listing say that the delivery is wrong: a rule sees that, and no quality.
  const agent = await house.agent();
  const listing = await agent.list({ name: 'Four bytes', price: '8', terms: { checks: [{ kind: 'size', max_bytes: 4 }] } });
  const order = await buy(buyer.page, `/marketplace/listings/${listing}`);
  const id = order.split('/').at(-1);
  await agent.call(`/api/v1/orders/${id}/deliver`, { inline: 'far too long' });
  await buyer.page.getByTestId('phase').filter({ hasText: 'Delivered' }).waitFor();
  const path = await dispute(buyer.page, 'it does not fit', 'failed_checks');
  const name = path.split('/').at(-1);
  await agent.call(`/api/v1/disputes/${name}/contest`, {});
  await disputed(buyer.page, 'can be appealed');
  await buyer.page.getByTestId('ruling').first().waitFor();

  // Who lost appeals, in a browser of its own.
  const loser = await house.personOf(agent);
  await loser.page.goto(path);
  await loser.page.locator('[data-action=appeal]').click();
  await loser.page.getByRole('dialog').getByText(/AVT/).first().waitFor();
  await loser.page.getByRole('button', { name: 'Yes, do it' }).click();
  // Nobody registered as a juror: the case goes to the operators, and every page says so by itself.
  await disputed(loser.page, 'The operators decide');
  await disputed(buyer.page, 'The operators decide');

  await second.page.goto('/marketplace/operator');
  await first.page.goto('/marketplace/operator');
  await first.page.locator('[data-action=rule]').click();
  await first.page.getByLabel('What do you find?').selectOption('quarter');
  await first.page.getByLabel('Reason, public').fill('two of three parts fit');
  await first.page.locator('[data-action=try]').click();
  await first.page.locator('[data-action=propose]').click();
  const proposed = motion(first.page, 'two of three parts fit');
  await proposed.getByText('1 / 2').waitFor();
  assert.equal(await proposed.locator('[data-action=approve]').count(), 0, 'nobody agrees twice');
  await disputed(buyer.page, 'The operators decide');

  // The other one sees it without asking, looks at it, and signs the same.
  const seen = motion(second.page, 'two of three parts fit');
  await seen.getByText('1 / 2').waitFor();
  await seen.locator('[data-action=approve]').click();
  await seen.filter({ hasText: 'done' }).waitFor();
  await proposed.filter({ hasText: 'done' }).waitFor();
  await disputed(buyer.page, 'Decided for good');
  await disputed(loser.page, 'Decided for good');
  await buyer.page.getByTestId('ruling').filter({ hasText: 'A quarter of the price' }).waitFor();
  await buyer.page.getByText('two of three parts fit').waitFor();
  await go(loser.page, 'Wallet');
  await loser.page.getByTestId('available').filter({ hasText: /AVT/u }).waitFor();
  for (const { faults } of [seller, buyer, loser, first, second]) assert.deepEqual(faults, []);
});
