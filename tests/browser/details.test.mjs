// What a page offers around the main job: the first visit's lesson, a step in full, the views of an execution, what is copied,
// exported and redriven, and the filters that find one of many.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';

import { PATIENT, test } from './harness.mjs';
import { deadLetters, ended, fates } from './world.mjs';

const state = (name, status) => `[data-graph=execution] [data-state="${name}"][data-status="${status}"]`;
const row = (id) => `[data-list=executions] [data-execution="${id}"]:visible`;
const CLIPBOARD = { context: { permissions: ['clipboard-read', 'clipboard-write'] } };
const copied = (page) => page.evaluate(() => navigator.clipboard.readText());

test('the first visit shows the command that posts an order, and a button that does', async ({ service, page }) => {
  await page.goto('/console');
  await page.locator('[data-teach] pre', { hasText: `/orders -H 'Content-Type: application/json'` }).waitFor();
  await page.locator('[data-teach] [data-sample=confirmed]').click();
  await page.locator('a[data-placed]').click();
  await page.locator(state('SendConfirmation', 'succeeded')).waitFor();
  const { items } = await service.get('/ops/executions');
  await page.goto('/console');
  await page.locator(`a[href="/console/executions/${items[0].name}"]`).waitFor();
  assert.equal(await page.locator('[data-teach]').count(), 0, 'it was a lesson for the first visit');
});

test('an empty list says what fills it', async ({ page }) => {
  for (const address of ['/console/executions', '/console/orders', '/console/dead-letters', '/console/mailbox']) {
    await page.goto(address);
    await page.locator('[data-empty] .btn, [data-empty] [data-curl] pre').first().waitFor();
  }
});

test(
  'a step that waits has a countdown, the message that was sent, and its place in the definition',
  async ({ service, page }) => {
    await service.gateway(true);
    const id = await service.post();
    await page.goto(`/console/executions/${id}`);
    await page.locator(state('ChargePayment', 'running')).waitFor();
    const step = page.locator('section[data-step=ChargePayment]');
    await step.locator('[data-countdown]', { hasText: 'in 23 h 59 min' }).waitFor();
    await step.locator('details[data-block=Message] summary').click();
    await step.locator('details[data-block=Message] pre', { hasText: id }).waitFor();
    await page.locator('[data-tab=definition]').click();
    await page.locator('.def-state[data-state=ChargePayment][aria-current=step]').waitFor();
    assert.equal(await page.locator('.def-state[aria-current]').count(), 1);
  },
  PATIENT,
);

/// Answers this path with what the service answers, changed.
async function changed(page, path, change) {
  await page.route(`**${path}`, async (route) => {
    const response = await route.fetch();
    await route.fulfill({ response, json: change(await response.json()) });
  });
}

test(
  'a heartbeat counts down to when the next one has to come',
  async ({ service, page }) => {
    await service.gateway(true);
    const id = await service.post();
    // No state of the order's definition has one: the page is told that this one has.
    await changed(page, `/ops/executions/${id}`, (execution) => ({ ...execution, next_timer: new Date(Date.now() + 25_000) }));
    await changed(page, `/console/api/executions/${id}/graph`, (graph) => {
      if (graph.execution.states.ChargePayment.status === 'running') graph.execution.states.ChargePayment.heartbeat_seconds = 30;
      return graph;
    });
    await page.goto(`/console/executions/${id}`);
    await page.locator('section[data-step=ChargePayment] [data-heartbeat]', { hasText: /^in \d+(\.\d)? s$/ }).waitFor();
    await page.locator('section[data-step=ChargePayment]', { hasText: 'every 30 s at the latest' }).waitFor();
  },
  PATIENT,
);

test(
  'the state where it is is marked in the definition, also in a branch',
  async ({ service, page }) => {
    await service.gateway(true);
    const id = await service.post();
    const branch = { StartAt: 'ChargePayment', States: { ChargePayment: { Type: 'Pass', Result: [], End: true } } };
    const definition = { StartAt: 'Both', States: { Both: { Type: 'Parallel', Branches: [branch], End: true } } };
    await changed(page, `/console/api/executions/${id}/definition`, () => definition);
    await page.goto(`/console/executions/${id}?tab=definition`);
    await page.locator('.def-state[data-state=Both] .def-state[data-state=ChargePayment][aria-current=step]').waitFor();
    assert.equal(await page.locator('pre[data-definition]').textContent(), JSON.stringify(definition, null, 2));
  },
  PATIENT,
);

test('events are found by a word and by failure; time in which nothing happens is drawn short', async ({ service, page }) => {
  const id = await service.post({ payment_method: 'pm_sim_slow_1500' });
  await ended(service, id, 'confirmed');
  await page.goto(`/console/executions/${id}`);
  await page.locator('[data-timeline] [data-visit=ChargePayment][data-tone=green]').waitFor();
  await page.locator('[data-timeline] [data-gap]').first().waitFor();

  const { declined } = await fates(service);
  await page.goto(`/console/executions/${declined}?tab=events`);
  const events = page.locator('[data-list=events]');
  await page.locator('input[name=filter]').fill('PaymentDeclined');
  const history = await service.get(`/ops/executions/${declined}/history`);
  const naming = history.filter((event) => JSON.stringify(event).includes('PaymentDeclined')).length;
  assert.ok(naming > 0 && naming < history.length);
  await page.locator(`[data-list=events][data-count="${naming}"]`).waitFor();
  await page.locator('input[name=filter]').fill('');
  await page.locator('input[name=failures]').check();
  await page.locator('[data-list=events][data-count="1"]').waitFor();
  await events.locator('[data-event][data-failure]').first().click();
  await page.locator('[data-event] pre', { hasText: 'TaskFailed' }).waitFor();
});

test(
  'its name, its cause and its whole record are taken along',
  async ({ service, page }) => {
    const { declined } = await fates(service);
    await page.goto(`/console/executions/${declined}`);
    await page.locator('[data-verdict]', { hasText: 'PaymentDeclined' }).waitFor();
    await page.locator('[data-act=copy-arn]').click();
    await page.waitForFunction((end) => navigator.clipboard.readText().then((text) => text.endsWith(end)), `:order:${declined}`);
    assert.match(await copied(page), /^arn:aws:states:/);
    await page.locator('[data-verdict] [data-copy]').click();
    await page.waitForFunction(() => navigator.clipboard.readText().then((text) => text.startsWith('PaymentDeclined: ')));
    const saving = page.waitForEvent('download');
    await page.locator('[data-act=export]').click();
    const saved = await saving;
    assert.equal(saved.suggestedFilename(), `${declined}.json`);
    const { execution, definition, history } = JSON.parse(await readFile(await saved.path(), 'utf8'));
    assert.deepEqual([execution.name, definition.StartAt], [declined, 'ReserveInventory']);
    assert.deepEqual(history, await service.get(`/ops/executions/${declined}/history`));
  },
  CLIPBOARD,
);

test('an execution that was stopped is redriven, and goes on to an end of its own', async ({ service, page }) => {
  const [id] = await deadLetters(service, 1);
  await service.gateway(false);
  await page.goto(`/console/executions/${id}`);
  await page.locator('[data-act=stop]').click();
  await page.locator('[data-dialog=stop] [data-confirm]').click();
  await page.locator(`[data-execution="${id}"] [data-status=ABORTED]`).waitFor();
  await ended(service, id, 'rejected');
  await page.locator('[data-act=redrive]').click();
  await page.locator(`[data-execution="${id}"] [data-status=SUCCEEDED]`).waitFor();
  await page.locator(state('NotifyRejected', 'succeeded')).waitFor();
  await ended(service, id, 'rejected');
});

test('executions are found by error, by time and by the id of the order', async ({ service, page }) => {
  const { confirmed, declined } = await fates(service);
  await page.goto('/console/executions');
  await page.locator(row(confirmed)).waitFor();
  await page.locator('input[name=error]').fill('PaymentDeclined');
  await page.keyboard.press('Enter');
  await page.locator(row(confirmed)).waitFor({ state: 'hidden' });
  await page.locator(row(declined)).waitFor();
  await page.locator('input[name=error]').fill('');
  await page.keyboard.press('Enter');
  await page.locator(row(confirmed)).waitFor();
  const within = page.locator('select[name=within]');
  const [, shortest] = await within.locator('option').evaluateAll((options) => options.map((it) => it.value));
  await within.selectOption(shortest);
  await page.locator(row(confirmed)).waitFor();
  await page.locator('input[name=id]').fill(declined);
  await page.keyboard.press('Enter');
  await page.locator(`[data-execution="${declined}"] [data-status=SUCCEEDED]`).waitFor();
});
