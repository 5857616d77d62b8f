// The orders, newest first: found by their id, their customer or their status.

import { h } from '../lib/dom.js';
import { short } from '../lib/format.js';
import { follow, listing } from '../lib/listing.js';
import { money } from '../lib/money.js';
import { teach } from '../lib/teach.js';
import { badge, button, heading, select, since } from '../lib/ui.js';

export const title = 'Orders';

const STATUSES = [
  ['', 'Any status'],
  ['accepted', 'Accepted'],
  ['reserved', 'Reserved'],
  ['paid', 'Paid'],
  ['confirmed', 'Confirmed'],
  ['rejected', 'Rejected'],
];

export async function mount({ root, query, signal, go }) {
  const text = h('input', {
    type: 'search',
    name: 'text',
    value: query.customer ?? '',
    placeholder: 'Order id, or customer id',
    'aria-label': 'Order id, or customer id',
    autocomplete: 'off',
    spellcheck: 'false',
  });
  const status = select(STATUSES, { value: query.status, name: 'status', label: 'Status', on: { change: () => search() } });
  const search = () => {
    const wanted = text.value.trim();
    if (wanted.startsWith('ord_')) return go(`/console/orders/${encodeURIComponent(wanted)}`);
    const given = Object.entries({ customer: wanted, status: status.value }).filter(([, value]) => value);
    return go(`/console/orders${given.length ? `?${new URLSearchParams(given)}` : ''}`, { replace: true });
  };
  const submit = (event) => {
    event.preventDefault();
    search();
  };
  const isFiltered = Boolean(query.customer || query.status);
  const orders = listing({
    path: '/ops/orders',
    query: () => ({ customer: query.customer, status: query.status }),
    label: 'Orders',
    key: (order) => order.order_id,
    columns: [['Order', 'id'], ['Status'], ['Total', 'num'], ['Customer', 'id'], ['Storefront'], ['Placed', 'when']],
    cells: (order) => [
      h('a', { href: `/console/orders/${order.order_id}`, title: order.order_id }, short(order.order_id)),
      [badge(order.status), order.reason && [' ', h('span', { class: 'muted' }, order.reason)]],
      money(order.total),
      order.customer,
      order.storefront,
      since(order.placed_at),
    ],
    data: (order) => ({ order: order.order_id, status: order.status }),
    whenEmpty: isFiltered
      ? h('p', { class: 'muted', data: { nothing: '' } }, 'No order is like that.')
      : teach('No order yet', 'Orders show up here as storefronts post them.'),
    signal,
  });
  root.append(
    heading('Orders'),
    h(
      'form',
      { class: 'toolbar', role: 'search', on: { submit } },
      text,
      status,
      button('Search', null, { sign: 'search', type: 'submit' }),
    ),
    orders.element,
  );
  await orders.refresh();
  follow(orders.refresh, signal);
}
