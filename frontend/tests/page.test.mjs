// The page in a real browser against a real server: what people do with it, and what strangers try.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { accessibleAt } from './axe.mjs';
import { act, buy, contested, deliver, go, House, list } from './house.mjs';

let house;

before(async () => (house = await House.open()));
after(async () => house?.close());

const phase = (page, text) => page.getByTestId('phase').filter({ hasText: text }).waitFor();
const well = (...people) => {
  for (const { faults } of people) assert.deepEqual(faults, []);
};

test('list, find, buy, deliver, accept', async () => {
  const [seller, buyer] = [await house.trader(), await house.trader()];
  await list(seller.page, { name: 'CSV Analyzer', description: 'Finds gaps in your tables.' });

  await go(buyer.page, 'Find');
  await buyer.page.getByLabel('What do you need?').fill('gaps tables');
  await buyer.page.getByRole('link', { name: /CSV Analyzer/ }).click();
  await buyer.page.getByRole('button', { name: 'Buy', exact: true }).click();
  const dialog = buyer.page.getByRole('dialog');
  await dialog.getByText('5.125').first().waitFor();
  await dialog.getByRole('button', { name: /Pay into escrow/ }).click();
  await phase(buyer.page, 'has not started');

  await go(seller.page, 'Orders');
  await seller.page.getByLabel('Orders').selectOption('seller');
  await seller.page.getByRole('link', { name: /CSV Analyzer/ }).click();
  await deliver(seller.page, 'rows: 3, gaps: 0');
  // The buyer's page hears of it by itself.
  await phase(buyer.page, 'Delivered');
  await buyer.page.getByRole('button', { name: 'Show the delivery' }).click();
  await buyer.page.getByText('rows: 3, gaps: 0').waitFor();
  await buyer.page.getByText('match the hash').waitFor();
  await act(buyer.page, 'accept');
  await phase(buyer.page, 'Accepted');
  await phase(seller.page, 'Accepted');

  await go(seller.page, 'Wallet');
  await seller.page.getByTestId('available').filter({ hasText: /^\s*5\sAVT/u }).waitFor();
  well(seller, buyer);
});

test('decline pays back; a split is offered and accepted', async () => {
  const [seller, buyer] = [await house.trader(), await house.trader()];
  const listing = await list(seller.page, { name: 'Half work', price: '8' });
  const declined = await buy(buyer.page, listing);
  await seller.page.goto(declined);
  await act(seller.page, 'decline');
  await phase(buyer.page, 'Declined');

  const settled = await buy(buyer.page, listing);
  await seller.page.goto(settled);
  await seller.page.locator('[data-action=offer-split]').click();
  await seller.page.getByLabel('The provider gets').fill('2');
  await seller.page.getByRole('button', { name: 'Yes, do it' }).click();
  await act(buyer.page, 'accept-split');
  await phase(seller.page, 'Settled');
  await go(seller.page, 'Wallet');
  await seller.page.getByTestId('available').filter({ hasText: /^\s*2\sAVT/u }).waitFor();
  well(seller, buyer);
});

test('changes are asked for and delivered', async () => {
  const [seller, buyer] = [await house.trader(), await house.trader()];
  const order = await buy(buyer.page, await list(seller.page, { name: 'Twice' }));
  await seller.page.goto(order);
  await deliver(seller.page, 'first');
  await phase(buyer.page, 'Delivered');
  await buyer.page.locator('[data-action=request-changes]').click();
  await buyer.page.getByLabel('What has to change?').fill('More rows, please');
  await buyer.page.getByRole('button', { name: 'Yes, do it' }).click();
  await seller.page.getByText('More rows, please').waitFor();
  await deliver(seller.page, 'second');
  await phase(buyer.page, 'Delivered');
  well(seller, buyer);
});

test('deep links, the back button, and addresses that are none', async () => {
  const trader = await house.trader();
  const { page } = trader;
  const listing = await list(page, { name: 'Linked' });
  await page.goto(listing);
  await page.getByRole('heading', { name: 'Linked' }).waitFor();
  await go(page, 'Orders');
  await page.getByRole('heading', { name: 'Orders' }).waitFor();
  await page.goBack();
  await page.getByRole('heading', { name: 'Linked' }).waitFor();
  await page.goto('/marketplace?q=linked&max=6');
  await page.getByRole('link', { name: /Linked/ }).waitFor();
  assert.equal(await page.getByLabel('Price up to').inputValue(), '6');
  await page.goto('/marketplace/no/such/page');
  await page.getByRole('heading', { name: 'There is no such page' }).waitFor();
  await page.goto('/marketplace/orders/0197f3a2-7c1e-7aaa-8b1b-0242ac120002');
  await page.getByText('There is no such order').waitFor();
  well(trader);
});

test('two tabs follow each other, and both survive a restart of the server', async () => {
  const [seller, buyer] = [await house.trader(), await house.trader()];
  const order = await buy(buyer.page, await list(seller.page, { name: 'Steady' }));
  const second = await buyer.context.newPage();
  await second.goto(order);
  await phase(second, 'has not started');
  await house.stop();
  await second.getByText('Connection lost').waitFor();
  await house.start();
  await second.getByText('Live', { exact: true }).waitFor();
  await seller.page.goto(order);
  await act(seller.page, 'start');
  await phase(buyer.page, 'at work');
  await phase(second, 'at work');
  well(seller);
});

test('texts of strangers stay texts', async () => {
  const [seller, reader] = [await house.trader(), await house.person()];
  const name = '<img src=x onerror=alert(1)> \u202Egnp.exe \u{1F600}';
  const description = `<script>alert(2)</script><a href="javascript:alert(3)">x</a> ${'very'.repeat(800)}`;
  const listing = await list(seller.page, { name, description });
  let alerted = false;
  reader.page.on('dialog', (dialog) => ((alerted = true), dialog.dismiss()));
  await reader.page.setViewportSize({ width: 360, height: 740 });
  await reader.page.goto(listing);
  await reader.page.getByText('<script>alert(2)</script>').waitFor();
  const wide = await reader.page.evaluate(() => document.documentElement.scrollWidth > document.documentElement.clientWidth);
  assert.equal(wide, false, 'nothing hangs out of the page');
  assert.equal(await reader.page.locator('main img, main script').count(), 0);
  assert.equal(alerted, false);
  well(seller, reader);
});

test('a purchase by the keyboard alone', async () => {
  const [seller, buyer] = [await house.trader(), await house.trader()];
  await list(seller.page, { name: 'Keyboard service' });
  const { page } = buyer;
  const press = (key) => page.keyboard.press(key);
  const tabTo = async (matches) => {
    for (let step = 0; step < 60; step++) {
      await press('Tab');
      const text = await page.evaluate(() => document.activeElement?.textContent?.trim() ?? '');
      if (matches(text)) return;
    }
    assert.fail('not reached by Tab');
  };
  await page.goto('/marketplace?q=keyboard');
  await page.getByRole('link', { name: /Keyboard service/ }).waitFor();
  await tabTo((text) => text.startsWith('Keyboard service'));
  await press('Enter');
  await page.getByRole('button', { name: 'Buy', exact: true }).waitFor();
  await tabTo((text) => text === 'Buy');
  await press('Enter');
  await page.getByRole('button', { name: /Pay into escrow/ }).waitFor();
  await tabTo((text) => text.startsWith('Pay into escrow'));
  await press('Enter');
  await phase(page, 'has not started');
  well(seller, buyer);
});

test('a slow network and a lost one', async () => {
  const [seller, buyer] = [await house.trader(), await house.trader()];
  const listing = await list(seller.page, { name: 'Patience' });
  const session = await buyer.context.newCDPSession(buyer.page);
  await session.send('Network.emulateNetworkConditions', { offline: false, latency: 300, downloadThroughput: 50_000, uploadThroughput: 20_000 });
  await buyer.page.goto(listing);
  await buyer.page.getByRole('button', { name: 'Buy', exact: true }).click();
  const pay = buyer.page.getByRole('button', { name: /Pay into escrow/ });
  await pay.waitFor();
  // The answer is lost, the command may have arrived: the next press repeats it with the same key.
  let lost = 0;
  await buyer.page.route('**/api/v1/orders/create', async (route) => {
    if (lost++ > 0) return route.continue();
    await route.fetch();
    await route.abort('connectionreset');
  });
  await pay.click();
  await buyer.page.getByRole('dialog').getByRole('alert').waitFor();
  await pay.click();
  await phase(buyer.page, 'has not started');
  await go(buyer.page, 'Orders');
  await buyer.page.getByRole('link', { name: /Patience/ }).first().waitFor();
  assert.equal(await buyer.page.getByRole('link', { name: /Patience/ }).count(), 1, 'bought once');
  well(seller);
});

test('no serious violation of accessibility, in both themes', async () => {
  const [seller, buyer] = [await house.trader(), await house.trader()];
  const listing = await list(seller.page, { name: 'For everybody' });
  const order = await buy(buyer.page, listing);
  const disputes = [await contested(seller, buyer, listing), await contested(seller, buyer, listing)];
  await seller.page.goto(disputes[1]);
  await act(seller.page, 'concede');
  await seller.page.getByTestId('verdict').waitFor();
  const pages = ['', '?q=everybody&explain=1', '/orders', '/wallet', '/sell', '/mine', '/identity', '/disputes', '/jury', '/market', '/operator', '/nowhere'];
  for (const path of [listing, order, ...disputes, ...pages.map((name) => `/marketplace${name}`)]) await accessibleAt(buyer.page, path);
  well(seller, buyer);
});

test('filters count what they would leave, and ranks explain themselves', async () => {
  const { page, faults } = await house.person();
  const seller = await house.agent();
  for (const [name, price, kind] of [['Facet one', '0.5', 'analysis'], ['Facet two', '5', 'analysis'], ['Facet three', '50', 'storage']]) {
    await seller.list({ name, price, service_type: kind });
  }
  await page.goto('/marketplace?q=facet');
  await page.getByText('3 services').waitFor();
  await page.getByText('Filters').click();
  await page.getByLabel('Kind').selectOption({ label: 'Analysis (2)' });
  await page.getByText('2 services').waitFor();
  await page.getByRole('button', { name: '1 – 10 (1)' }).click();
  await page.getByText('1 service', { exact: true }).waitFor();
  await page.getByRole('link', { name: /Facet two/ }).waitFor();
  await page.getByText('Why this rank?').click();
  await page.getByText(/of 100, counts/).first().waitFor();
  await page.waitForURL(/min=1&max=9\.999999999/);
  await page.getByRole('button', { name: 'Clear all filters' }).click();
  await page.getByText('3 services').waitFor();
  assert.deepEqual(faults, []);
});

test('the market is counted while it trades', async () => {
  const { page, faults } = await house.person();
  const [seller, buyer] = [await house.agent(), await house.agent()];
  const { order_id: order } = await buyer.call('/api/v1/orders/create', { listing_id: await seller.list({ name: 'Counted' }) });
  const today = async () => (await seller.call('/api/v1/market/overview?days=1')).days[0];
  const before = await today();
  await seller.call(`/api/v1/orders/${order}/deliver`, { inline: 'work' });
  await buyer.call(`/api/v1/orders/${order}/accept`, {});
  await seller.until('/api/v1/market/overview?days=1', ({ days: [day] }) => day.settled === before.settled + 1);
  await page.goto('/marketplace/market');
  await page.getByRole('heading', { name: 'Volume: paid to providers' }).waitFor();
  const shown = (Number((await today()).volume)).toLocaleString('en', { maximumFractionDigits: 9 });
  await page.getByText(`${shown} AVT`).first().waitFor();
  // The axis goes from nothing to at least the highest bar.
  const [top, ...lower] = await page.getByTestId('axis').first().locator('span').allTextContents();
  assert.ok(Number.parseFloat(top) >= Number(shown), `${top} is below ${shown}`);
  assert.equal(lower.at(-1), '0 AVT');
  await page.getByText('As a table').first().click();
  await page.getByRole('region', { name: 'Volume: paid to providers' }).getByRole('cell', { name: `${shown} AVT` }).waitFor();
  assert.deepEqual(faults, []);
});

test('checks are tried before a listing is put up, and the fees are told', async () => {
  const trader = await house.trader();
  const { page } = trader;
  await go(page, 'Sell');
  await page.getByLabel('Price in AVT').fill('8');
  await page.getByText('8.2 AVT').waitFor();
  await page.getByLabel('Checks on each delivery').fill('[{"kind":"size","max_bytes":4}]');
  await page.getByText('Try the checks on a sample').click();
  await page.getByLabel('A sample of what you would deliver').fill('too long');
  await page.locator('[data-action=dry-run]').click();
  await page.getByText('This sample would be refused.').waitFor();
  await page.getByLabel('A sample of what you would deliver').fill('fits');
  await page.locator('[data-action=dry-run]').click();
  await page.getByText('This sample would be accepted.').waitFor();
  page.on('dialog', (dialog) => dialog.accept());
  well(trader);
});

test('the page loads nothing from elsewhere and is light', async () => {
  const { page, faults } = await house.person();
  const [hosts, sizes] = [new Set(), []];
  page.on('response', async (response) => {
    hosts.add(new URL(response.url()).host);
    if (response.url().endsWith('.js')) sizes.push(Number(response.headers()['content-length']));
  });
  const answer = await page.goto('/marketplace');
  await page.getByRole('heading', { name: 'Find a service' }).waitFor();
  await page.waitForLoadState('networkidle');
  assert.deepEqual([...hosts], [new URL(house.url).host]);
  assert.match(answer.headers()['content-security-policy'], /script-src 'self';/);
  const total = sizes.reduce((sum, size) => sum + size, 0);
  assert.ok(total > 0 && total < 80 * 1024, `${total} bytes of JavaScript`);
  assert.deepEqual(faults, []);
});

test('the other language is complete enough to trade in', async () => {
  const { page, faults } = await house.person();
  await page.goto('/marketplace');
  await page.getByLabel('Language').selectOption('de');
  await page.getByRole('heading', { name: 'Einen Dienst finden' }).waitFor();
  await page.reload();
  await page.getByRole('heading', { name: 'Einen Dienst finden' }).waitFor();
  assert.equal(await page.locator('html').getAttribute('lang'), 'de');
  assert.deepEqual(faults, []);
});
