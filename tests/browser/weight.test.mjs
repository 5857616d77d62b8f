// How much the console weighs, and how soon it is there.

import assert from 'node:assert/strict';

import { test } from './harness.mjs';
import { fates, pages } from './world.mjs';

const AT_MOST = 300 * 1024;

test('all pages together weigh 300 KB at most, and come from the service alone', async ({ service, page, watcher, t }) => {
  for (const address of pages(await fates(service))) {
    await page.goto(address);
    await page.locator('[data-ready]').waitFor();
  }
  const weights = new Map(
    (await watcher.weights()).filter(({ path }) => isOfThePage(path)).map(({ path, bytes }) => [path, bytes]),
  );
  const bytes = [...weights.values()].reduce((sum, each) => sum + each, 0);
  t.diagnostic(`${weights.size} files, ${Math.ceil(bytes / 1024)} KB uncompressed`);
  assert.ok(weights.size > 15 && bytes <= AT_MOST, `${bytes} bytes`);
});

test('the first view is measured from a cold start', async ({ page, t }) => {
  await page.goto('/console');
  await page.locator('[data-graph] svg').waitFor();
  const [paint] = await page.evaluate(() => performance.getEntriesByName('first-contentful-paint').map((it) => it.startTime));
  const drawn = await page.evaluate(() => performance.now());
  t.diagnostic(`first contentful paint ${Math.round(paint)} ms, graph drawn ${Math.round(drawn)} ms after the navigation`);
  assert.ok(paint > 0);
});

/// Data, and the mails in their frame, are not the page.
const isOfThePage = (path) => path === '/console' || path.startsWith('/console/assets/') || path.endsWith('.svg');
