// Every history event, however many: filtered, and one of them in full.

import { fill, h, say } from '../lib/dom.js';
import { count, duration, fullTime } from '../lib/format.js';
import { summary } from '../lib/history.js';
import { virtualList } from '../lib/list.js';
import { field, json } from '../lib/ui.js';

export function eventTable() {
  let [events, started, chosen] = [[], 0, null];
  const words = h('input', { type: 'search', name: 'filter', placeholder: 'type, state, error, any text', on: { input: filter } });
  const failures = h('input', { type: 'checkbox', name: 'failures', on: { change: filter } });
  const total = h('span', { class: 'muted small', role: 'status', data: { total: '' } });
  const full = h('div', { data: { event: '' } });
  const list = virtualList({ rowHeight: 34, height: 'min(50vh, 520px)', label: 'History events', data: { list: 'events' }, make, patch });
  const element = h('div', { class: 'stack' },
    h('div', { class: 'toolbar' }, field('Filter', words), h('label', { class: 'row' }, failures, 'Failures only'), total), list.element, full);

  function make() {
    return h('button', { type: 'button', class: 'event', on: { click: (event) => choose(event.currentTarget.dataset.event) } },
      h('span', { class: 'num muted' }), h('span', { class: 'muted' }), h('span'), h('span', { class: 'mono muted' }));
  }

  function patch(row, event) {
    const [id, at, type, about] = row.children;
    row.dataset.event = event.id;
    row.toggleAttribute('data-selected', event.id === chosen);
    row.toggleAttribute('data-failure', isFailure(event));
    say(id, event.id);
    say(at, `+${duration(Date.parse(event.timestamp) - started)}`);
    at.title = fullTime(event.timestamp);
    say(type, event.type);
    say(about, summary(event).slice(0, 300));
  }

  function choose(id) {
    chosen = Number(id);
    const event = events.find((it) => it.id === chosen);
    fill(full, json(event, { label: 'Copy the event' }));
    filter();
  }

  function filter() {
    const wanted = words.value.trim().toLowerCase();
    const found = events.filter((event) => (!failures.checked || isFailure(event)) && (!wanted || text(event).includes(wanted)));
    say(total, found.length === events.length ? `${count(events.length)} events` : `${count(found.length)} of ${count(events.length)} events`);
    list.show(found);
  }

  const texts = new WeakMap();
  function text(event) {
    if (!texts.has(event)) texts.set(event, JSON.stringify(event).toLowerCase());
    return texts.get(event);
  }

  return {
    element,
    show(next, from) {
      if (next.length === events.length && started === from) return;
      [events, started] = [next, from];
      filter();
    },
  };
}

const isFailure = (event) => /(Failed|TimedOut|Aborted)$/.test(event.type);
