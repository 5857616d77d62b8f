// Executions: found in the list, and one of them from its first state to its last, with what failed, why, and what was undone.

import assert from 'node:assert/strict';

import { PATIENT, test } from './harness.mjs';
import { deadLetters, ended, fates } from './world.mjs';

const state = (name, status) => `[data-graph=execution] [data-state="${name}"][data-status="${status}"]`;
const execution = (id, status) => `[data-execution="${id}"] [data-status="${status}"]`;

/// Whether one stands above the other.
async function above(one, other) {
  const [upper, lower] = [await one.boundingBox(), await other.boundingBox()];
  return upper.y < lower.y;
}

test(
  'a posted order is seen moving through the graph, state by state',
  async ({ service, page }) => {
    await service.gateway(true);
    const id = await service.post();
    await page.goto(`/console/executions/${id}`);
    await page.locator(state('ReserveInventory', 'succeeded')).waitFor();
    await page.locator(state('ChargePayment', 'running')).waitFor();
    await page.locator(state('SendConfirmation', 'pending')).waitFor();
    await page.locator(execution(id, 'RUNNING')).waitFor();
    await page.locator('section[data-step=ChargePayment]').waitFor();
    await service.gateway(false);
    for (const name of ['ChargePayment', 'SendConfirmation']) await page.locator(state(name, 'succeeded')).waitFor();
    await page.locator('section[data-step=SendConfirmation]').waitFor(); // the panel follows
    await page.locator(execution(id, 'SUCCEEDED')).waitFor();
    await page.locator('[data-verdict] [data-tone=green]').waitFor();
  },
  PATIENT,
);

test('a declined order shows what failed and why, and the path on which it was undone', async ({ service, page }) => {
  const id = await service.post({ payment_method: 'pm_card_chargeDeclined' });
  await page.goto(`/console/executions/${id}`);
  await page.locator(state('ChargePayment', 'caught')).waitFor();
  for (const name of ['RefundPayment', 'ReleaseInventory', 'NotifyRejected'])
    await page.locator(state(name, 'succeeded')).waitFor();
  await page.locator(state('SendConfirmation', 'pending')).waitFor();
  assert.equal(await page.locator('[data-graph] .edge[data-kind=catch][data-taken=true]').count(), 1);
  await page.locator('[data-verdict]', { hasText: 'ChargePayment failed: PaymentDeclined' }).waitFor();
  await page.locator('section[data-step=ChargePayment] [data-error=PaymentDeclined]').waitFor();
});

test('a state is looked at by a click or a key, and so is every event', async ({ service, page }) => {
  const { declined } = await fates(service);
  await page.goto(`/console/executions/${declined}`);
  await page.locator('[data-graph] [data-state=ReserveInventory]').click();
  await page.locator('section[data-step=ReserveInventory]').waitFor();
  await page.locator('[data-graph] [data-state=RefundPayment]').focus();
  await page.keyboard.press('Enter');
  await page.locator('section[data-step=RefundPayment]').waitFor();
  await page.reload();
  await page.locator('section[data-step=RefundPayment]').waitFor();
  const events = await service.get(`/ops/executions/${declined}/history`);
  await page.locator('[data-tab=events]').click();
  await page.locator(`[data-list=events][data-count="${events.length}"]`).waitFor();
});

test('a stuck execution says whom it waits for, leads to its dead letter, and goes on when that is sent back', async ({
  service,
  page,
}) => {
  const [id] = await deadLetters(service, 1);
  await service.gateway(false);
  await page.goto(`/console/executions/${id}`);
  await page.locator('[data-verdict] [data-tone=red]', { hasText: 'GatewayUnavailable' }).waitFor();
  await page.locator('[data-to-letter]').click();
  await page.locator('[data-dry-run]').click();
  await page.locator('[data-replay]').click();
  await page.locator(`[data-outcome="${id}"][data-status="confirmed"]`).waitFor();
  await page.goto(`/console/executions/${id}`);
  await page.locator(execution(id, 'SUCCEEDED')).waitFor();
});

test('an execution is stopped, with its compensations, after a question', async ({ service, page }) => {
  const [id] = await deadLetters(service, 1);
  await service.gateway(false);
  await page.goto(`/console/executions/${id}`);
  await page.locator('[data-act=stop]').click();
  await page.locator('[data-dialog=stop] [data-confirm]').click();
  await page.locator(execution(id, 'ABORTED')).waitFor();
  await ended(service, id, 'rejected');
});

test('executions are found by status and by state, and new ones come on top by themselves', async ({ service, page }) => {
  const { confirmed, dead } = await fates(service);
  await page.goto('/console/executions');
  const row = (id, status) => page.locator(`[data-list=executions] [data-execution="${id}"][data-status="${status}"]:visible`);
  await row(confirmed, 'SUCCEEDED').waitFor();
  const fresh = await service.post();
  await row(fresh, 'RUNNING').waitFor();
  assert.ok(await above(row(fresh, 'RUNNING'), row(dead, 'RUNNING')));
  await page.locator('select[name=state]').selectOption('ChargePayment');
  await row(confirmed, 'SUCCEEDED').waitFor({ state: 'hidden' });
  await row(dead, 'RUNNING').waitFor();
  await page.locator('select[name=state]').selectOption('');
  await page.locator('select[name=status]').selectOption('SUCCEEDED');
  await row(dead, 'RUNNING').waitFor({ state: 'hidden' });
  await row(confirmed, 'SUCCEEDED').waitFor();
});
