// The pages of orders, mails, products and queues: they find, they tell, they stay true, they change.

import assert from 'node:assert/strict';

import { test } from './harness.mjs';
import { deadLetters, ended, fates } from './world.mjs';

test('orders are found by status, by customer and by id, and new ones show up by themselves', async ({ service, page }) => {
  const { confirmed, declined } = await fates(service);
  await page.goto('/console/orders');
  const row = (id) => page.locator(`tr[data-order="${id}"]`);
  await row(confirmed).waitFor();
  const fresh = await service.post({ customer: { id: 'c-7', email: 'grace@example.com' } });
  await row(fresh).waitFor();

  await page.locator('select[name=status]').selectOption('rejected');
  await row(confirmed).waitFor({ state: 'detached' });
  await row(declined).waitFor();
  await page.goto('/console/orders');
  await page.locator('input[name=text]').fill('c-7');
  await page.keyboard.press('Enter');
  await row(declined).waitFor({ state: 'detached' });
  await row(fresh).waitFor();
  await page.locator('input[name=text]').fill(declined);
  await page.keyboard.press('Enter');
  await page.locator(`.page[data-order="${declined}"]`).waitFor();
});

test('an order tells its whole story: its record, its steps, its execution, its mail, its dead letter', async ({
  service,
  page,
}) => {
  const { declined, dead } = await fates(service);
  await page.goto(`/console/orders/${declined}`);
  await page.locator('[data-moment="ExecutionSucceeded"]').waitFor();
  const sources = await page.locator('[data-source]').evaluateAll((moments) => moments.map((it) => it.dataset.source));
  assert.deepEqual([...new Set(sources)].sort(), ['execution', 'mail', 'order', 'step']);
  await page.locator('[data-moment="RefundPayment -> NothingCharged"]').waitFor();
  await page.locator('[data-source=mail] a').click();
  await page.locator(`tr[data-chosen][data-order="${declined}"]`).waitFor();

  await page.goto(`/console/orders/${dead}`);
  await page.locator('[data-source="dead letter"]').waitFor();
  // It goes on telling.
  await page.locator('[data-cancel]').click();
  await page.locator('[data-cancel-order] [data-confirm]').click();
  await page.locator('[data-moment="cancel requested"]').waitFor();
});

test('whose order it is, is shown only on demand, and that is written down', async ({ service, page }) => {
  const id = await service.post({ customer: { id: 'c-1', email: 'grace@example.com', name: 'Grace' } });
  await ended(service, id, 'confirmed');
  await page.goto(`/console/orders/${id}`);
  await page.locator('[data-masked]').waitFor();
  assert.doesNotMatch(await page.locator('body').innerText(), /grace/i);
  await page.locator('[data-reveal]').click();
  await page.getByText('Grace <grace@example.com>').waitFor();
  const {
    items: [run],
  } = await service.get('/ops/runs');
  assert.deepEqual([run.action, run.counts.done], ['reveal', 1]);
});

test('a mail is shown as its reader sees it, and runs nothing', async ({ service, page, watcher }) => {
  const id = await service.post({
    customer: { id: 'c-1', email: 'grace@example.com', name: '<script>parent.hacked=1</script>' },
  });
  await page.goto('/console/mailbox');
  await page.locator(`tr[data-order="${id}"] th a`).click();
  const mail = page.frameLocator('iframe[data-rendered]');
  await mail.getByText('<script>parent.hacked=1</script>').waitFor();
  assert.equal(await page.evaluate(() => globalThis.hacked), undefined);
  await page.locator('[data-tab=text]').click();
  await page.locator('[data-plain]').waitFor();
  assert.deepEqual(watcher.complaints, []);
});

test('stock is changed by a difference, and a price as well', async ({ service, page }) => {
  await page.goto('/console/products');
  const row = page.locator('tr[data-product="CUP-GOLD"]');
  await row.locator('[data-stock]').click();
  await page.locator('input[name=delta]').fill('7');
  await page.locator('[data-confirm]').click();
  await page.locator('tr[data-product="CUP-GOLD"][data-stock="10"]').waitFor();
  await row.locator('button[data-price]').click();
  await page.locator('input[name=price]').fill('99.50');
  await page.locator('[data-confirm]').click();
  await page.locator('tr[data-product="CUP-GOLD"][data-price="9950"]').waitFor();
  assert.deepEqual((await service.get('/products/CUP-GOLD')).price, { amount: 9950, currency: 'EUR' });
});

test('a price is not changed over a sale in between: that is refused, and the next try knows of it', async ({
  service,
  page,
  watcher,
}) => {
  watcher.allow(/status of 412/);
  let sold = false;
  await page.route('**/products/TEAPOT', async (route) => {
    if (route.request().method() === 'PUT' && !sold) {
      sold = true;
      await service.ask('POST', '/products/TEAPOT/stock', { delta: -1 });
    }
    await route.continue();
  });
  await page.goto('/console/products');
  await page.locator('button[data-price="TEAPOT"]').click();
  await page.locator('input[name=price]').fill('60');
  await page.locator('[data-confirm]').click();
  await page.locator('dialog [role=alert]:not(:empty)').waitFor();
  assert.equal((await service.get('/products/TEAPOT')).price.amount, 5900);
  await page.locator('[data-confirm]').click();
  await page.locator('tr[data-product=TEAPOT][data-price="6000"][data-stock="249"]').waitFor();
});

test('the queues show what waits, and their line of the last minutes grows', async ({ service, page }) => {
  await page.goto('/console/queues');
  await deadLetters(service, 3);
  await page.locator('tr[data-queue=payments][data-dead="3"]').waitFor();
  await page.locator('tr[data-queue=payments] svg[data-samples="2"]').waitFor();
});
