// What is one's own: keys, tokens, listings, and the page itself without a network.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, test } from 'node:test';

import { act, buy, deliver, go, House, list } from './house.mjs';

let house;
before(async () => (house = await House.open()));
after(async () => house?.close());

const available = (page, amount) => page.getByTestId('available').filter({ hasText: new RegExp(`^\\s*${amount}\\sAVT`, 'u') }).waitFor();
const well = (...people) => {
  for (const { faults } of people) assert.deepEqual(faults, []);
};

/** Fills the wallet's dialog and sends it. */
async function move(page, button, amount) {
  await page.getByRole('button', { name: button, exact: true }).click();
  await page.getByLabel('Amount in AVT').fill(amount);
}

test('deposit, withdraw, send, and a statement that adds up', async () => {
  const [trader, other] = [await house.trader(), await house.agent()];
  const { page } = trader;
  await move(page, 'Deposit', '20.5');
  await page.getByRole('button', { name: 'Do it' }).click();
  await available(page, '20\\.5');
  await move(page, 'Withdraw', 'nonsense');
  assert.equal(await page.getByRole('button', { name: 'Do it' }).isDisabled(), true);
  await page.getByLabel('Amount in AVT').fill('5,25');
  await page.getByText('Fee of the TEG').waitFor();
  await page.getByRole('button', { name: 'Do it' }).click();
  await available(page, '15\\.25');
  await move(page, 'Send to an agent', '0.25');
  await page.getByLabel('DID of the receiver').fill(other.did);
  await page.getByLabel('Reason (optional)').fill('=1+1');
  await page.getByRole('button', { name: 'Do it' }).click();
  await available(page, '15');
  const [saved] = await Promise.all([page.waitForEvent('download'), page.getByRole('button', { name: 'Export as CSV' }).click()]);
  const lines = readFileSync(await saved.path(), 'utf8').split('\r\n').slice(1);
  const rows = lines.map((line) => line.slice(1, -1).split('","'));
  // Newest first: each balance is the one before it and the change.
  for (const [at, [, , change, balance]] of rows.entries()) {
    const before = Number(rows[at + 1]?.[3] ?? 0);
    assert.equal(Number(balance), before + Number(change), lines.join('\n'));
  }
  assert.ok(rows.some((row) => row.includes("'=1+1")), 'no formula for a spreadsheet');
  well(trader);
});

test('keys stay in the browser unless their owner wants a copy', async () => {
  const [first, second] = [await house.trader(), await house.person()];
  const { page } = first;
  await go(page, 'Wallet');
  await move(page, 'Deposit', '3');
  await page.getByRole('button', { name: 'Do it' }).click();
  await page.goto('/marketplace/identity');
  await page.getByText('not exportable').waitFor();
  const bare = await page.evaluate(async () => {
    const open = indexedDB.open('marketplace');
    await new Promise((done) => (open.onsuccess = done));
    const all = open.result.transaction('keys').objectStore('keys').getAll();
    await new Promise((done) => (all.onsuccess = done));
    const [{ key }] = all.result;
    return crypto.subtle.exportKey('jwk', key).then(() => 'exported', (error) => error.name);
  });
  assert.equal(bare, 'InvalidAccessError');
  await page.getByLabel(/Let me export/).check();
  await page.getByRole('button', { name: 'Make it' }).click();
  const [file] = await Promise.all([page.waitForEvent('download'), page.getByRole('button', { name: 'Export the key' }).click()]);
  const text = readFileSync(await file.path(), 'utf8');
  await second.page.goto('/marketplace/identity');
  const take = (name, buffer) => second.page.locator('input[type=file]').setInputFiles({ name, mimeType: 'application/json', buffer: Buffer.from(buffer) });
  await take('wrong.json', '{"kty":"RSA"}');
  await second.page.getByText('That is not a key file').waitFor();
  await take('mine.json', text);
  await second.page.getByText('In use').waitFor();
  await second.page.getByText(JSON.parse(text).did.slice(-4)).first().waitFor();
  well(first, second);
});

test('a listing is edited, paused and taken off, and others see it', async () => {
  const [seller, buyer] = [await house.trader(), await house.person()];
  const path = await list(seller.page, { name: 'First name', price: '4' });
  await seller.page.getByRole('link', { name: 'Edit' }).click();
  await seller.page.getByLabel('Name', { exact: true }).fill('');
  await seller.page.getByRole('button', { name: 'Save the changes' }).click();
  // What is wrong is said at its field, which has the focus.
  await seller.page.waitForFunction(() => document.activeElement?.getAttribute('name') === 'name');
  await seller.page.getByLabel('Name', { exact: true }).fill('Second name');
  await seller.page.getByLabel('Price in AVT').fill('6');
  await seller.page.getByRole('button', { name: 'Save the changes' }).click();
  await seller.page.getByRole('heading', { name: 'Second name' }).waitFor();
  await buyer.page.goto(path);
  await buyer.page.getByRole('heading', { name: 'Second name' }).waitFor();
  await buyer.page.getByTestId('price').filter({ hasText: '6' }).waitFor();
  await seller.page.getByRole('button', { name: 'Pause' }).click();
  await seller.page.getByRole('button', { name: 'Resume' }).waitFor();
  await buyer.page.goto('/marketplace?q=second+name');
  await buyer.page.getByText('0 services').waitFor();
  await seller.page.getByRole('button', { name: 'Resume' }).click();
  await seller.page.getByRole('button', { name: 'Pause' }).waitFor();
  await go(seller.page, 'My listings');
  await seller.page.getByRole('link', { name: /^Second name/ }).waitFor();
  well(seller, buyer);
});

test('my listings show what nobody else finds, and bring it back', async () => {
  const [seller, buyer] = [await house.trader(), await house.person()];
  const path = await list(seller.page, { name: 'Away for a while', price: '4' });
  await seller.page.getByRole('button', { name: 'Pause' }).click();
  await seller.page.getByRole('button', { name: 'Resume' }).waitFor();
  await buyer.page.goto(path);
  await buyer.page.getByText('There is no such listing any more').waitFor();

  await go(seller.page, 'My listings');
  const own = seller.page.getByTestId('own-listing').filter({ hasText: 'Away for a while' });
  await own.getByText('Paused', { exact: true }).waitFor();
  assert.equal(await own.getByRole('button', { name: /^Pause/ }).count(), 0);
  await own.getByRole('button', { name: 'Resume: Away for a while' }).click();
  await own.getByText('Active', { exact: true }).waitFor();
  await buyer.page.reload();
  await buyer.page.getByRole('heading', { name: 'Away for a while' }).waitFor();

  // Another tab changes it: this one hears of it by itself.
  const tab = await seller.context.newPage();
  await tab.goto(path);
  await tab.getByRole('button', { name: 'Pause' }).click();
  await own.getByText('Paused', { exact: true }).waitFor();
  await own.getByRole('button', { name: /^Resume/ }).click();
  await tab.getByRole('button', { name: 'Pause' }).waitFor();
  tab.once('dialog', (dialog) => dialog.accept());
  await tab.getByRole('button', { name: 'Delist' }).click();
  await own.getByText('Delisted', { exact: true }).waitFor();
  assert.equal(await own.getByRole('button').count(), 0);
  well(seller, buyer);
});

test('who looks at a listing, or searches, sees what changes', async () => {
  const [seller, buyer, finder] = [await house.trader(), await house.trader(), await house.trader()];
  const path = await list(seller.page, { name: 'Watched quokka', price: '4' });
  await buyer.page.goto(path);
  await buyer.page.getByTestId('price').filter({ hasText: '4' }).waitFor();
  await finder.page.goto('/marketplace?q=quokka');
  await finder.page.getByText('1 service', { exact: true }).waitFor();
  await seller.page.getByRole('link', { name: 'Edit' }).click();
  await seller.page.getByLabel('Price in AVT').fill('7');
  await seller.page.getByRole('button', { name: 'Save the changes' }).click();
  await buyer.page.getByTestId('price').filter({ hasText: '7' }).waitFor();
  await finder.page.getByRole('link', { name: /7\sAVT/u }).waitFor();
  well(seller, buyer, finder);
});

test('who sends tokens itself sees where to, and what became of them', async () => {
  const trader = await house.trader();
  const { page, context } = trader;
  await context.grantPermissions(['clipboard-read', 'clipboard-write']);
  const { did } = await (await fetch(`${house.url}/agent_card.json`)).json();
  await page.getByRole('button', { name: 'Deposit', exact: true }).click();
  const own = page.getByTestId('own-transfer');
  await own.getByText(did, { exact: true }).waitFor();
  await own.getByRole('button', { name: 'Copy: To this DID' }).click();
  assert.equal(await page.evaluate(() => navigator.clipboard.readText()), did);
  assert.equal(await own.getByTestId('memo').textContent(), 'deposit');
  const claim = async (id) => {
    await own.getByLabel('Id of your transfer').fill(id);
    await own.getByRole('button', { name: 'Credit this transfer' }).click();
  };
  // The embedded TEG knows of no such transfer.
  await claim('0197f3a2-7c1e-7aaa-8b1b-0242ac120002');
  await own.getByRole('alert').filter({ hasText: 'does not show us this transfer yet' }).waitFor();
  // What a TEG elsewhere may say: the words are the page's, the codes the API's.
  const answers = { payment_pending: 'has not completed', payment_foreign: 'did not send us', payment_used: 'used before' };
  for (const [code, said] of Object.entries(answers)) {
    const problem = { status: 409, contentType: 'application/problem+json', body: JSON.stringify({ code, status: 409, title: code }) };
    await page.route('**/api/v1/wallet/deposit', (route) => route.fulfill(problem), { times: 1 });
    await claim(code);
    await own.getByRole('alert').filter({ hasText: said }).waitFor();
  }
  let sent;
  await page.route('**/api/v1/wallet/deposit', (route) => {
    sent = route.request().postDataJSON();
    return route.fulfill({ json: { available: '5' } });
  });
  await claim(' tx-1 ');
  await page.getByText('Credited to your balance').waitFor();
  assert.deepEqual(sent, { transaction_id: 'tx-1' });
  assert.equal(await page.getByRole('dialog').count(), 0);
  well(trader);
});

test('there is no button for play money where there is none', async () => {
  const closed = await House.open({ settings: ['--faucet', 'off'] });
  try {
    const { page, faults } = await closed.person();
    await page.goto('/marketplace/identity');
    await page.getByRole('button', { name: 'Make it' }).click();
    await page.getByText('In use').waitFor();
    await go(page, 'Wallet');
    await page.getByRole('button', { name: 'Deposit', exact: true }).waitFor();
    assert.equal(await page.locator('[data-action=faucet]').count(), 0);
    assert.deepEqual(faults, []);
  } finally {
    await closed.close();
  }
});

test('what is edited comes first, and what was typed stays', async () => {
  const seller = await house.trader();
  await list(seller.page, { name: 'Slow to come', price: '4' });
  await seller.page.getByRole('link', { name: 'Edit' }).waitFor();
  let release;
  const released = new Promise((resolve) => (release = resolve));
  await seller.page.route(/\/api\/v1\/services\/[^/]+$/, (route) => released.then(() => route.continue()));
  await seller.page.route(/\/api\/v1\/fees$/, (route) => route.abort(), { times: 1 });
  await seller.page.getByRole('link', { name: 'Edit' }).click();
  await seller.page.locator('main .ghost').waitFor();
  const name = seller.page.getByLabel('Name', { exact: true });
  assert.equal(await name.count(), 0, 'no empty field that the listing fills later');
  release();
  await name.fill('Typed');
  await seller.page.getByRole('alert').filter({ hasText: 'cannot be reached' }).waitFor();
  await seller.page.getByRole('button', { name: 'Try again' }).click();
  await seller.page.locator('dt.sum').waitFor();
  assert.equal(await name.inputValue(), 'Typed');
  await seller.page.getByRole('button', { name: 'Save the changes' }).click();
  await seller.page.getByRole('heading', { name: 'Typed' }).waitFor();
});

test('the market moves on the page while strangers trade', async () => {
  const [watcher, seller, buyer] = [await house.trader(), await house.agent(), await house.agent()];
  const { page } = watcher;
  let asked = 0;
  page.on('request', (request) => (asked += Number(request.url().includes('/market/overview'))));
  await go(page, 'Market');
  await page.getByText('Live', { exact: true }).waitFor();
  const open = page.locator('dl.now > div').filter({ hasText: 'Open orders' }).locator('dd');
  const before = Number(await open.textContent());
  await page.waitForTimeout(1_500);
  const quiet = asked;
  await page.waitForTimeout(1_500);
  assert.equal(asked, quiet, 'nobody asks while nothing happens');
  await buyer.call('/api/v1/orders/create', { listing_id: await seller.list({ name: 'Moved' }) });
  await page.locator('dl.now > div').filter({ hasText: 'Open orders' }).filter({ hasText: String(before + 1) }).waitFor();
  well(watcher);
});

test('the shell of the page stands without a network, and says so', async () => {
  const visitor = await house.person({ serviceWorkers: 'allow' });
  const { page, context } = visitor;
  await page.goto('/marketplace');
  await page.evaluate(() => navigator.serviceWorker.ready);
  await page.waitForFunction(() => navigator.serviceWorker.controller !== null);
  // What it is made of is kept from the first visit under the worker on.
  await page.reload();
  await page.getByText(/\d+ services?/).waitFor();
  await context.setOffline(true);
  await page.reload();
  await page.getByRole('heading', { name: 'Find a service' }).waitFor();
  await page.getByRole('alert').filter({ hasText: 'cannot be reached' }).waitFor();
  await go(page, 'Orders');
  await page.locator('main').getByText(/identity|cannot be reached/).first().waitFor();
  const icon = await page.evaluate(() => fetch('/marketplace/icon.svg').then((answer) => answer.ok, () => false));
  assert.equal(icon, true);
  await context.setOffline(false);
  await page.goto('/marketplace');
  await page.getByText(/\d+ services?/).waitFor();
});

test('who wants no motion sees none', async () => {
  const { page, faults } = await house.person({ reducedMotion: 'reduce' });
  await page.route('**/api/v1/services/search**', () => undefined);
  await page.goto('/marketplace');
  await page.locator('.ghost').first().waitFor();
  const moving = await page.evaluate(() => document.getAnimations().length);
  assert.equal(moving, 0);
  assert.deepEqual(faults, []);
});

test('a stream that does not exist is not asked for again and again', async () => {
  const { page, faults } = await house.trader();
  let asked = 0;
  page.on('request', (request) => (asked += Number(request.url().includes('/events'))));
  await page.goto('/marketplace/orders/0197f3a2-7c1e-7aaa-8b1b-0242ac120002');
  await page.getByText('There is no such order').waitFor();
  await page.waitForTimeout(2_500);
  assert.equal(asked, 1);
  assert.deepEqual(faults, []);
});

test('reviews are blind until both are given; score and exposure say why', async () => {
  const [seller, buyer] = [await house.trader(), await house.trader()];
  const listing = await list(seller.page, { name: 'To be reviewed', price: '8' });
  const order = await buy(buyer.page, listing);
  await buyer.page.goto(listing);
  const standing = buyer.page.getByTestId('standing');
  const room = Number((await standing.getByTestId('room').textContent()).replace(/[^0-9.]/g, ''));
  await seller.page.goto(order);
  await deliver(seller.page, 'work');
  await buyer.page.goto(order);
  await act(buyer.page, 'accept');
  const review = async (page, stars, text) => {
    const form = page.getByTestId('order-reviews');
    await form.getByLabel(`${stars} of 5 stars`).check();
    await form.getByLabel(/In your words/).fill(text);
    await form.getByRole('button', { name: 'Give the review' }).click();
    await form.getByText(text).waitFor();
  };
  await review(buyer.page, 4, 'good <b>rows</b>');
  await buyer.page.getByText('Reviews open when both are given').waitFor();
  await seller.page.reload();
  await seller.page.getByTestId('order-reviews').getByRole('button', { name: 'Give the review' }).waitFor();
  assert.equal(await seller.page.getByText('good <b>rows</b>').count(), 0, 'not before the own one is given');
  await review(seller.page, 5, 'paid at once');
  await seller.page.getByText('good <b>rows</b>').waitFor();
  await buyer.page.goto(listing);
  const shown = buyer.page.getByTestId('reviews');
  await shown.getByText('good <b>rows</b>').waitFor();
  await shown.getByText('as a provider').waitFor();
  assert.equal(await shown.locator('b').count(), 0);
  await standing.getByText('Why this score?').click();
  await standing.getByText('How far its own word is trusted').waitFor();
  const after = Number((await standing.getByTestId('room').textContent()).replace(/[^0-9.]/g, ''));
  assert.ok(after > room, `what was settled does not wait any more: ${room}, ${after}`);
  well(seller, buyer);
});
