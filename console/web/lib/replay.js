// A replay of dead letters, which the service drives as `orderflow dlq replay` drives one (ops/src/drive.rs) and tells of, line by
// line. It goes on while other views are looked at. A service that dies has its journal, and `resume` goes on from there.

import { get, lines, post } from './api.js';

// So many of its orders are remembered, to be looked at.
const SHOWN = 10;
// A replay that is stopped sees the batch through that is under way: it is asked so often whether it has.
const TRIES = 40;
const BETWEEN = 250;

// What a replay would do: how many it would send back, and how many it would refuse for which reason. Changes nothing.
export const dryRun = (queue, plan) => post(`/ops/dead-letters/${queue}/dry-run`, plan);

// One replay. Fires `progress` with each step, and `over` at its end, when `failure` may say what stood in its way.
export class Replay extends EventTarget {
  done = 0;
  refused = 0;
  refusals = new Map();
  orders = []; // some of those that were sent back
  stopped = false;
  isOver = false;
  failure = null;
  #hangUp = new AbortController();

  constructor(queue, expected) {
    super();
    this.queue = queue;
    this.expected = expected;
  }

  // Begins a run.
  static begin(queue, plan, expected) {
    const replay = new Replay(queue, expected);
    replay.#follow(() => post('/ops/runs', { action: 'replay', queue, how: plan }));
    return replay;
  }

  // A page has no editor for the messages on their way; the command has.
  static canResume = (run) => !run.how?.edited;

  // Goes on with a run that was interrupted: first what was under way, then the rest.
  static resume(run) {
    const replay = new Replay(run.queue, null);
    replay.#follow(() => run);
    return replay;
  }

  stop() {
    this.stopped = true;
    this.#hangUp.abort();
  }

  async #follow(begin) {
    try {
      this.run = await begin();
      if (this.stopped) this.run = await post(`/ops/runs/${this.run.id}/finish`);
      else await this.#driven();
    } catch (error) {
      if (!this.stopped) this.failure = error;
    }
    if (this.stopped) await this.#settled();
    this.isOver = true;
    this.dispatchEvent(new Event('over'));
  }

  async #driven() {
    for await (const line of lines(`/ops/runs/${this.run.id}/drive`, { signal: this.#hangUp.signal })) {
      if (line.failed) throw new Error(line.failed);
      if (line.over) return;
      this.#count(line.entries);
    }
    throw new Error('The service has gone away.');
  }

  // What the run has come to once it is stopped.
  async #settled() {
    for (let tries = 0; tries < TRIES && this.run && !this.run.finished_at; tries += 1) {
      this.run = await get(`/ops/runs/${this.run.id}`).catch(() => this.run);
      this.done = this.run.counts.done ?? 0;
      this.refused = this.run.counts.refused ?? 0;
      await new Promise((resolve) => setTimeout(resolve, BETWEEN));
    }
  }

  #count(entries) {
    for (const { state, note, order_id: order } of entries) {
      if (state === 'done') {
        this.done += 1;
        if (order && this.orders.length < SHOWN && !this.orders.includes(order)) this.orders.push(order);
      } else {
        this.refused += 1;
        this.refusals.set(note, (this.refusals.get(note) ?? 0) + 1);
      }
    }
    this.dispatchEvent(new Event('progress'));
  }
}
