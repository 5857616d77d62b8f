// A listing of the service as a table that stays true: its first page is read again when something changes, and further ones
// are asked for by a button. For lists of some hundred rows; the executions have a table of their own.

import { get } from './api.js';
import { fill, h, keyed, set } from './dom.js';
import { live, throttled } from './live.js';
import { action } from './ui.js';

const PAGE = 50;
// However much changes, it is read again so many milliseconds later at most.
const EVERY = 500;

// columns: [['Total', 'number'], …], the first names the row; cells(item): what stands in them; data(item): the row's `data-*`;
// `name`: where the answer has its items; `whenEmpty`: an element.
export function listing({ path, query, name = 'items', label, key, columns, cells, data, whenEmpty, signal }) {
  const body = h('tbody');
  const heads = columns.map(([text, kind]) => h('th', { scope: 'col', class: kind }, text));
  const table = h(
    'section',
    { class: 'card scroll-x', 'aria-label': label, tabindex: '0' },
    h('table', { class: 'table' }, h('thead', {}, h('tr', {}, heads)), body),
  );
  const more = action('Show more', () => next(), { data: { more: '' } });
  const element = h('div', { class: 'listing', data: { listing: label } });
  const shown = new WeakMap();
  let [items, cursor] = [[], null];

  const read = (after) => get(path, { ...query?.(), limit: PAGE, cursor: after }, { signal });

  // What was asked for beyond the first page stays, unless so much came that the two no longer meet.
  async function refresh() {
    const page = await read();
    const fresh = page[name];
    const meet = fresh.length ? items.findIndex((item) => key(item) === key(fresh.at(-1))) : -1;
    const rest = meet < 0 ? [] : items.slice(meet + 1);
    items = [...fresh, ...rest];
    if (!rest.length) cursor = page.next_cursor;
    show();
  }

  async function next() {
    const page = await read(cursor);
    items = [...items, ...page[name]];
    cursor = page.next_cursor;
    show();
  }

  function show() {
    keyed(
      body,
      items,
      key,
      () => h('tr'),
      (row, item) => {
        const text = JSON.stringify(item);
        if (shown.get(row) === text) return;
        shown.set(row, text);
        set(row, { data: data?.(item) });
        fill(
          row,
          cells(item).map((cell, at) => {
            const [label, kind] = columns[at];
            return at
              ? h('td', { class: kind, data: { label } }, h('div', {}, cell))
              : h('th', { scope: 'row', class: kind }, cell);
          }),
        );
      },
    );
    const [parts, is] = items.length ? [[table, cursor && more], 'rows'] : [[whenEmpty], 'empty'];
    if (element.dataset.shows === `${is}${Boolean(cursor)}`) return;
    element.dataset.shows = `${is}${Boolean(cursor)}`;
    fill(element, parts);
  }

  return { element, refresh, items: () => items };
}

// Does `work` when something changed, twice a second at most. What fails is tried at the next change: that the connection is
// gone, the frame says.
export function follow(work, signal) {
  const again = throttled(work, EVERY);
  for (const name of ['change', 'snapshot']) live.listen(name, again, signal);
}
