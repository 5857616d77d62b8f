// Money is shown and entered as the service stores it: with ISO 4217's decimals, whatever the browser thinks.

import assert from 'node:assert/strict';

import { test } from './harness.mjs';
import { ended } from './world.mjs';

// What is stored, how it is shown (here, and in mails), what is entered, what is stored then.
const PRICES = [
  ['HUF', 129900, '1,299.00', '1299.00', '1399', 139900],
  ['JPY', 1299, '1,299', '1299', '1399', 1399],
  ['KWD', 1299, '1.299', '1.299', '1.5', 1500],
  ['COP', 129900, '1,299.00', '1299.00', '1399.05', 139905],
];
const REFUSED = [
  ['HUF', '13.999', 'HUF has 2 decimals, and 13.999 has 3.'],
  ['JPY', '13.5', 'JPY has no decimals, and 13.5 has 1.'],
  ['KWD', '1.2345', 'KWD has 3 decimals, and 1.2345 has 4.'],
  ['COP', '1,399', 'Write it as 1299.00: digits only, and a point before the decimals.'],
  ['COP', '1e3', 'Write it as 1299.00: digits only, and a point before the decimals.'],
];

// A product for each currency; its SKU is the code.
async function stock(service) {
  for (const [currency, amount] of PRICES) {
    await service.ask('POST', '/products', { sku: currency, name: 'A cup', price: { amount, currency }, stock: 9 });
  }
}

async function enter(page, sku, text) {
  await page.locator(`button[data-price="${sku}"]`).click();
  const price = page.locator('input[name=price]');
  const before = await price.inputValue();
  await price.fill(text);
  await page.locator('[data-confirm]').click();
  return before;
}

test('a price is shown and entered with the decimals of its currency', async ({ service, page }) => {
  await stock(service);
  await page.goto('/console/products');
  for (const [currency, , shown, inMails, entered, stored] of PRICES) {
    const row = page.locator(`tr[data-product=${currency}]`);
    await row.getByText(`${shown}\u00a0${currency}`, { exact: true }).waitFor();
    assert.equal(await enter(page, currency, entered), inMails, currency);
    await page.locator(`tr[data-product=${currency}][data-price="${stored}"]`).waitFor();
    assert.deepEqual((await service.get(`/products/${currency}`)).price, { amount: stored, currency });
  }
});

test('a price that its currency has no digits for is refused, not rounded', async ({ service, page }) => {
  await stock(service);
  await page.goto('/console/products');
  for (const [currency, entered, says] of REFUSED) {
    const before = await service.get(`/products/${currency}`);
    await enter(page, currency, entered);
    await page.locator('dialog [role=alert]', { hasText: says }).waitFor();
    await page.locator('dialog [data-cancel]').click();
    assert.deepEqual(await service.get(`/products/${currency}`), before, `${currency} ${entered}`);
  }
});

test('an order costs the same in the console, the API and the mail', async ({ service, page }) => {
  await stock(service);
  for (const [currency, amount, shown, inMails] of PRICES) {
    const id = await service.post({ lines: [{ sku: currency, quantity: 1 }], currency });
    await ended(service, id, 'confirmed');
    assert.deepEqual((await service.get(`/orders/${id}`)).total, { amount, currency });
    await page.goto(`/console/orders/${id}`);
    await page.getByText(`${shown}\u00a0${currency}`, { exact: true }).waitFor();
    const { mails } = await service.get('/mailbox');
    const { id: mail } = mails.find(({ order_id: order }) => order === id);
    const text = await (await fetch(`${service.url}/mailbox/${mail}/text`)).text();
    assert.match(text, new RegExp(`Total {2}${inMails.replace('.', '\\.')} ${currency}\n`));
  }
});
