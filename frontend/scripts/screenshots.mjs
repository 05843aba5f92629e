// Pictures of every page at 360 and 1280 px, light and dark, for people to look at.

import { mkdirSync } from 'node:fs';
import { join } from 'node:path';

import { buy, deliver, House, list } from '../tests/house.mjs';

const OUT = process.env.SCREENSHOTS ?? 'screenshots';
mkdirSync(OUT, { recursive: true });
const house = await House.open();
try {
  const [seller, buyer] = [await house.trader(), await house.trader()];
  const listing = await list(seller.page, { name: 'CSV Analyzer', description: 'Finds gaps, doubles and outliers in your tables.\nSend any CSV up to 10 MiB; you get a report as JSON.', price: '5' });
  for (const [name, price] of [['Translation, English to German', '3.5'], ['Image embeddings by the thousand', '0.75'], ['Nightly backups of agent memory', '12'], ['Sentiment of a thousand posts', '2.25']]) {
    await list(seller.page, { name, price, description: `${name}. Delivered as JSON, with a hash.` });
  }
  const open = await buy(buyer.page, listing);
  const delivered = await buy(buyer.page, listing);
  await seller.page.goto(delivered);
  await deliver(seller.page, 'rows: 3, gaps: 0');
  await seller.page.getByTestId('phase').filter({ hasText: 'Delivered' }).waitFor();

  const pages = {
    search: [buyer, '/marketplace'],
    'search-nothing': [buyer, '/marketplace?q=zebra&max=1'],
    listing: [buyer, listing],
    purchase: [buyer, listing, (page) => page.getByRole('button', { name: 'Buy', exact: true }).click().then(() => page.getByRole('button', { name: /Pay into/ }).waitFor())],
    'own-listing': [seller, listing],
    sell: [seller, '/marketplace/sell'],
    mine: [seller, '/marketplace/mine'],
    orders: [buyer, '/marketplace/orders'],
    'order-open': [buyer, open],
    'order-delivered': [buyer, delivered, (page) => page.getByRole('button', { name: 'Show the delivery' }).click().then(() => page.getByText('match the hash').waitFor())],
    'order-deliver': [seller, open, (page) => page.locator('[data-action=deliver]').click()],
    wallet: [buyer, '/marketplace/wallet'],
    identity: [buyer, '/marketplace/identity'],
    'not-found': [buyer, '/marketplace/nowhere'],
  };
  for (const [name, [{ page }, path, then]] of Object.entries(pages)) {
    for (const width of [360, 1280]) {
      for (const colorScheme of ['light', 'dark']) {
        await page.setViewportSize({ width, height: 800 });
        await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
        await page.goto(path);
        await page.locator('h1').first().waitFor();
        await page.locator('.ghost').first().waitFor({ state: 'detached' });
        await then?.(page);
        await page.screenshot({ path: join(OUT, `${name}-${width}-${colorScheme}.png`), fullPage: then === undefined || !['purchase', 'order-deliver'].includes(name) });
      }
    }
  }
} finally {
  await house.close();
}
