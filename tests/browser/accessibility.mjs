// axe-core on a page: what it finds that keeps somebody from using it.

import { readFileSync } from 'node:fs';

import { require } from './chromium.mjs';

const AXE = readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8');

/// What is serious or critical, in a line each.
export async function barriers(page, where) {
  await page.evaluate(AXE);
  const { violations } = await page.evaluate(() => globalThis.axe.run({ resultTypes: ['violations'] }));
  const grave = violations.filter(({ impact }) => impact === 'serious' || impact === 'critical');
  return grave.flatMap(({ id, nodes }) =>
    nodes.map(({ target, failureSummary }) => `${where}: ${id} ${target}: ${failureSummary}`),
  );
}
