// The browser: Debian's Chromium, driven by what `cargo xtask browser` installed from npm.

import { createRequire } from 'node:module';
import { join } from 'node:path';

import { TARGET } from './target.mjs';

export const require = createRequire(join(TARGET, 'npm/'));

export function launch() {
  const { chromium } = require('playwright-core');
  return chromium.launch({
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    // Its sandbox refuses root, which is who runs tests in a container.
    chromiumSandbox: process.getuid() !== 0,
  });
}
