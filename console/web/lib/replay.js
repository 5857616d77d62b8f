// A replay of dead letters, driven call by call as `orderflow dlq replay` drives it (ops/src/drive.rs): at a limited rate, up
// to a limit, until stopped. It goes on while other views are looked at. Whoever drives may go away at any moment: the
// service's journal knows how far it got, and `resume` goes on from there.

import { get, post } from './api.js';

// A call's messages, and how often a call is made at a limited rate.
const BATCH = 100;
const BEATS_PER_SECOND = 5;
// So many of its orders are remembered, to be looked at.
const SHOWN = 10;

// Pages of the dead letters that are meant.
async function* letters(queue, selection) {
  let cursor = null;
  do {
    const page = await get(`/ops/dead-letters/${queue}`, { ...selection, limit: BATCH, cursor });
    yield page.items;
    cursor = page.next_cursor;
  } while (cursor);
}

// What a replay would do: how many it would send back, and how many it would refuse for which reason. Changes nothing.
export async function foretell(queue, plan) {
  const refusals = new Map();
  let [looked, refused] = [0, 0];
  for await (const page of letters(queue, plan.selection)) {
    for (const { refusal } of page) {
      if (looked === plan.max) break;
      looked += 1;
      if (!refusal || plan.force) continue;
      refused += 1;
      refusals.set(refusal, (refusals.get(refusal) ?? 0) + 1);
    }
    if (looked === plan.max) break;
  }
  return { replayed: looked - refused, refused, refusals };
}

// One replay. Fires `progress` with each step, and `over` at its end, when `failure` may say what stood in its way.
export class Replay extends EventTarget {
  done = 0;
  refused = 0;
  refusals = new Map();
  orders = []; // some of those that were sent back
  stopped = false;
  isOver = false;
  failure = null;

  constructor(queue, plan, expected) {
    super();
    this.queue = queue;
    this.plan = plan;
    this.expected = expected;
  }

  // Begins a run.
  static begin(queue, plan, expected) {
    const replay = new Replay(queue, plan, expected);
    replay.#drive(async () => {
      replay.run = await post('/ops/runs', { action: 'replay', queue, how: plan });
      await replay.#rest();
    });
    return replay;
  }

  // A page can't go on with a run whose messages are edited on their way; the command can.
  static canResume = (run) => !run.how.patch && !run.how.edited;

  // Goes on with a run that was interrupted: first what was under way, then the rest.
  static resume(run) {
    const replay = new Replay(run.queue, run.how, null);
    replay.run = run;
    replay.#drive(async () => {
      for (;;) {
        const entries = await post(`/ops/runs/${run.id}/resume`);
        if (!entries.length) break;
        replay.#count(entries);
      }
      replay.run = await get(`/ops/runs/${run.id}`);
      await replay.#rest();
    });
    return replay;
  }

  // After the call that is under way.
  stop() {
    this.stopped = true;
  }

  async #drive(task) {
    try {
      await task();
    } catch (error) {
      this.failure = error;
    }
    this.isOver = true;
    this.dispatchEvent(new Event('over'));
  }

  async #rest() {
    const { selection = {}, rate, max, force = false } = this.plan;
    // A message that becomes a dead letter again meanwhile is another one. Both times are the service's own.
    const before = Date.parse(selection.before) < Date.parse(this.run.at) ? selection.before : this.run.at;
    const size = rate ? Math.min(BATCH, Math.max(1, Math.floor(rate / BEATS_PER_SECOND))) : BATCH;
    let left = max ? max - (this.run.counts.done ?? 0) : Infinity;
    let beat = 0;
    for await (const page of letters(this.queue, { ...selection, before })) {
      for (let at = 0; at < page.length && left > 0 && !this.stopped;) {
        const batch = page.slice(at, at + Math.min(size, left));
        at += batch.length;
        await until(beat);
        beat = rate ? performance.now() + (batch.length / rate) * 1000 : 0;
        const items = batch.map((letter) => ({ message_id: letter.message_id }));
        left -= this.#count(await post(`/ops/runs/${this.run.id}/replay`, { items, force }));
      }
      if (this.stopped || left <= 0) break;
    }
    await post(`/ops/runs/${this.run.id}/finish`);
  }

  // How many of them were sent back.
  #count(entries) {
    const done = entries.filter((entry) => entry.state === 'done').length;
    this.done += done;
    this.refused += entries.length - done;
    for (const { state, note, order_id: order } of entries) {
      if (state !== 'done') this.refusals.set(note, (this.refusals.get(note) ?? 0) + 1);
      else if (order && this.orders.length < SHOWN && !this.orders.includes(order)) this.orders.push(order);
    }
    this.dispatchEvent(new Event('progress'));
    return done;
  }
}

const until = (moment) => new Promise((resolve) => setTimeout(resolve, moment - performance.now()));
