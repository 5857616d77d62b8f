// The overview: the state machine at work, the numbers that matter, what fails and why.

import { here } from '../app.js';
import { get } from '../lib/api.js';
import { fill, h, keyed, say } from '../lib/dom.js';
import { ago, count, rate, short } from '../lib/format.js';
import { draw } from '../lib/graph.js';
import { live, throttled } from '../lib/live.js';
import { SAMPLES, body, curl, place } from '../lib/samples.js';
import { action, badge, card, code, empty, heading, since } from '../lib/ui.js';

export const title = 'Overview';

// The graph is drawn anew so often at most, the numbers that are counted so often.
const GRAPH = 500;
const NUMBERS = 2_000;
const RECENT = 8;

export async function mount({ root, signal, go }) {
  const numbers = h('div', { class: 'tiles', data: { numbers: '' } });
  const graph = h('div', { class: 'graph', data: { graph: 'traffic' } });
  const under = h('p', { class: 'muted small', data: { counted: '' } });
  const causes = h('div', { data: { causes: '' } });
  const recent = h('div', { data: { recent: '' } });
  const teach = h('div');
  fill(root,
    heading('Overview', { sub: 'Every order, from reservation to confirmation, as it happens.', actions: sampleMenu() }),
    numbers, teach,
    h('div', { class: 'split' },
      h('section', { class: 'card graph-card', 'aria-label': 'All executions' }, graph, under),
      h('div', { class: 'stack' }, card('Failures by cause', causes), card('Latest executions', recent))));

  const drawn = await draw(graph, {
    picture: '/console/api/graph.svg?theme=external',
    faces: '/console/api/graph',
    signal,
    // Only where executions tell their states can they be found by one.
    onSelect: (state) => go(`/console/executions?${new URLSearchParams(here.platform.events ? { state } : { status: 'RUNNING' })}`),
  });
  const redraw = throttled(async () => say(under, counted(await drawn.refresh())), GRAPH);
  const renumber = throttled(async () => {
    const status = await get('/ops/status', null, { signal });
    tiles(numbers, status);
    failures(causes, status);
    const page = await get('/ops/executions', { limit: RECENT }, { signal });
    latest(recent, page.items);
    await firstVisit(teach, page.items);
  }, NUMBERS);
  const refresh = () => {
    redraw();
    renumber();
  };
  for (const name of ['snapshot', 'change', 'queues']) live.listen(name, refresh, signal);
  // Rates fall when nothing happens, which nobody tells.
  const timer = setInterval(() => !document.hidden && refresh(), 5_000);
  signal.addEventListener('abort', () => clearInterval(timer));
  refresh();
}

function counted({ looked_at: looked, is_sample: sample, rates_over_seconds: seconds }) {
  const parts = [];
  if (sample) parts.push(`counted from the ${count(looked)} newest running executions; there are more`);
  if (seconds) parts.push(`rates of the last ${seconds} s`);
  else parts.push('no rates: this platform tells no changes');
  return `${parts.join('; ')}.`.replace(/^./, (first) => first.toUpperCase());
}

function tiles(element, status) {
  const oldest = status.oldest_sent_at;
  const shown = [
    ['backlog', 'Backlog', count(status.backlog), oldest ? `oldest: ${ago(oldest)}` : 'nothing waits', '/console/queues'],
    ['in-flight', 'In flight', count(status.in_flight), 'being worked on', '/console/queues'],
    ['dead-letters', 'Dead letters', count(status.dead_letters), status.dead_letters ? 'waiting for you' : 'none',
      '/console/dead-letters', status.dead_letters ? 'red' : ''],
    ['started', 'Started', `${rate(status.started_per_second)}/s`, `last ${Math.round(status.rates_over_seconds)} s`, '/console/executions'],
    ['ended', 'Ended', `${rate(status.ended_per_second)}/s`, `last ${Math.round(status.rates_over_seconds)} s`, '/console/executions?status=SUCCEEDED'],
    ['unsuccessful', 'Failed', count(status.unsuccessful), 'or timed out, stopped', '/console/executions?status=FAILED',
      status.unsuccessful ? 'red' : ''],
  ];
  keyed(element, shown, (it) => it[0],
    ([name, label, , , href]) => h('a', { class: 'tile', href, data: { number: name } }, h('span', { class: 'label' }, label), h('strong'), h('small')),
    (tile, [, , value, note, , tone]) => {
      tile.dataset.tone = tone ?? '';
      say(tile.querySelector('strong'), value);
      say(tile.querySelector('small'), note);
    });
}

function failures(element, status) {
  if (!status.causes.length) {
    if (!element.querySelector('[data-empty]')) fill(element, empty('Nothing fails', 'Dead letters show up here, by their cause.'));
    return;
  }
  let list = element.querySelector('ul');
  if (!list) fill(element, (list = h('ul', { class: 'rows' })));
  keyed(list, status.causes.slice(0, 6), (it) => `${it.step}/${it.error}`,
    (it) => h('li', {}, h('a', { href: `/console/dead-letters?cause=${encodeURIComponent(it.error)}`, data: { cause: it.error } },
      h('span', { class: 'grow' }, h('b', {}, it.error), h('small', {}, it.step ?? 'no step')), h('strong', { class: 'num' }))),
    (row, it) => {
      say(row.querySelector('.num'), count(it.count));
      row.firstElementChild.title = it.example;
    });
}

function latest(element, items) {
  if (!items.length) return fill(element, empty('No execution yet'));
  let list = element.querySelector('ul');
  if (!list) fill(element, (list = h('ul', { class: 'rows' })));
  keyed(list, items, (it) => it.name,
    (it) => h('li', {}, h('a', { href: `/console/executions/${it.name}`, data: { execution: it.name } },
      h('span', { class: 'grow' }, h('code', { title: it.name }, short(it.name)), h('small')), h('span', { class: 'status' }))),
    (row, it) => {
      const link = row.firstElementChild;
      if (link.dataset.is !== it.status) {
        link.dataset.is = it.status;
        fill(link.querySelector('.status'), badge(it.status));
      }
      const where = link.querySelector('small');
      const words = it.current_states.join(', ');
      if (where.dataset.words !== words || !where.firstChild) {
        where.dataset.words = words;
        fill(where, words ? `${words} · ` : '', since(it.started_at));
      }
    });
}

async function firstVisit(element, executions) {
  if (executions.length || !here.platform.api) return fill(element);
  if (element.firstChild) return;
  const order = await body('pm_card_visa').catch(() => null);
  fill(element, h('section', { class: 'card teach', data: { teach: '' } },
    h('h2', {}, 'Nothing has been ordered yet. Post the first order and watch it run.'),
    h('p', {}, 'A storefront posts an order and gets 202; queues carry it; the state machine below reserves, charges and mails. What fails is undone, or waits as a dead letter. Try each:'),
    h('div', { class: 'samples' }, SAMPLES.map(([name, text, method, what]) => h('div', {},
      action(text, () => place(method), { tone: name === 'confirmed' ? 'primary' : '', sign: 'play', data: { sample: name } }), h('small', {}, what)))),
    order && [h('p', {}, 'Or as a storefront does:'), code(curl(order), { label: 'Copy the command', wrap: true })]));
}

function sampleMenu() {
  if (!here.platform.api) return null;
  return h('details', { class: 'menu' }, h('summary', { class: 'btn' }, 'Post a sample order'),
    h('div', { class: 'menu-list' }, SAMPLES.map(([name, text, method, what]) =>
      h('div', {}, action(text, () => place(method), { tone: 'link', data: { sample: name } }), h('small', {}, what)))));
}
