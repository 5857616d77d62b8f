// Much of everything: ten thousand executions, a history of five thousand events. However much there is, the page holds only what
// is in sight; how long it was busy is measured and told, not judged, for a machine may have much else to do.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

import { test } from './harness.mjs';
import { fates } from './world.mjs';

const MUCH = fileURLToPath(new URL('much.py', import.meta.url));
/// A screen of rows and those around it, several times over.
const ROWS = 150;

/// Makes much of what the service has. It is restarted.
async function makeMuch(service, what, count) {
  await service.down();
  execFileSync('python3', [MUCH, `${service.directory}/orderflow.db`, what, String(count)]);
  await service.up();
}

/// Measures from now on: each time the page could not answer for 50 ms or more (W3C, Long Tasks).
function measure(page) {
  return page.evaluate(() => {
    globalThis.busy = [];
    new PerformanceObserver((list) => globalThis.busy.push(...list.getEntries().map((it) => it.duration))).observe({
      type: 'longtask',
    });
  });
}

/// Scrolls through a list screen by screen, to its end and back, until `count` rows were there to be seen.
async function scrollThrough(page, list, count) {
  await page.evaluate(
    async ([selector, wanted]) => {
      const element = document.querySelector(selector);
      const frame = () => new Promise((resolve) => requestAnimationFrame(resolve));
      globalThis.mostRows = 0;
      const scroll = async (by, isThere) => {
        while (!isThere()) {
          element.scrollBy(0, by);
          await frame();
          globalThis.mostRows = Math.max(globalThis.mostRows, element.querySelectorAll('.vrow').length);
        }
      };
      const isAtEnd = () => element.scrollTop + element.clientHeight >= element.scrollHeight - 1;
      await scroll(element.clientHeight, () => Number(element.dataset.count) >= wanted && isAtEnd());
      await scroll(-element.clientHeight, () => element.scrollTop <= 0);
    },
    [list, count],
  );
}

async function tell(page, t, what) {
  const { busy, mostRows } = await page.evaluate(() => ({ busy: globalThis.busy, mostRows: globalThis.mostRows }));
  const longest = Math.round(Math.max(0, ...busy));
  t.diagnostic(`${what}: ${busy.length} long tasks, the longest ${longest} ms; ${mostRows} rows at most`);
  assert.ok(mostRows > 5 && mostRows <= ROWS, `${mostRows} rows`);
}

test('ten thousand executions are scrolled through, and only those in sight are there', async ({ service, page, t }) => {
  await fates(service);
  await makeMuch(service, 'executions', 10_000);
  await page.goto('/console/executions');
  await page.locator('[data-list=executions] .vrow').first().waitFor();
  await measure(page);
  await scrollThrough(page, '[data-list=executions]', 10_000);
  await tell(page, t, '10,000 executions');
});

test('a history of five thousand events is scrolled through, and only those in sight are there', async ({
  service,
  page,
  t,
}) => {
  const { declined } = await fates(service);
  await makeMuch(service, 'events', 5_000);
  await page.goto(`/console/executions/${declined}?tab=events`);
  await page.locator('[data-list=events][data-count="5000"] .vrow').first().waitFor();
  await measure(page);
  await scrollThrough(page, '[data-list=events]', 5_000);
  await tell(page, t, '5,000 events');
});
