// Orders to try the pipeline with: what a storefront would post, and what becomes of it.

import { here } from '../app.js';
import { get, post } from './api.js';
import { h } from './dom.js';
import { toast } from './ui.js';

export const SAMPLES = [
  ['confirmed', 'An order that is confirmed', 'pm_card_visa', 'Reserved, charged, mailed: three steps.'],
  ['declined', 'A declined card', 'pm_card_chargeDeclined', 'Rejected; what was reserved is released again.'],
  ['slow', 'A slow gateway', 'pm_sim_timeout_2', 'Two time-outs, retried with backoff, then confirmed.'],
  ['down', 'A gateway that is down', 'pm_sim_down', 'Retried ten times; then a dead letter waits for you.'],
];

const customer = { id: 'c-42', email: 'ada@example.com', name: 'Ada' };

// The first product that can be bought.
async function product() {
  const { products } = await get('/products', { limit: 100 });
  const found = products.find((it) => it.stock > 0);
  if (!found) throw new Error('No product is in stock: add one on the page Products.');
  return found;
}

export async function body(method) {
  const { sku, price } = await product();
  return { customer, lines: [{ sku, quantity: 1 }], currency: price.currency, payment_method: method };
}

// Posts one, and says where it can be watched.
export async function place(method) {
  const key = `console-${crypto.randomUUID()}`;
  const { order_id: id } = await post('/orders', await body(method), { headers: { 'idempotency-key': key } });
  toast('Accepted.', 'green', h('a', { href: `/console/executions/${id}`, data: { placed: id } }, 'Watch it'));
}

export function curl(order) {
  const key = here.signed_in ? " -H 'Authorization: Bearer <API key>'" : '';
  return `curl -i ${location.origin}/orders${key} -H 'Content-Type: application/json' \\
  -H 'Idempotency-Key: my-first-order' \\
  -d '${JSON.stringify(order)}'`;
}
