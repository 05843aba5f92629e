// The page in a real browser against a real server: what people do with it, and what strangers try.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { after, before, test } from 'node:test';

import { act, buy, deliver, go, House, list } from './house.mjs';

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
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
  for (const colorScheme of ['light', 'dark']) {
    await buyer.page.emulateMedia({ colorScheme });
    for (const path of ['/marketplace', listing, order, '/marketplace/orders', '/marketplace/wallet', '/marketplace/sell', '/marketplace/mine', '/marketplace/identity', '/marketplace/nowhere']) {
      await buyer.page.goto(path);
      await buyer.page.locator('h1').first().waitFor();
      await buyer.page.locator('.ghost').first().waitFor({ state: 'detached' });
      await buyer.page.evaluate(AXE);
      const { violations } = await buyer.page.evaluate(() => globalThis.axe.run(document, { resultTypes: ['violations'] }));
      const grave = violations.filter(({ impact }) => impact === 'serious' || impact === 'critical');
      assert.deepEqual(grave.map(({ id, nodes }) => [id, nodes.map((node) => node.html).slice(0, 3)]), [], `${path} in ${colorScheme}`);
    }
  }
  well(seller, buyer);
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
