// Pictures of every page at 360 and 1280 px, light and dark, for people to look at.

import { mkdirSync } from 'node:fs';
import { join } from 'node:path';

import { act, buy, contested, deliver, House, list } from '../tests/house.mjs';

const OUT = process.env.SCREENSHOTS ?? 'screenshots';
mkdirSync(OUT, { recursive: true });
const house = await House.open();
try {
  const [seller, buyer] = [await house.trader(), await house.trader()];
  const listing = await list(seller.page, { name: 'CSV Analyzer', description: 'Finds gaps, doubles and outliers in your tables.\nSend any CSV up to 10 MiB; you get a report as JSON.', price: '5' });
  for (const [name, price] of [['Translation, English to German', '3.5'], ['Image embeddings by the thousand', '0.75'], ['Nightly backups of agent memory', '12'], ['Sentiment of a thousand posts', '2.25']]) {
    await list(seller.page, { name, price, description: `${name}. Delivered as JSON, with a hash.` });
  }
  const paused = await list(seller.page, { name: 'Paused for the holidays', price: '4' });
  await seller.page.getByRole('button', { name: 'Pause' }).click();
  await seller.page.getByRole('button', { name: 'Resume' }).waitFor();
  const open = await buy(buyer.page, listing);
  const delivered = await buy(buyer.page, listing);
  await seller.page.goto(delivered);
  await deliver(seller.page, 'rows: 3, gaps: 0');
  await seller.page.getByTestId('phase').filter({ hasText: 'Delivered' }).waitFor();

  const openDispute = await contested(seller, buyer, listing);
  await buyer.page.locator('[data-action=add-evidence]').click();
  await buyer.page.locator('textarea[name=evidence]').fill('rows: 2 of 4');
  await buyer.page.getByLabel('What does it show?').fill('What I got: two of four rows.');
  await buyer.page.getByRole('dialog').getByRole('button', { name: 'Hand in evidence' }).click();
  await buyer.page.getByText('What I got').waitFor();
  await seller.page.goto(openDispute);
  await seller.page.locator('[data-action=offer-settlement]').click();
  await seller.page.getByLabel('The provider gets').fill('3');
  await seller.page.getByRole('button', { name: 'Yes, do it' }).click();
  await seller.page.getByTestId('offer').waitFor();
  const verdict = await contested(seller, buyer, listing);
  await seller.page.goto(verdict);
  await act(seller.page, 'concede');
  await seller.page.getByTestId('verdict').waitFor();
  const juror = await house.trader();
  await juror.page.goto('/marketplace/jury');
  await juror.page.getByRole('button', { name: 'Lock the stake' }).click();
  await juror.page.getByTestId('stake').waitFor();
  for (const other of [await house.agent(), await house.agent()]) await other.call('/api/v1/jurors/register', { stake: '250' });
  await house.aWeekLater();
  const seated = await house.seated('Summaries of a hundred papers');
  const operator = await house.personOf(house.operator);
  await house.operator.call('/api/v1/operator/motions', { action: 'fees.set', transaction_fee_percent: '2', reason: 'Lower costs: we pass them on.' });

  const pages = {
    search: [buyer, '/marketplace'],
    'search-nothing': [buyer, '/marketplace?q=zebra&max=1'],
    listing: [buyer, listing],
    purchase: [buyer, listing, (page) => page.getByRole('button', { name: 'Buy', exact: true }).click().then(() => page.getByRole('button', { name: /Pay into/ }).waitFor())],
    'own-listing': [seller, listing],
    sell: [seller, '/marketplace/sell'],
    'own-paused': [seller, paused],
    edit: [seller, listing.replace('/listings/', '/sell/')],
    mine: [seller, '/marketplace/mine'],
    orders: [buyer, '/marketplace/orders'],
    'order-open': [buyer, open],
    'order-delivered': [buyer, delivered, (page) => page.getByRole('button', { name: 'Show the delivery' }).click().then(() => page.getByText('match the hash').waitFor())],
    'order-deliver': [seller, open, (page) => page.locator('[data-action=deliver]').click()],
    'open-dispute': [buyer, delivered, (page) => page.locator('[data-action=dispute]').click()],
    disputes: [buyer, '/marketplace/disputes'],
    dispute: [buyer, openDispute],
    'dispute-answer': [seller, openDispute],
    'dispute-contest': [seller, openDispute, (page) => page.locator('[data-action=contest]').click()],
    verdict: [buyer, verdict, (page) => page.getByRole('button', { name: 'Show the postings' }).click().then(() => page.getByRole('row', { name: /Buyer/ }).first().waitFor())],
    jury: [buyer, '/marketplace/jury'],
    juror: [juror, '/marketplace/jury'],
    vote: [juror, `/marketplace/disputes/${seated}`, (page) => page.getByTestId('vote').waitFor()],
    market: [buyer, '/marketplace/market'],
    operator: [operator, '/marketplace/operator'],
    'operator-none': [buyer, '/marketplace/operator'],
    'search-explained': [buyer, '/marketplace?q=memory&explain=1&max=100'],
    wallet: [buyer, '/marketplace/wallet'],
    deposit: [buyer, '/marketplace/wallet', (page) => page.getByRole('button', { name: 'Deposit', exact: true }).click().then(() => page.getByTestId('pay-to').waitFor())],
    identity: [buyer, '/marketplace/identity'],
    'not-found': [buyer, '/marketplace/nowhere'],
  };
  const wanted = process.env.ONLY?.split(',');
  for (const [name, [{ page }, path, then]] of Object.entries(pages)) {
    if (wanted && !wanted.includes(name)) continue;
    for (const width of [360, 1280]) {
      for (const colorScheme of ['light', 'dark']) {
        await page.setViewportSize({ width, height: 800 });
        await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
        await page.goto(path);
        await page.locator('h1').first().waitFor();
        await page.locator('.ghost').first().waitFor({ state: 'detached' });
        await then?.(page);
        const dialog = await page.locator('dialog[open]').count();
        await page.screenshot({ path: join(OUT, `${name}-${width}-${colorScheme}.png`), fullPage: dialog === 0 });
      }
    }
  }
} finally {
  await house.close();
}
