// The dead letters: why they are there, which they are, and sending them back: a dry run first, then at a limited rate.

import { get } from '../lib/api.js';
import { fill, h, keyed, set } from '../lib/dom.js';
import { count, pretty, short } from '../lib/format.js';
import { follow, listing } from '../lib/listing.js';
import { teach } from '../lib/teach.js';
import { badge, heading, json, since } from '../lib/ui.js';
import { replaying } from '../lib/replaying.js';

export const title = 'Dead letters';

export async function mount({ root, params, query, signal }) {
  const causes = h('div', { data: { causes: '' } });
  const selected = h('div', { class: 'stack', data: { selected: '' } });
  root.append(
    heading('Dead letters', {
      sub: 'What failed in spite of every retry waits here, with its cause, until somebody sends it back.',
    }),
    causes,
    selected,
  );
  const read = () => get('/ops/dead-letters', null, { signal });
  const found = await read();
  const queue = params.queue ?? found.find((it) => it.causes.some(({ error }) => error === query.cause))?.queue;
  const chosen = { queue, cause: query.cause };
  byCause(causes, found, chosen);
  const refresh = async () => byCause(causes, await read(), chosen);
  if (!queue) return follow(refresh, signal);

  const selection = { cause: query.cause, order: query.order };
  const letters = preview(queue, selection, signal);
  const panel = await replaying(queue, selection, signal);
  fill(selected, panel, h('h2', {}, describe(queue, selection)), letters.element);
  await letters.refresh();
  return follow(() => Promise.all([refresh(), letters.refresh()]), signal);
}

function describe(queue, { cause, order }) {
  return [
    `${queue}-dlq`,
    cause && `: ${cause}`,
    order && `, order ${short(order)}`,
    (cause || order) && [' ', h('a', { class: 'btn link', href: `/console/dead-letters/${queue}` }, 'All of this queue')],
  ];
}

function byCause(element, breakdowns, chosen) {
  const rows = breakdowns.flatMap(({ queue, is_sample: isSample, causes }) =>
    causes.map((cause) => ({ queue, isSample, ...cause })),
  );
  const isEmpty = breakdowns.every(({ depth }) => depth.visible + depth.in_flight + depth.delayed === 0);
  if (isEmpty) {
    if (chosen.queue) fill(element);
    else if (!element.querySelector('[data-empty]')) {
      fill(
        element,
        teach(
          'No dead letters',
          'Nothing waits for you. See how it would be: a gateway that never answers fills this page.',
          'down',
        ),
      );
    }
    return;
  }
  let body = element.querySelector('tbody');
  if (!body) {
    body = h('tbody');
    const heads = ['Cause', 'Queue', 'Step', 'For example', 'First', 'Last', 'How many'].map((text) =>
      h('th', { scope: 'col' }, text),
    );
    fill(
      element,
      h(
        'section',
        { class: 'card scroll-x', 'aria-label': 'Dead letters by cause', tabindex: '0' },
        h('table', { class: 'table' }, h('thead', {}, h('tr', {}, heads)), body),
      ),
    );
  }
  keyed(
    body,
    rows,
    (it) => `${it.queue}/${it.step}/${it.error}`,
    () => h('tr'),
    (row, it) => {
      const is = it.queue === chosen.queue && (!chosen.cause || it.error === chosen.cause);
      set(row, { data: { cause: it.error, queue: it.queue, count: it.count, chosen: is ? '' : null } });
      const href = `/console/dead-letters/${it.queue}?cause=${encodeURIComponent(it.error)}`;
      const link = row.querySelector('a') ?? h('a', { href }, it.error);
      set(link, { 'aria-current': is ? 'true' : null });
      if (row.firstElementChild && row.dataset.last === it.last_seen) {
        fill(row.lastElementChild, howMany(it));
        return;
      }
      row.dataset.last = it.last_seen;
      fill(
        row,
        h('th', { scope: 'row' }, link),
        [`${it.queue}`, it.step ?? '–', it.example, since(it.first_seen), since(it.last_seen), howMany(it)].map((cell, at) =>
          h('td', { class: at === 2 ? 'example' : at === 5 ? 'num' : null }, cell),
        ),
      );
    },
  );
}

const howMany = (it) => `${it.isSample ? '≥ ' : ''}${count(it.count)}`;

// The messages themselves, and where their orders stand now.
function preview(queue, selection, signal) {
  return listing({
    path: `/ops/dead-letters/${encodeURIComponent(queue)}`,
    query: () => selection,
    label: 'Dead letters',
    key: (letter) => letter.message_id,
    columns: [['Order'], ['Now'], ['Cause'], ['Tries', 'num'], ['Dead since'], ['Message']],
    cells: (letter) => [
      letter.order_id
        ? h('a', { href: `/console/orders/${letter.order_id}`, title: letter.order_id }, short(letter.order_id))
        : '–',
      [
        letter.order ? badge(letter.order.status) : 'unknown',
        letter.order?.effect && h('small', {}, letter.order.effect),
        letter.refusal && h('small', { class: 'fault', data: { refusal: '' } }, `Would be refused: ${letter.refusal}`),
      ],
      [h('b', {}, letter.cause.error), h('small', {}, letter.cause.cause)],
      [letter.cause.receive_count, letter.replayed > 0 && h('small', {}, `replayed ${letter.replayed}×`)],
      since(letter.sent_at),
      h('details', {}, h('summary', {}, 'Show'), json(pretty(letter.body), { wrap: true, label: 'Copy the message' })),
    ],
    data: (letter) => ({
      letter: letter.message_id,
      order: letter.order_id,
      status: letter.order?.status,
      error: letter.cause.error,
    }),
    whenEmpty: h('p', { class: 'muted', data: { nothing: '' } }, 'None of these is left.'),
    signal,
  });
}
