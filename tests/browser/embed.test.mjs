// The graph in a page that is not the console: one module, one element.

import assert from 'node:assert/strict';

import { PATIENT, test } from './harness.mjs';

const state = (name, status) => `asl-graph [data-state="${name}"][data-status="${status}"]`;

test(
  'a page of its own shows an execution as it goes on',
  async ({ service, page }) => {
    await service.gateway(true);
    const id = await service.post();
    // The element is there before it is told which execution: the picture of all of them must not come after it and stay.
    await page.route('**/console/api/graph.svg?theme=external', async (route) => {
      await page.locator(state('ChargePayment', 'running')).waitFor();
      await route.continue();
    });
    await page.goto(`/console/embed?execution=${id}`);
    await page.locator(state('ChargePayment', 'running')).waitFor();
    await service.gateway(false);
    await page.locator(state('SendConfirmation', 'succeeded')).waitFor();
  },
  PATIENT,
);

test('it shows all executions as well, and tells which state is chosen', async ({ service, page }) => {
  await page.goto('/console/embed');
  await page.locator(state('ReserveInventory', 'pending')).waitFor();
  await page.locator('main img').evaluate((picture) => picture.decode());
  const chosen = page.evaluate(
    () =>
      new Promise((resolve) => {
        addEventListener('state-chosen', (event) => resolve(event.detail), { once: true });
      }),
  );
  await page.locator(state('RefundPayment', 'pending')).click();
  assert.equal(await chosen, 'RefundPayment');
  await service.gateway(true);
  await service.post();
  await page.locator(state('ChargePayment', 'running')).waitFor();
  await service.gateway(false);
  await page.locator(state('ChargePayment', 'pending')).waitFor();
}, PATIENT);
