// The queues as they are now, and how they came there: depth, what workers have in hand, age, a line of the last minutes.

import { h, keyed, say } from '../lib/dom.js';
import { ago, count } from '../lib/format.js';
import { get } from '../lib/api.js';
import { live } from '../lib/live.js';
import { line } from '../lib/sparkline.js';
import { heading } from '../lib/ui.js';

export const title = 'Queues';

// A sample a second, so many of them.
const EVERY = 1_000;
const SAMPLES = 180;

const HEADS = [
  ['Queue'],
  ['Waiting', 'num'],
  ['In flight', 'num'],
  ['Delayed', 'num'],
  ['Oldest', 'num'],
  ['Last 3 minutes'],
  ['Dead letters', 'num'],
];
const total = (depth) => depth.visible + depth.in_flight + depth.delayed;

// What was seen, by queue; it stays when the page is left.
const history = new Map();
let latest = [];

export async function mount({ root, signal }) {
  const body = h('tbody');
  const heads = HEADS.map(([text, kind]) => h('th', { scope: 'col', class: kind }, text));
  const table = h('table', { class: 'table' }, h('thead', {}, h('tr', {}, heads)), body);
  root.append(
    heading('Queues', {
      sub: 'Waiting messages can be received now; those in flight are in a worker’s hands or back off; delayed ones wait for their time.',
    }),
    h(
      'section',
      { class: 'card' },
      h('div', { class: 'scroll-x', role: 'region', 'aria-label': 'Queues', tabindex: '0' }, table),
    ),
  );
  const show = (queues) => {
    const dead = new Map(queues.filter(isDlq).map((it) => [it.queue.replace(/-dlq$/, ''), it]));
    keyed(
      body,
      queues.filter((it) => !isDlq(it)),
      (it) => it.queue,
      row,
      (element, it) => patch(element, it, dead.get(it.queue)),
    );
  };
  live.listen('queues', show, signal);
  const timer = setInterval(() => show(latest), EVERY);
  signal.addEventListener('abort', () => clearInterval(timer));
  sampling();
  latest = await get('/ops/queues', null, { signal });
  show(latest);
}

const isDlq = ({ queue }) => queue.endsWith('-dlq');

function row({ queue }) {
  const cells = HEADS.slice(1).map(([label, kind]) => h('td', { class: kind, data: { label } }));
  const dead = h('a', { href: `/console/dead-letters/${queue}` });
  cells.at(-1).append(dead);
  cells.at(-2).append(line(`Depth of ${queue} over the last minutes`));
  return h('tr', { data: { queue } }, h('th', { scope: 'row' }, queue), cells);
}

function patch(element, depth, dead) {
  const [, waiting, inFlight, delayed, oldest, spark, deadCell] = element.children;
  const lost = dead ? total(dead) : 0;
  Object.assign(element.dataset, { waiting: depth.visible, inFlight: depth.in_flight, delayed: depth.delayed, dead: lost });
  say(waiting, count(depth.visible));
  say(inFlight, count(depth.in_flight));
  say(delayed, count(depth.delayed));
  say(oldest, depth.oldest_sent_at ? ago(depth.oldest_sent_at).replace(' ago', '') : '–');
  say(deadCell.firstElementChild, count(lost));
  deadCell.toggleAttribute('data-alarm', lost > 0);
  spark.firstElementChild.show(history.get(depth.queue) ?? [], SAMPLES);
}

// From the first look on.
function sampling() {
  if (sampling.runs) return;
  sampling.runs = true;
  live.listen('queues', (queues) => {
    latest = queues;
  });
  setInterval(() => {
    for (const depth of latest) {
      const samples = history.get(depth.queue) ?? [];
      samples.push(total(depth));
      history.set(depth.queue, samples.slice(-SAMPLES));
    }
  }, EVERY);
}
