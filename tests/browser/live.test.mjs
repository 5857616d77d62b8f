// The overview while things happen: what changes is seen, and neither a reload nor a lost connection loses or doubles any of it.

import assert from 'node:assert/strict';

import { PATIENT, test } from './harness.mjs';
import { deadLetters, ended } from './world.mjs';

/// What a page may complain of whose connection is cut.
const CUT = /Failed to load resource/;

const state = (name, status) => `[data-graph=traffic] [data-state="${name}"][data-status="${status}"]`;
const live = (is) => `.live[data-live="${is}"]`;

/// Keeps every change that the page was told, in `globalThis.told`.
function keepWhatIsTold(page) {
  return page.evaluate(async () => {
    const { live } = await import('/console/assets/lib/live.js');
    globalThis.told = [];
    live.listen('change', (change) => globalThis.told.push(change));
  });
}

/// The ids of the changes that were told, once one of them says that this order ended.
async function toldUntil(page, order) {
  await page.waitForFunction((id) => globalThis.told.some((it) => it.change === 'order_ended' && it.order_id === id), order);
  return page.evaluate(() => globalThis.told.map((it) => it.id));
}

test(
  'a posted order is seen where it is in the graph, and it is over there when it is over',
  async ({ service, page }) => {
    await page.goto('/console');
    await page.locator(state('ChargePayment', 'pending')).waitFor();
    await service.gateway(true);
    const id = await service.post();
    await page.locator(state('ChargePayment', 'running')).waitFor();
    await service.gateway(false);
    await ended(service, id, 'confirmed');
    await page.locator(state('ChargePayment', 'pending')).waitFor();
    await page.locator('[data-graph=traffic] .edge[data-taken=true]').nth(3).waitFor();
  },
  PATIENT,
);

test('a state whose work became dead letters glows, and the overview says the cause', async ({ service, page }) => {
  await page.goto('/console');
  await page.locator('[data-ready]').waitFor();
  await deadLetters(service, 2);
  await page.locator(state('ChargePayment', 'failed')).waitFor();
  await page.locator('[data-cause="GatewayUnavailable"]', { hasText: '2' }).waitFor();
  await page.locator('[data-number="dead-letters"][data-tone=red]').waitFor();
});

test(
  'after a reload the page shows what is, without what was',
  async ({ service, page }) => {
    await service.gateway(true);
    await page.goto('/console');
    await service.post();
    await page.locator(state('ChargePayment', 'running')).waitFor();
    await page.reload();
    await page.locator(state('ChargePayment', 'running')).waitFor();
    await service.gateway(false);
    await page.locator(state('ChargePayment', 'pending')).waitFor();
  },
  PATIENT,
);

test(
  'a reload in the middle of an execution loses and doubles none of its events',
  async ({ service, page }) => {
    await service.gateway(true);
    const id = await service.post();
    const history = async () => (await service.get(`/ops/executions/${id}/history`)).map((event) => event.id);
    const shown = async (count) => {
      await page.locator(`[data-list=events][data-count="${count}"] [data-event="${count}"]`).waitFor();
      const rows = await page.locator('[data-list=events] [data-event]:visible').evaluateAll((all) => all.map((it) => it.dataset.event));
      return rows.map(Number).sort((a, b) => a - b);
    };
    await page.goto(`/console/executions/${id}?tab=events`);
    await page.locator('section[data-step=ChargePayment]').waitFor();
    const before = await history();
    assert.deepEqual(await shown(before.length), before);
    await page.reload();
    assert.deepEqual(await shown(before.length), before);
    await service.gateway(false);
    await ended(service, id, 'confirmed');
    const whole = await history();
    assert.ok(whole.length > before.length);
    assert.deepEqual(await shown(whole.length), whole);
  },
  PATIENT,
);

test('a connection that was cut is said to be, and is taken up without losing or doubling a change', async ({
  service,
  page,
  watcher,
  line,
}) => {
  watcher.allow(CUT);
  await page.goto('/console');
  await page.locator(live('live')).waitFor();
  await keepWhatIsTold(page);
  const before = await service.post();
  await toldUntil(page, before);

  line.cut();
  await page.locator(live('stale')).waitFor();
  const meanwhile = [await service.post(), await service.post()];
  for (const id of meanwhile) await ended(service, id, 'confirmed');
  line.mend();

  await page.locator(live('live')).waitFor();
  const after = await service.post();
  const ids = await toldUntil(page, after);
  await assertGapless(page, ids, [before, ...meanwhile, after]);
});

test('a connection that died without a word is noticed, and taken up without losing or doubling a change', async ({
  service,
  page,
  line,
}) => {
  await page.clock.install();
  await page.goto('/console');
  await page.locator(live('live')).waitFor();
  await keepWhatIsTold(page);
  const before = await service.post();
  await toldUntil(page, before);

  line.stall();
  const meanwhile = await service.post();
  await ended(service, meanwhile, 'confirmed');
  await page.clock.fastForward(45_000);
  await page.locator(live('live')).waitFor();
  const after = await service.post();
  const ids = await toldUntil(page, after);
  await assertGapless(page, ids, [before, meanwhile, after]);
});

test('a service that was killed and is back is found again, and its page is true again', async ({ service, page, watcher }) => {
  watcher.allow(CUT);
  await page.goto('/console');
  await page.locator(live('live')).waitFor();
  await keepWhatIsTold(page);
  const before = await service.post();
  await toldUntil(page, before);
  await service.down('SIGKILL');
  await page.locator(live('stale')).waitFor();
  await service.up();
  await page.locator(live('live')).waitFor();
  const after = await service.post();
  const ids = await toldUntil(page, after);
  assert.equal(new Set(ids).size, ids.length, 'nothing was told twice');
  await page.locator(`[data-recent] [data-execution="${after}"]`).waitFor();
});

/// Each change once, in the order of its number, none left out; and each of these orders ended, among them.
async function assertGapless(page, ids, orders) {
  const numbers = ids.map((id) => Number(id.split('-').at(-1)));
  assert.deepEqual(
    numbers,
    numbers.map((_, at) => numbers[0] + at),
  );
  const told = await page.evaluate(() => globalThis.told.filter((it) => it.change === 'order_ended').map((it) => it.order_id));
  for (const order of orders) assert.equal(told.filter((id) => id === order).length, 1, order);
}
