// Signing in: with an API key, once; what is not allowed is refused with its reason.

import assert from 'node:assert/strict';

import { test } from './harness.mjs';

const KEYS = {
  environment: { ORDERFLOW_API_KEYS: 'shop:storefront:storefront-key-of-a-test,night:ops:operations-key-of-a-test' },
};

test(
  'a key with the scope ops signs in, and the session survives a reload and ends',
  async ({ page, watcher }) => {
    watcher.allow(/Failed to load resource: the server responded with a status of 40[13]/);
    await page.goto('/console');
    const key = page.locator('[data-sign-in] input[name=key]');
    for (const [tried, why] of [
      ['nobody-knows-this-key', /not known/],
      ['storefront-key-of-a-test', /scope/],
    ]) {
      await key.fill(tried);
      await page.keyboard.press('Enter');
      await page.locator('[data-sign-in] [role=alert]', { hasText: why }).waitFor();
    }
    await key.fill('operations-key-of-a-test');
    await page.keyboard.press('Enter');
    await page.locator('[data-nav=overview]').waitFor();
    await page.locator('.live[data-live=live]').waitFor();
    await page.reload();
    await page.locator('[data-sign-out]').click();
    await key.waitFor();
    const kept = await page.evaluate(() => JSON.stringify([localStorage, sessionStorage, document.cookie]));
    assert.doesNotMatch(kept, /key-of-a-test/, 'the page keeps no key');
  },
  KEYS,
);
