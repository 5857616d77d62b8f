// Where Cargo builds: `cargo xtask browser` says so; by hand, it is the workspace's own directory.

import { fileURLToPath } from 'node:url';

export const TARGET = process.env.CARGO_TARGET_DIR ?? fileURLToPath(new URL('../../target', import.meta.url));
