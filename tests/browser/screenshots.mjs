// Makes the pictures of README and docs (`cargo xtask screenshots`): a shop at work, one order that is undone, and a morning
// after an outage. Each is what the page really shows.

import { statSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

import { launch } from './chromium.mjs';
import { Service } from './service.mjs';
import { deadLetters, ended } from './world.mjs';

const DOCS = fileURLToPath(new URL('../../docs/', import.meta.url));
const CONTEXT = { viewport: { width: 1440, height: 900 }, colorScheme: 'light', locale: 'en-GB', timezoneId: 'UTC' };

const browser = await launch();
const service = await Service.start();
try {
  const context = await browser.newContext({ baseURL: service.url, ...CONTEXT });
  const page = await context.newPage();
  await theGraph(page);
  await anExecution(page);
  await theDeadLetters(page);
} finally {
  await browser.close();
  await service.remove();
}

/// Orders of every fate, some of them under way.
async function theGraph(page) {
  await page.goto('/console');
  await page.locator('[data-ready]').waitFor();
  for (let round = 0; round < 6; round++) {
    await Promise.all([
      ...Array.from({ length: 6 }, () => service.post()),
      service.post({ payment_method: 'pm_card_chargeDeclined' }),
      service.post({ payment_method: 'pm_sim_slow_60000' }),
    ]);
  }
  await service.post({ payment_method: 'pm_sim_down' });
  await service.post({ lines: [{ sku: 'CUP-GOLD', quantity: 4 }] });
  await service.until('/ops/status', (status) => status.dead_letters === 1);
  // Until the drawing knows of the last.
  await page.locator('[data-state="ChargePayment"][data-status="failed"]').waitFor();
  await page.locator('[data-graph] .edge[data-taken=true]').nth(8).waitFor();
  await take(page, 'console-graph');
}

/// Cancelled when it was charged already: everything is undone.
async function anExecution(page) {
  const lines = [
    { sku: 'TEAPOT', quantity: 1 },
    { sku: 'TEA-SENCHA', quantity: 3 },
  ];
  const id = await service.post({ lines, payment_method: 'pm_sim_slow_1500' });
  await service.until('/ops/gateway/ledger', ({ items }) => items.some((entry) => entry.order_id === id));
  await service.ask('POST', `/ops/orders/${id}/cancel`);
  await ended(service, id, 'rejected');
  await page.goto(`/console/executions/${id}`);
  await page.locator('[data-timeline] [data-visit=NotifyRejected]').waitFor();
  await take(page, 'console-execution');
}

/// The gateway was down, and somebody put rubbish into a queue; what a replay would do is foretold. One of the orders was stopped
/// meanwhile: its message would be refused.
async function theDeadLetters(page) {
  const [stopped] = await deadLetters(service, 8);
  await service.gateway(false);
  await service.ask('POST', `/ops/executions/${stopped}/stop`, { cause: 'the customer called', compensate: true });
  await fetch(`${service.url}/ops/queues/inventory/messages`, { method: 'POST', body: 'hello?' });
  await service.until('/ops/dead-letters', (all) => all.some((it) => it.queue === 'inventory' && it.causes.length > 0));
  await page.goto('/console/dead-letters/payments?cause=GatewayUnavailable');
  await page.locator('[data-dry-run]').click();
  await page.locator('[data-foretold]').waitFor();
  await take(page, 'console-dead-letters');
}

async function take(page, name) {
  const path = `${DOCS}${name}.png`;
  await page.mouse.move(0, 0);
  await page.screenshot({ path, animations: 'disabled' });
  console.log(`docs/${name}.png ${Math.ceil(statSync(path).size / 1024)} KB`);
}
