// What changes, as `/ops/events` tells it. One connection for the whole page.
//
// Events: `snapshot` (the whole status: whoever keeps a state takes a fresh look), `change`, `queues`, and `state` (how the
// connection is). Each change is told once: the ids of one opening of the service count up, and what is not above the last is
// dropped. The browser reconnects by itself with `Last-Event-ID`; after a refusal it doesn't, so this begins anew with `?after=`.

import { get, session } from './api.js';

// A page that nobody sees gives its connection back after so long: a browser has six for a host.
const HIDDEN = 60_000;
// Where nobody tells changes, the status is asked for so often.
const POLL = 5_000;
// The service says something every 15 s at least (`alive`): who hears nothing for so long has lost it without being told.
const SILENCE = 40_000;
// After a refusal, the connection is tried again after so long.
const RETRY = [500, 1_000, 2_000, 5_000, 10_000];

class Live extends EventTarget {
  state = 'connecting'; // connecting, live, stale, polling, off
  since = new Date();
  status = null; // the last snapshot, with newer depths
  #source = null;
  #last = null;
  #failures = 0;
  #timer = null;
  #silence = null;
  #events = true;

  start(events) {
    this.#events = events;
    document.addEventListener('visibilitychange', () => this.#seen());
    session.addEventListener('over', () => this.stop());
    this.#open();
  }

  stop() {
    clearTimeout(this.#timer);
    this.#close();
    this.#become('off');
  }

  // listen('change', (change) => …, signal)
  listen(name, listener, signal) {
    this.addEventListener(name, (event) => listener(event.detail), { signal });
  }

  #tell(name, detail) {
    this.dispatchEvent(new CustomEvent(name, { detail }));
  }

  #become(state) {
    if (state === this.state) return;
    this.state = state;
    this.since = new Date();
    this.#tell('state', state);
  }

  #seen() {
    clearTimeout(this.#timer);
    if (document.hidden) this.#timer = setTimeout(() => this.#pause(), HIDDEN);
    else if (!this.#source && this.state !== 'off') this.#open();
  }

  #pause() {
    this.#close();
    this.#become('stale');
  }

  #close() {
    clearTimeout(this.#silence);
    this.#source?.close();
    this.#source = null;
  }

  // Now, from `source`.
  #heard(source) {
    if (source !== this.#source) return;
    clearTimeout(this.#silence);
    this.#silence = setTimeout(() => {
      this.#become('stale');
      this.#open();
    }, SILENCE);
  }

  #open() {
    clearTimeout(this.#timer);
    this.#close();
    if (!this.#events) return this.#poll();
    const after = this.#last ? `?after=${encodeURIComponent(this.#last)}` : '';
    const source = new EventSource(`/ops/events${after}`);
    this.#source = source;
    this.#heard(source);
    for (const name of ['open', 'snapshot', 'queues', 'change', 'alive']) source.addEventListener(name, () => this.#heard(source));
    source.onopen = () => {
      this.#failures = 0;
      this.#become('live');
    };
    source.onerror = () => {
      this.#become('stale');
      if (source.readyState === EventSource.CLOSED) this.#again();
    };
    source.addEventListener('snapshot', (event) => this.#snapshot(JSON.parse(event.data)));
    source.addEventListener('queues', (event) => this.#queues(JSON.parse(event.data)));
    source.addEventListener('change', (event) => this.#change(event));
  }

  // Refused: is the session over, or is it too early?
  async #again() {
    this.#close();
    const wait = RETRY[Math.min(this.#failures++, RETRY.length - 1)];
    await get('/ops/queues').catch(() => null);
    if (this.#source) return; // opened meanwhile, for it was looked at
    this.#later(() => this.#open(), wait);
  }

  async #poll() {
    try {
      this.#snapshot(await get('/ops/status'));
      this.#become('polling');
    } catch {
      this.#become('stale');
    }
    this.#later(() => this.#poll(), POLL);
  }

  #later(work, wait) {
    clearTimeout(this.#timer);
    if (this.state !== 'off' && !document.hidden) this.#timer = setTimeout(work, wait);
  }

  #snapshot(status) {
    this.status = status;
    this.#tell('snapshot', status);
    this.#tell('queues', status.queues);
  }

  #queues(queues) {
    if (this.status) this.status = { ...this.status, queues };
    this.#tell('queues', queues);
  }

  #change(event) {
    if (!isAfter(event.lastEventId, this.#last)) return;
    this.#last = event.lastEventId;
    this.#tell('change', JSON.parse(event.data));
  }
}

// Ids are `opening-number`; those of another opening are always new.
function isAfter(id, last) {
  if (!last) return true;
  const [opening, number] = id.split('-');
  const [lastOpening, lastNumber] = last.split('-');
  return opening !== lastOpening || Number(number) > Number(lastNumber);
}

export const live = new Live();

// Calls `work` when something happens, but not more often than every so many milliseconds, and never twice at a time.
export function throttled(work, every) {
  let [running, again, timer] = [false, false, null];
  const run = async () => {
    timer = null;
    running = true;
    again = false;
    try {
      await work();
    } catch (error) {
      if (error.name !== 'AbortError') console.warn(error);
    } finally {
      running = false;
      timer = setTimeout(() => {
        timer = null;
        if (again) run();
      }, every);
    }
  };
  return () => {
    if (running || timer) again = true;
    else run();
  };
}
