// The pages that were there before the console: the API's documentation and a mail.

import assert from 'node:assert/strict';

import { test } from './harness.mjs';

test('the documentation of the API is shown, from the service alone', async ({ page }) => {
  await page.goto('/docs/');
  await page.locator('[data-path="/orders/{order_id}"]').first().waitFor();
});

test('a mail shows what a customer wrote as text, and runs nothing of it', async ({ service, page, watcher }) => {
  const name = '<img src=x onerror="window.hacked=1"><script>window.hacked=1</script>';
  await service.post({ customer: { id: 'c-42', email: 'ada@example.com', name } });
  const {
    mails: [mail],
  } = await service.until('/mailbox', ({ mails }) => mails.length > 0);
  await page.goto(mail.html);
  await page.getByText(name).waitFor();
  assert.equal(await page.locator('script, img').count(), 0);
});
