// A real server and a real browser for the tests and the screenshots.

import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer as createHttpServer, request } from 'node:http';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { extname, join } from 'node:path';

import { chromium } from 'playwright-core';

import { Agent } from './agent.mjs';

const SERVER = process.env.MARKETPLACE_SERVER;
/** While developing: the page is taken from this folder, whatever the server was built with. */
const DIST = process.env.PAGE_DIST;
const CHROMIUM = process.env.CHROMIUM ?? '/usr/bin/chromium';

async function freePort() {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}

const TYPES = { '.html': 'text/html', '.js': 'text/javascript', '.css': 'text/css', '.svg': 'image/svg+xml', '.webmanifest': 'application/manifest+json' };
const POLICY = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; manifest-src 'self'; worker-src 'self'";

/** The page from the folder, packed as the server sends it; everything else from the server. */
async function inFrontOf(port) {
  const front = createHttpServer((asked, answer) => {
    if (asked.url.startsWith('/marketplace')) {
      const name = asked.url.split('?')[0].slice('/marketplace/'.length);
      const file = join(DIST, extname(name) === '' ? 'index.html' : name);
      if (!existsSync(`${file}.gz`)) return answer.writeHead(404).end();
      const kept = name.startsWith('assets/') ? 'public, max-age=31536000, immutable' : 'no-cache';
      const body = readFileSync(`${file}.gz`);
      return answer.writeHead(200, { 'Content-Length': body.length, 'Content-Type': TYPES[extname(file)], 'Content-Encoding': 'gzip', 'Content-Security-Policy': POLICY, 'Service-Worker-Allowed': '/marketplace', 'Cache-Control': kept }).end(body);
    }
    const onward = request({ port, host: '127.0.0.1', method: asked.method, path: asked.url, headers: asked.headers }, (reply) => {
      answer.writeHead(reply.statusCode, reply.headers);
      reply.on('error', () => answer.destroy()).pipe(answer);
    });
    onward.on('error', () => answer.destroy());
    answer.on('close', () => onward.destroy());
    asked.pipe(onward);
  });
  front.listen(0, '127.0.0.1');
  await once(front, 'listening');
  return front;
}

/** A marketplace of its own, with everything embedded. */
export class House {
  static async open({ operators = 1, settings = [] } = {}) {
    if (!SERVER) throw new Error('MARKETPLACE_SERVER names the server binary: run this by cargo xtask');
    const house = new House();
    house.settings = settings;
    house.folder = mkdtempSync(join(tmpdir(), 'marketplace-page-'));
    house.port = await freePort();
    house.front = DIST && (await inFrontOf(house.port));
    house.url = `http://127.0.0.1:${house.front ? house.front.address().port : house.port}`;
    house.operators = await Promise.all(Array.from({ length: operators }, () => Agent.make(house.url)));
    [house.operator] = house.operators;
    await house.start();
    house.browser = await chromium.launch({ executablePath: CHROMIUM, args: ['--no-sandbox'] });
    return house;
  }

  async start() {
    const dids = this.operators.map(({ did }) => did);
    const settings = ['--listen', `127.0.0.1:${this.port}`, '--data-dir', this.folder, '--operator-dids', dids.join(), '--operator-signatures', String(dids.length), ...this.settings];
    this.server = spawn(SERVER, settings, { stdio: 'ignore' });
    for (let round = 0; round < 600; round++) {
      const answer = await fetch(`${this.url}/readyz`).catch(() => undefined);
      if (answer?.ok) return;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    throw new Error('the server was not ready within 30 s');
  }

  async stop(signal = 'SIGTERM') {
    const gone = new Promise((resolve) => this.server.once('exit', resolve));
    this.server.kill(signal);
    await gone;
  }

  async close() {
    await this.browser?.close();
    await this.stop();
    this.front?.closeAllConnections();
    this.front?.close();
    rmSync(this.folder, { recursive: true, force: true });
  }

  /** Jurors take seats a week after they joined: the week passes in the file, while no server has it. */
  async aWeekLater() {
    await this.stop();
    const work = 'import sqlite3, sys; base = sqlite3.connect(sys.argv[1]); base.execute("UPDATE jurors SET since = since - 8 * 86400 * 1000000"); base.commit()';
    const ran = spawnSync('python3', ['-c', work, join(this.folder, 'marketplace.db')], { encoding: 'utf8' });
    if (ran.status !== 0) throw new Error(ran.stderr);
    await this.start();
  }

  /** A dispute between two agents whose panel votes now; gives its id. */
  async seated(name) {
    const [seller, buyer] = [await this.agent(), await this.agent()];
    const listing = await seller.list({ name });
    const { order_id: order } = await buyer.call('/api/v1/orders/create', { listing_id: listing });
    await seller.call(`/api/v1/orders/${order}/deliver`, { inline: 'work' });
    const { dispute_id: id } = await buyer.call('/api/v1/disputes/create', { order_id: order, category: 'poor_quality', reason: 'bad' });
    await seller.call(`/api/v1/disputes/${id}/contest`, {});
    await buyer.until(`/api/v1/disputes/${id}`, ({ phase }) => phase === 'COMMITTING');
    return id;
  }

  /** A browser profile of its own: another person. Fails the test on any error of the page. */
  async person(options = {}) {
    const context = await this.browser.newContext({ locale: 'en-GB', baseURL: this.url, serviceWorkers: 'block', ...options });
    context.setDefaultTimeout(20_000);
    const faults = [];
    context.on('page', (page) => {
      page.on('pageerror', (error) => faults.push(String(error)));
      page.on('console', (message) => {
        if (message.type() === 'error' && !message.text().includes('Failed to load resource')) faults.push(message.text());
      });
    });
    const page = await context.newPage();
    return { context, page, faults };
  }

  /** A person that acts as an agent whose key it has. */
  async personOf(agent) {
    const person = await this.person();
    await person.page.goto('/marketplace/identity');
    await person.page.locator('input[type=file]').setInputFiles(await agent.keyFile());
    await person.page.getByText('In use').waitFor();
    return person;
  }

  /** An agent without a browser, with play money. */
  async agent() {
    const agent = await Agent.make(this.url);
    await agent.call('/api/v1/wallet/faucet', {});
    return agent;
  }

  /** A person with an identity and play money. */
  async trader(options = {}) {
    const person = await this.person(options);
    const { page } = person;
    await page.goto('/marketplace/identity');
    await page.getByRole('button', { name: 'Make it' }).click();
    await page.getByText('In use').waitFor();
    await go(page, 'Wallet');
    await page.locator('[data-action=faucet]').click();
    await page.getByTestId('teg').filter({ hasText: '1,000' }).waitFor();
    return person;
  }
}

/** By the menu, as people go. */
export async function go(page, name) {
  await page.getByRole('navigation').getByRole('link', { name, exact: true }).click();
}

/** Lists a service; gives its path. */
export async function list(page, { name, description = 'What it says.', price = '5' }) {
  await go(page, 'Sell');
  await page.getByLabel('Name', { exact: true }).fill(name);
  await page.getByLabel('Description', { exact: true }).fill(description);
  await page.getByLabel('Price in AVT').fill(price);
  await page.getByRole('button', { name: 'List the service' }).click();
  await page.waitForURL(/\/marketplace\/listings\//);
  return new URL(page.url()).pathname;
}

/** Buys the service at this path; gives the order's path. */
export async function buy(page, listing) {
  await page.goto(listing);
  await page.getByRole('button', { name: 'Buy', exact: true }).click();
  await page.getByRole('button', { name: /Pay into escrow/ }).click();
  await page.waitForURL(/\/marketplace\/orders\//);
  return new URL(page.url()).pathname;
}

/** Does one of the order's actions that needs no more than a yes. */
export async function act(page, action) {
  await page.locator(`[data-action=${action}]`).click();
  await page.getByRole('button', { name: 'Yes, do it' }).click();
}

/** Delivers a text. */
export async function deliver(page, text) {
  await page.locator('[data-action=deliver]').click();
  await page.locator('textarea[name=inline]').fill(text);
  await page.getByRole('dialog').getByRole('button', { name: 'Deliver', exact: true }).click();
}

/** Opens a dispute on the order page that is shown; gives its path. */
export async function dispute(page, reason, category = 'poor_quality') {
  await page.locator('[data-action=dispute]').click();
  const dialog = page.getByRole('dialog');
  await dialog.locator('select[name=category]').selectOption(category);
  await dialog.getByLabel('How much of the price').selectOption('half');
  await dialog.getByLabel('What happened?').fill(reason);
  await dialog.getByText('10 AVT').waitFor();
  await dialog.getByText('1 AVT', { exact: true }).waitFor();
  await dialog.getByRole('button', { name: 'Open the dispute' }).click();
  await page.waitForURL(/\/marketplace\/disputes\//);
  return new URL(page.url()).pathname;
}

/** Buys, delivers and disputes; gives the dispute's path. */
export async function contested(seller, buyer, listing) {
  const order = await buy(buyer.page, listing);
  await seller.page.goto(order);
  await deliver(seller.page, 'rows: 2 of 4');
  await buyer.page.getByTestId('phase').filter({ hasText: 'Delivered' }).waitFor();
  return dispute(buyer.page, 'half of the rows are missing');
}
