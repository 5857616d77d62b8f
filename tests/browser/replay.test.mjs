// Dead letters: found, looked at, sent back, until their orders are confirmed before the reader's eyes.

import assert from 'node:assert/strict';

import { test } from './harness.mjs';
import { deadLetters } from './world.mjs';

/// Opens the dead letters of a cause, as somebody does who sees the alarm in the navigation.
async function open(page, cause) {
  await page.goto('/console');
  await page.locator('[data-nav="dead-letters"]').click();
  await page.locator(`tr[data-cause="${cause}"] a`).click();
  await page.locator('[data-replay-form]').waitFor();
}

test('a dead letter is found by its cause, replayed, and its order turns confirmed', async ({ service, page }) => {
  const [id] = await deadLetters(service, 1);
  await open(page, 'GatewayUnavailable');
  const letter = page.locator(`tr[data-letter][data-order="${id}"]`);
  await letter.waitFor();
  assert.equal(await letter.getAttribute('data-status'), 'reserved');
  assert.equal(await page.locator('[data-replay]').isDisabled(), true, 'a dry run comes first');

  await service.gateway(false);
  await page.locator('[data-dry-run]').click();
  await page.locator('[data-foretold="1"][data-refused="0"]').waitFor();
  assert.equal((await service.get('/ops/status')).dead_letters, 1, 'a dry run changes nothing');
  await page.locator('[data-replay]').click();
  await page.locator(`[data-outcome="${id}"][data-status="confirmed"]`).waitFor();
  await letter.waitFor({ state: 'detached' });

  const {
    items: [run],
  } = await service.get('/ops/runs');
  assert.deepEqual([run.action, run.queue, run.counts.done, run.how.rate], ['replay', 'payments', 1, 50]);
  assert.ok(run.finished_at);
});

test('what a replay would refuse is told before and after, with its reason', async ({ service, page }) => {
  const [cancelled, other] = await deadLetters(service, 2);
  await service.gateway(false);
  // The order's compensation ends it while its dead letter still lies there.
  await service.ask('POST', `/ops/executions/${cancelled}/stop`, { cause: 'a test', compensate: true });
  await service.until(`/ops/orders/${cancelled}`, (order) => order.status === 'rejected');
  await open(page, 'GatewayUnavailable');
  await page.locator('[data-dry-run]').click();
  await page.locator('[data-foretold="1"][data-refused="1"]', { hasText: 'its order is already rejected' }).waitFor();
  await page.locator('[data-replay]').click();
  await page.locator('[data-run][data-over="true"][data-done="1"][data-refused="1"]').waitFor();
  await page.locator(`[data-outcome="${other}"][data-status="confirmed"]`).waitFor();
  await page.locator(`tr[data-letter][data-order="${cancelled}"]`).waitFor();
});

test('a limit and a rate are kept, and a replay goes on while other pages are looked at', async ({ service, page }) => {
  await deadLetters(service, 30);
  await service.gateway(false);
  await open(page, 'GatewayUnavailable');
  await page.locator('input[name=rate]').fill('4');
  await page.locator('input[name=max]').fill('20');
  await page.locator('[data-dry-run]').click();
  await page.locator('[data-replay]').click();
  await page.locator('[data-nav=queues]').click();
  await page.locator('tr[data-queue=payments]').waitFor();
  await page.goBack();
  const run = page.locator('[data-run]');
  await run.waitFor();
  assert.equal(await run.getAttribute('data-over'), 'false', 'twenty at four a second take longer than a look');
  await page.locator('[data-run][data-over="true"][data-done="20"]').waitFor();
  assert.equal((await service.get('/ops/status')).dead_letters, 10);
});

test('a replay is stopped, and what is left can be sent back later', async ({ service, page }) => {
  await deadLetters(service, 30);
  await service.gateway(false);
  await open(page, 'GatewayUnavailable');
  await page.locator('input[name=rate]').fill('2');
  await page.locator('[data-dry-run]').click();
  await page.locator('[data-replay]').click();
  await page.locator('[data-run]:not([data-done="0"]) [data-stop]').click();
  await page.locator('[data-run][data-over="true"]').waitFor();
  const {
    items: [run],
  } = await service.get('/ops/runs');
  assert.ok(run.finished_at && run.counts.done < 30);
  assert.equal((await service.get('/ops/status')).dead_letters, 30 - run.counts.done);
});

test('a replay that died is found, and gone on with', async ({ service, page }) => {
  const ids = await deadLetters(service, 3);
  await service.gateway(false);
  const how = { selection: { cause: 'GatewayUnavailable' } };
  const run = await service.ask('POST', '/ops/runs', { action: 'replay', queue: 'payments', how });
  await open(page, 'GatewayUnavailable');
  await page.locator(`[data-resume="${run.id}"]`).click();
  for (const id of ids) await page.locator(`[data-outcome="${id}"][data-status="confirmed"]`).waitFor();
  assert.ok((await service.get(`/ops/runs/${run.id}`)).finished_at);
});
