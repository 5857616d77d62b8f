// The catalogue: stock and price. Stock is changed by a difference, so that no sale in between is lost; a price under
// `If-Match`, so that no other change is.

import { get, post, put } from '../lib/api.js';
import { h } from '../lib/dom.js';
import { count } from '../lib/format.js';
import { follow, listing } from '../lib/listing.js';
import { decimal, minorUnits, money } from '../lib/money.js';
import { button, dialog, empty, field, heading, toast } from '../lib/ui.js';

export const title = 'Products';

export async function mount({ root, signal }) {
  const products = listing({
    path: '/products',
    name: 'products',
    label: 'Products',
    key: (product) => product.sku,
    columns: [['SKU', 'id'], ['Name'], ['Price', 'num'], ['In stock', 'num'], ['Change']],
    cells: (product) => [
      product.sku,
      [h('bdi', {}, product.name), product.description && h('small', {}, h('bdi', {}, product.description))],
      money(product.price),
      count(product.stock),
      h(
        'div',
        { class: 'actions' },
        button('Stock', () => changeStock(product, products.refresh), { data: { stock: product.sku } }),
        button('Price', () => changePrice(product, products.refresh), { data: { price: product.sku } }),
      ),
    ],
    data: (product) => ({
      product: product.sku,
      stock: product.stock,
      price: product.price.amount,
      out: product.stock ? null : '',
    }),
    whenEmpty: empty('No product', 'PUT /products/{sku} makes one; the API documentation at /docs shows how.'),
    signal,
  });
  root.append(
    heading('Products', { sub: 'What can be sold, and for how much. An order pays the price at its reservation.' }),
    products.element,
  );
  await products.refresh();
  follow(products.refresh, signal);
}

const path = ({ sku }) => `/products/${encodeURIComponent(sku)}`;

function changeStock(product, refresh) {
  const delta = h('input', { type: 'number', name: 'delta', required: true, step: 1, placeholder: 'such as 10, or -3' });
  dialog({
    title: `Stock of ${product.sku}`,
    text: `${count(product.stock)} can be sold. Say how many more there are, or fewer.`,
    fields: field('Difference', delta),
    confirm: 'Change the stock',
    data: { dialog: 'stock' },
    work: async () => {
      const changed = await post(`${path(product)}/stock`, { delta: delta.valueAsNumber });
      toast(`${product.sku}: ${count(changed.stock)} in stock`);
      await refresh();
    },
  });
}

function changePrice(product, refresh) {
  const { currency } = product.price;
  // As text: a number field would round what it can't hold, and take 1e3.
  const price = h('input', {
    type: 'text',
    name: 'price',
    required: true,
    inputmode: 'decimal',
    autocomplete: 'off',
    value: decimal(product.price),
  });
  dialog({
    title: `Price of ${product.sku}`,
    text: 'Orders that are reserved already keep theirs.',
    fields: field(`Price of one, in ${currency}`, price),
    confirm: 'Change the price',
    data: { dialog: 'price' },
    work: async () => {
      const amount = minorUnits(price.value, currency);
      // The version that was read just now: whatever was changed since the list was read stays, and stock sold meanwhile is not put back.
      const answer = await get(path(product), null, { as: 'answer', cache: 'no-store' });
      const current = await answer.json();
      const changed = { ...current, price: { currency, amount } };
      await put(path(product), changed, { headers: { 'if-match': answer.headers.get('etag') } });
      toast(`${product.sku}: ${money(changed.price)}`);
      await refresh();
    },
  });
}
