// All executions, newest first: filtered, live, and as many as there are.

import { here } from '../app.js';
import { get } from '../lib/api.js';
import { allStates } from '../lib/asl.js';
import { fill, h, say } from '../lib/dom.js';
import { ago, count, duration, fullTime } from '../lib/format.js';
import { virtualList } from '../lib/list.js';
import { live, throttled } from '../lib/live.js';
import { badge, button, empty, field, heading, select } from '../lib/ui.js';

export const title = 'Executions';

const PAGE = 100;
const STATUSES = [['', 'Any status'], ['RUNNING', 'Running'], ['SUCCEEDED', 'Succeeded'], ['FAILED', 'Failed'], ['TIMED_OUT', 'Timed out'], ['ABORTED', 'Stopped']];
const TIMES = [['', 'Any time'], ['900', 'Last 15 minutes'], ['3600', 'Last hour'], ['86400', 'Last day'], ['604800', 'Last week']];
const ID = /^ord_[0-9a-z]{26}$/;

export async function mount({ root, query, signal, go, setQuery }) {
  const filter = { status: query.status ?? '', state: query.state ?? '', error: query.error ?? '', within: query.within ?? '' };
  let [items, known, next, loading, begun, since] = [[], new Map(), null, false, 0, null];

  const definition = await get('/console/api/definition', null, { signal });
  const choices = [['', 'Any state'], ...allStates(definition).map(([name]) => [name, name])];
  const total = h('p', { class: 'muted small', role: 'status', data: { total: '' } });
  const nothing = h('div');
  const list = virtualList({ rowHeight: 44, make: row, patch, onEnd: more, label: 'Executions', data: { list: 'executions' } });
  const changed = (name) => (event) => {
    filter[name] = event.target.value.trim();
    setQuery(filter);
    reload();
  };
  const id = h('input', { type: 'search', placeholder: 'ord_…', name: 'id', spellcheck: 'false', autocomplete: 'off' });
  const find = h('form', { class: 'row', role: 'search', on: { submit: (event) => {
    event.preventDefault();
    const name = id.value.trim();
    const isOne = ID.test(name);
    id.setCustomValidity(isOne ? '' : 'An order’s id is ord_ and 26 letters and digits.');
    if (isOne) go(`/console/executions/${name}`);
    else id.reportValidity();
  }, input: () => id.setCustomValidity('') } }, field('Order id', id), button('Open', null, { type: 'submit' }));
  fill(root,
    heading('Executions', { sub: 'One for each order; its name is the order’s id. One whose order was rejected has succeeded as well, if all was undone.' }),
    h('div', { class: 'toolbar filters' },
      field('Status', select(STATUSES, { name: 'status', value: filter.status, on: { change: changed('status') } })),
      here.platform.events && field('In state', select(choices, { name: 'state', value: filter.state, on: { change: changed('state') } })),
      field('Started', select(TIMES, { name: 'within', value: filter.within, on: { change: changed('within') } })),
      field('Error', h('input', { type: 'search', name: 'error', value: filter.error, placeholder: 'PaymentDeclined', on: { change: changed('error') } })),
      find),
    total,
    h('div', {}, h('div', { class: 'vhead exec', 'aria-hidden': 'true' }, ['Order', 'Status', 'State or error', 'Started', 'Took'].map((it) => h('span', {}, it))), list.element),
    nothing);

  function show() {
    list.show(items);
    say(total, `${count(items.length)} executions${next || loading ? ', more below' : ''}`);
    list.element.hidden = !items.length && !loading;
    if (items.length || loading) fill(nothing);
    else if (!nothing.firstChild) {
      fill(nothing, Object.values(filter).some(Boolean)
        ? empty('No execution fits', 'Loosen the filter.')
        : empty('No execution yet', 'Each accepted order starts one.', h('a', { class: 'btn', href: '/console' }, 'Post a sample order')));
    }
  }

  async function load(cursor) {
    const mine = begun;
    loading = true;
    try {
      // A cursor goes on with its own filter.
      if (!cursor) since = filter.within && new Date(Date.now() - filter.within * 1000).toISOString();
      const page = await get('/ops/executions', { status: filter.status, state: filter.state, error: filter.error, since, limit: PAGE, cursor }, { signal });
      if (mine !== begun) return;
      if (!cursor) [items, known] = [[], new Map()];
      for (const item of page.items) add(item, items.length);
      next = page.next_cursor;
    } finally {
      if (mine === begun) loading = false;
    }
    show();
    // A page may be empty and still have a next one.
    if (next && items.length < PAGE / 2) await load(next);
  }

  function more() {
    if (next && !loading) load(next).catch(() => {});
  }

  function add(item, at) {
    const old = known.get(item.name);
    if (old) return Object.assign(old, item);
    known.set(item.name, item);
    items.splice(at, 0, item);
    return item;
  }

  function reload() {
    begun += 1;
    next = null;
    return load(null);
  }

  // What happens while the list is shown: rows change in place, new ones come on top, and those that fit no more go. One that
  // has come to fit, and is not new, belongs somewhere below: the list is asked for again, unless the reader is within it.
  let due = 0;
  const soon = () => {
    due ||= requestAnimationFrame(() => {
      due = 0;
      items = items.filter((it) => known.get(it.name) === it);
      show();
    });
  };
  const anew = throttled(async () => {
    if (list.element.scrollTop === 0) await reload();
  }, 1_000);
  live.listen('change', ({ change, name, status, states: now, at }) => {
    if (change !== 'execution') return;
    const old = known.get(name);
    if (old) {
      Object.assign(old, { status, current_states: now, stopped_at: status === 'RUNNING' ? null : at });
      if (!fits(status, now)) known.delete(name);
      soon();
    } else if (fits(status, now)) {
      if (filter.error || !now.includes(definition.StartAt)) return isFiltered() && anew();
      add({ name, status, current_states: now, started_at: at, stopped_at: null }, 0);
      soon();
    }
  }, signal);
  const isFiltered = () => filter.status || filter.state || filter.error;
  const fits = (status, now) => (!filter.status || filter.status === status) && (!filter.state || now.includes(filter.state));
  let first = !live.status; // the one that comes with the connection tells nothing new
  live.listen('snapshot', () => {
    // A platform that tells no changes tells of itself again and again: then a reader within the list is left alone.
    if (!first && here.platform.events) reload().catch(() => {});
    else if (!first) anew();
    first = false;
  }, signal);
  const timer = setInterval(soon, 1000);
  signal.addEventListener('abort', () => clearInterval(timer));
  await reload();
}

function row() {
  return h('a', { class: 'exec', data: { execution: '' } }, h('code'), h('span'), h('span', { class: 'muted' }), h('span', { class: 'muted' }), h('span', { class: 'muted' }));
}

function patch(element, item) {
  const [id, status, where, started, took] = element.children;
  if (element.dataset.execution !== item.name) {
    element.href = `/console/executions/${item.name}`;
    element.dataset.execution = item.name;
    say(id, item.name);
    started.title = fullTime(item.started_at);
  }
  if (element.dataset.status !== item.status) {
    element.dataset.status = item.status;
    fill(status, badge(item.status));
  }
  say(where, item.error ?? item.current_states.join(', '));
  say(started, ago(item.started_at));
  const end = item.stopped_at ? Date.parse(item.stopped_at) : Date.now();
  say(took, duration(end - Date.parse(item.started_at)));
}
