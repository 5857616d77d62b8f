// A real `orderflow serve` on a port and a directory of its own, started, stopped and asked by tests. Not the browser.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { openSync, readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

import { TARGET } from './target.mjs';

const BINARY = process.env.ORDERFLOW ?? join(TARGET, 'debug/orderflow');

/// Two tries and short pauses, so that an outage doesn't take ten minutes to fill a DLQ. Idle connections are closed early: a browser
/// finds out only then that those on a line that died are of no use.
const SETTINGS = `
[retries]
max_receive_count = 2
backoff = "5ms"
longest_backoff = "20ms"

[http]
idle_timeout = "10s"
`;

export class Service {
  /// Ready, with its settings (an `orderflow.toml`) and environment. `prepare` may put a database into the directory before.
  static async start({ settings = SETTINGS, environment = {}, prepare } = {}) {
    const directory = await mkdtemp(join(tmpdir(), 'orderflow-browser-'));
    const service = new Service(directory, environment);
    await writeFile(join(directory, 'orderflow.toml'), settings);
    await prepare?.(service);
    await service.up();
    return service;
  }

  constructor(directory, environment) {
    this.directory = directory;
    this.environment = environment;
    this.port = 0;
  }

  /// Starts it; after a stop, on the same port.
  async up() {
    const log = openSync(join(this.directory, 'log'), 'a');
    const flags = ['--listen', `127.0.0.1:${this.port}`, '--data', this.directory, '--log', 'warn'];
    this.child = spawn(BINARY, ['serve', ...flags], {
      cwd: this.directory,
      env: { ...process.env, ...this.environment },
      stdio: ['ignore', 'pipe', log],
    });
    this.ended = once(this.child, 'exit');
    for await (const line of createInterface({ input: this.child.stdout })) {
      const found = line.match(/serves on (http:\S+:(\d+))/);
      if (found) {
        [, this.url, this.port] = found;
        return;
      }
    }
    throw new Error(`it does not start:\n${this.log()}`);
  }

  /// Stops it: SIGTERM, or `kill -9` as `SIGKILL`.
  async down(signal = 'SIGTERM') {
    this.child.kill(signal);
    await this.ended;
  }

  /// Nothing of it is left.
  async remove() {
    await this.down('SIGKILL');
    await rm(this.directory, { recursive: true });
  }

  log() {
    return readFileSync(join(this.directory, 'log'), 'utf8');
  }

  async ask(method, path, body, headers = {}) {
    const type = body === undefined ? {} : { 'content-type': 'application/json' };
    const request = { method, headers: { ...type, ...headers }, body: body && JSON.stringify(body) };
    const response = await fetch(this.url + path, request);
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${await response.text()}`);
    return response.json();
  }

  get(path) {
    return this.ask('GET', path);
  }

  /// Posts an order of one mug, or what `differs` makes of it, and gives its id.
  async post(differs = {}) {
    const customer = { id: 'c-42', email: 'ada@example.com', name: 'Ada' };
    const lines = [{ sku: 'MUG-BLUE', quantity: 1 }];
    const order = { customer, lines, currency: 'EUR', payment_method: 'pm_card_visa', ...differs };
    return (await this.ask('POST', '/orders', order)).order_id;
  }

  /// Switches the simulated payment gateway.
  gateway(down) {
    return this.ask('PUT', '/ops/gateway', { down });
  }

  /// What `path` answers, once that holds.
  async until(path, holds) {
    for (const end = Date.now() + 30_000; ;) {
      const answer = await this.get(path);
      if (holds(answer)) return answer;
      if (Date.now() > end) throw new Error(`${path} never became so: ${JSON.stringify(answer)}`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
}
