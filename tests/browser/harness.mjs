// Runs a test with a service of its own and a page of a real browser, and fails it if the page complained. Playwright drives
// Debian's Chromium; Node's test runner runs the files (`cargo xtask browser`). Pages are asked for their `data-*` attributes,
// never for pixels, and waited for by condition, never for a while.

import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test as nodeTest } from 'node:test';

import { launch } from './chromium.mjs';
import { Line } from './line.mjs';
import { Service } from './service.mjs';
import { TARGET } from './target.mjs';
import { Watcher } from './watcher.mjs';

/// Where a failed test leaves its picture.
const PICTURES = join(TARGET, 'browser/');

/// What a test waits for comes within so many milliseconds, also on a machine with much else to do.
const TIMEOUT = Number(process.env.TIMEOUT ?? 30_000);

/// A service's setting: while the gateway is down, a payment is tried again and again, and its order stays where it is.
export const PATIENT = { settings: '[retries]\nmax_receive_count = 1000\nbackoff = "50ms"\nlongest_backoff = "100ms"\n' };
let browser;
before(async () => {
  browser = await launch();
});
after(() => browser.close());

/// A test. `body` gets `{ service, page, watcher, line, t }`; what the page may complain of it tells the watcher. `setting` has
/// what `Service.start` and Playwright's `newContext` (`context`) take.
export function test(name, body, { context: wanted, ...setting } = {}) {
  nodeTest(name, async (t) => {
    const service = await Service.start(setting);
    const line = await Line.to(service.port);
    const context = await browser.newContext({ baseURL: line.url, ...wanted });
    const watcher = new Watcher(context, line.url);
    context.setDefaultTimeout(TIMEOUT);
    const page = await context.newPage();
    try {
      await body({ service, page, watcher, line, t });
      assert.deepEqual(watcher.complaints, []);
    } catch (error) {
      mkdirSync(PICTURES, { recursive: true });
      const picture = `${PICTURES}${name.replaceAll(/\W+/g, '-')}.png`;
      await page.screenshot({ path: picture }).catch(() => {});
      t.diagnostic(`${page.url()} ${picture}\n${watcher.complaints.join('\n')}\n${service.log()}`);
      throw error;
    } finally {
      await context.close();
      line.close();
      await service.remove();
    }
  });
}
