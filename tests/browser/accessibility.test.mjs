// Every page, light and dark, empty and filled, wide and on a phone, as axe-core judges it.

import assert from 'node:assert/strict';

import { barriers } from './accessibility.mjs';
import { test } from './harness.mjs';
import { fates, pages } from './world.mjs';

for (const colorScheme of ['light', 'dark']) {
  test(
    `every page is accessible, in ${colorScheme} colours`,
    async ({ service, page }) => {
      const empty = await barriersOn(page, pages({}), 'empty');
      const all = pages(await fates(service));
      const filled = await barriersOn(page, all, 'filled');
      await page.setViewportSize({ width: 390, height: 844 });
      assert.deepEqual([...empty, ...filled, ...(await barriersOn(page, all, 'on a phone'))], []);
    },
    { context: { colorScheme } },
  );
}

async function barriersOn(page, addresses, how) {
  const found = [];
  for (const address of addresses) {
    await page.goto(address);
    await page.locator('[data-ready]').waitFor();
    found.push(...(await barriers(page, `${address}, ${how}`)));
  }
  return found;
}
