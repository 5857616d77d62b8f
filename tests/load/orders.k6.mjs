// The load of `orderflow load`, for k6: the same kinds of orders in the same proportions, open or closed, and thresholds on the 202.
// What k6 can't see is how orders end, and whether the books balance: only `orderflow load` tells that.
//
//   k6 run -e RATE=200 -e DURATION=1m tests/load/orders.k6.mjs
//   k6 run -e SHAPE=spike -e RATE=500 tests/load/orders.k6.mjs
//   k6 run -e SHAPE=closed -e CONNECTIONS=64 -e MIX=good=1 tests/load/orders.k6.mjs
//
// URL (http://127.0.0.1:8080), KEY (an API key with the scope ops, if the service has keys), SHAPE (constant, ramp, spike, closed).

import { check } from 'k6';
import exec from 'k6/execution';
import http from 'k6/http';

const SERVICE = __ENV.URL || 'http://127.0.0.1:8080';
const KEY = __ENV.KEY || '';
const SHAPE = __ENV.SHAPE || 'constant';
const MIX = __ENV.MIX || 'good=90,declined=4,out_of_stock=2,flaky=2,duplicate=1,poison=1';
const RATE = Number(__ENV.RATE || 100);
const SECONDS = seconds(__ENV.DURATION || '30s');
const CONNECTIONS = Number(__ENV.CONNECTIONS || (SHAPE === 'closed' ? 64 : 1000));

const PRODUCTS = 10;
const METHODS = { declined: 'pm_card_chargeDeclined', flaky: 'pm_sim_timeout_2' };

export const options = {
  scenarios: { orders: scenario() },
  thresholds: {
    // k6 leaves out what it could not send in time: then this was no open loop, and its latencies are too good.
    dropped_iterations: ['count<1'],
    checks: ['rate==1'],
    'http_req_duration{name:accept}': ['p(50)<=2', 'p(99)<=10'],
  },
  summaryTrendStats: ['p(50)', 'p(90)', 'p(99)', 'p(99.9)', 'max', 'count'],
};

function seconds(text) {
  const [, number, unit] = /^(\d+)(s|m|h)$/.exec(text);
  return Number(number) * { s: 1, m: 60, h: 3600 }[unit];
}

function scenario() {
  if (SHAPE === 'closed') {
    return { executor: 'constant-vus', vus: CONNECTIONS, duration: `${SECONDS}s` };
  }
  const open = { timeUnit: '1s', preAllocatedVUs: Math.min(CONNECTIONS, 100), maxVUs: CONNECTIONS };
  const at = (rate, part) => ({ target: rate, duration: `${Math.round(SECONDS * part * 1000)}ms` });
  switch (SHAPE) {
    case 'constant':
      return { ...open, executor: 'constant-arrival-rate', rate: RATE, duration: `${SECONDS}s` };
    case 'ramp':
      return { ...open, executor: 'ramping-arrival-rate', startRate: 0, stages: [at(RATE, 1)] };
    case 'spike': // five times the rate in the middle fifth
      return {
        ...open,
        executor: 'ramping-arrival-rate',
        startRate: RATE,
        stages: [at(RATE, 0.4), at(5 * RATE, 0), at(5 * RATE, 0.2), at(RATE, 0), at(RATE, 0.4)],
      };
    default:
      throw new Error(`SHAPE=${SHAPE} is none of constant, ramp, spike, closed`);
  }
}

// Whoever is most behind its share comes next (smooth weighted round robin), as in `orderflow load`.
const ROUND = (() => {
  const kinds = MIX.split(',').map((part) => {
    const [name, weight] = part.split('=');
    return { name, weight: Number(weight), behind: 0 };
  });
  const total = kinds.reduce((sum, { weight }) => sum + weight, 0);
  return Array.from({ length: total }, () => {
    kinds.forEach((kind) => (kind.behind += kind.weight));
    const most = kinds.reduce((most, kind) => (kind.behind > most.behind ? kind : most));
    most.behind -= total;
    return most.name;
  });
})();

function headers(more) {
  return { 'Content-Type': 'application/json', ...(KEY && { Authorization: `Bearer ${KEY}` }), ...more };
}

export function setup() {
  const run = Date.now().toString(16).toUpperCase();
  const skus = Array.from({ length: PRODUCTS }, (_, index) => `K6-${run}-${index}`);
  for (const [sku, stock] of [...skus.map((sku) => [sku, 1e9]), [`K6-${run}-SOLD-OUT`, 0]]) {
    const product = { sku, name: 'Load test', price: { amount: 1299, currency: 'EUR' }, stock };
    const made = http.put(`${SERVICE}/products/${sku}`, JSON.stringify(product), { headers: headers() });
    if (made.status !== 201) {
      exec.test.abort(`PUT /products/${sku}: ${made.status} ${made.body}`);
    }
  }
  return { run };
}

export default function ({ run }) {
  const n = exec.scenario.iterationInTest;
  const kind = ROUND[n % ROUND.length];
  if (kind === 'poison') {
    const sent = http.post(`${SERVICE}/ops/queues/payments/messages`, `poison of k6 ${run}`, {
      headers: headers({ 'Content-Type': 'text/plain' }),
      tags: { name: 'poison' },
    });
    check(sent, { 'poison is taken': ({ status }) => status === 202 });
    return;
  }
  const sku = kind === 'out_of_stock' ? `K6-${run}-SOLD-OUT` : `K6-${run}-${n % PRODUCTS}`;
  const customer = `load-${n % 1000}`;
  const order = JSON.stringify({
    customer: { id: customer, email: `${customer}@example.com`, name: 'Load Test' },
    lines: [{ sku, quantity: 1 }],
    currency: 'EUR',
    payment_method: METHODS[kind] || 'pm_card_visa',
  });
  const post = () =>
    http.post(`${SERVICE}/orders`, order, {
      headers: headers({ 'Idempotency-Key': `k6-${run}-${n}` }),
      tags: { name: 'accept', kind },
    });
  const first = post();
  check(first, { accepted: ({ status }) => status === 202 });
  if (kind === 'duplicate' && first.status === 202) {
    check(post(), { 'one key, one order': (again) => again.status === 202 && again.json('order_id') === first.json('order_id') });
  }
}

export function teardown({ run }) {
  for (const which of [...Array(PRODUCTS).keys(), 'SOLD-OUT']) {
    http.del(`${SERVICE}/products/K6-${run}-${which}`, null, { headers: headers() });
  }
}
