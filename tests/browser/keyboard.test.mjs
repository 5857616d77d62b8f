// The main job without a mouse: see the alarm, find the dead letter, send it back, see its order confirmed.

import assert from 'node:assert/strict';

import { test } from './harness.mjs';
import { deadLetters } from './world.mjs';

/// Presses Tab until what is meant has the focus, as somebody does who sees where the focus is.
async function tabTo(page, selector) {
  for (let presses = 0; presses < 80; presses++) {
    await page.keyboard.press('Tab');
    const focus = await page.evaluate(
      (wanted) => ({
        is: document.activeElement.matches(wanted),
        shown: getComputedStyle(document.activeElement).outlineStyle !== 'none',
      }),
      selector,
    );
    if (focus.is) return assert.ok(focus.shown, `${selector} shows that it has the focus`);
  }
  throw new Error(`${selector} is never reached`);
}

test('a dead letter is found and replayed with the keyboard alone', async ({ service, page }) => {
  const [id] = await deadLetters(service, 1);
  await service.gateway(false);
  await page.goto('/console');
  await page.locator('[data-ready]').waitFor();
  await page.keyboard.press('Tab');
  assert.equal(await page.evaluate(() => document.activeElement.hash), '#main', 'the content is one key away');

  await tabTo(page, '[data-nav="dead-letters"]');
  await page.keyboard.press('Enter');
  await page.locator('tr[data-cause]').waitFor();
  await tabTo(page, 'tr[data-cause] a');
  await page.keyboard.press('Enter');
  await page.locator('[data-replay-form]').waitFor();
  await tabTo(page, 'input[name=max]');
  await page.keyboard.type('1');
  await page.keyboard.press('Enter');
  await page.locator('[data-foretold="1"]').waitFor();
  await tabTo(page, '[data-replay]');
  await page.keyboard.press('Enter');
  await page.locator(`[data-outcome="${id}"][data-status="confirmed"]`).waitFor();
  await tabTo(page, '[data-outcome] a');
  await page.keyboard.press('Enter');
  await page.locator(`.page[data-order="${id}"]`).waitFor();
});

test('a dialog takes the focus, is left with Escape, and gives the focus back', async ({ page }) => {
  await page.goto('/console/products');
  await page.locator('button[data-stock="TEAPOT"]').focus();
  await page.keyboard.press('Enter');
  await page.locator('dialog input[name=delta]:focus').waitFor();
  await page.keyboard.press('Escape');
  await page.locator('dialog').waitFor({ state: 'detached' });
  await page.locator('button[data-stock="TEAPOT"]:focus').waitFor();
});
