// What customers write is shown as text on every page, and runs nowhere; and no page loads or runs anything but its own.

import assert from 'node:assert/strict';

import { test } from './harness.mjs';
import { ended, pages } from './world.mjs';

const MARKUP = '<img src=x onerror=globalThis.hacked=1><script>globalThis.hacked=1</script>"\'`${1}{{2}}';

test('markup in names, references and messages stays text on every page', async ({ service, page }) => {
  const customer = { id: 'c-1', email: 'eve@example.com', name: MARKUP };
  const order = await service.post({ customer, metadata: { note: MARKUP } });
  await ended(service, order, 'confirmed');
  await service.ask('POST', '/products', {
    sku: 'EVIL',
    name: MARKUP,
    description: MARKUP,
    price: { amount: 100, currency: 'EUR' },
    stock: 1,
  });
  // A poison message: its body, and the cause that says what is wrong with it, are hostile too.
  await fetch(`${service.url}/ops/queues/payments/messages`, { method: 'POST', body: MARKUP });
  await service.until('/ops/status', (status) => status.dead_letters === 1);

  const all = [
    ...pages({ declined: order }),
    '/console/dead-letters/payments',
    `/console/orders?customer=${encodeURIComponent('c-1')}`,
  ];
  for (const address of all) {
    await page.goto(address);
    await page.locator('[data-ready]').waitFor();
    assert.equal(await page.evaluate(() => globalThis.hacked), undefined, address);
    assert.equal(await page.locator('img[src="x"], body script').count(), 0, address);
  }
  await page.goto('/console/products');
  await page.locator('tr[data-product=EVIL]', { hasText: MARKUP }).waitFor();
  await page.goto('/console/dead-letters/payments');
  await page.locator('tr[data-letter] summary').click();
  await page.locator('tr[data-letter] pre', { hasText: MARKUP }).waitFor();
  await page.goto(`/console/orders/${order}`);
  await page.locator('[data-reveal]').click();
  await page.getByText(MARKUP).waitFor();
  assert.equal(await page.evaluate(() => globalThis.hacked), undefined);
});

test('an address that names nothing says so, whatever is in it', async ({ page, watcher }) => {
  watcher.allow(/Failed to load resource/);
  for (const address of [
    '/console/nothing',
    `/console/orders/${encodeURIComponent(MARKUP)}`,
    '/console/orders/ord_00000000000000000000000000',
  ]) {
    await page.goto(address);
    await page.locator('[role=alert][data-error]').waitFor();
    assert.equal(await page.evaluate(() => globalThis.hacked), undefined);
  }
});

test('a name from right to left leaves its surroundings alone, and an override in a message is seen', async ({
  service,
  page,
}) => {
  const [name, product] = ['שרה', 'ספל כחול'];
  const price = { amount: 100, currency: 'EUR' };
  await service.ask('POST', '/products', { sku: 'CUP', name: product, description: product, price, stock: 1 });
  const customer = { id: 'c-1', email: 'sara@example.com', name };
  const order = await service.post({ customer, lines: [{ sku: 'CUP', quantity: 1 }] });
  await ended(service, order, 'confirmed');
  await page.goto('/console/products');
  const names = page.locator('tr[data-product=CUP] bdi');
  await names.first().waitFor();
  assert.deepEqual(await names.allInnerTexts(), [product, product]);
  await page.goto(`/console/orders/${order}`);
  await page.locator('[data-reveal]').click();
  await page.locator('.personal bdi', { hasText: name }).waitFor();
  await page.goto('/console/mailbox');
  await page.locator(`tr[data-order="${order}"] th a`).click();
  const mail = page.frameLocator('iframe[data-rendered]');
  for (const text of [name, product]) await mail.locator('bdi', { hasText: text }).waitFor();

  await fetch(`${service.url}/ops/queues/payments/messages`, { method: 'POST', body: '{"file":"\u202egnp.exe"}' });
  await service.until('/ops/status', (status) => status.dead_letters === 1);
  await page.goto('/console/dead-letters/payments');
  await page.locator('tr[data-letter] summary').click();
  await page.locator('tr[data-letter] pre', { hasText: '"\\u202egnp.exe"' }).waitFor();
});
