// A list of any length: rows of one height, of which only those in sight exist.

import { h } from './dom.js';

const MORE = 12; // rows above and below what is in sight

// virtualList({height, make, patch, rowHeight, onEnd}) gives {element, show}: `show(items)` may be called for every change. `make()`
// gives an empty row, `patch(row, item, index)` fills it; rows are used again. `onEnd` is called when the end comes in sight.
export function virtualList({ rowHeight, make, patch, onEnd, label, height = 'min(70vh, 900px)', data }) {
  let items = [];
  const free = [];
  const shown = new Map();
  const rows = h('div', { class: 'vrows' });
  const element = h('div', { class: 'vlist', role: 'region', tabindex: '0', 'aria-label': label, data, style: { height } }, rows);
  let frame = 0;

  function render() {
    frame = 0;
    const first = Math.max(0, Math.floor(element.scrollTop / rowHeight) - MORE);
    const last = Math.min(items.length, Math.ceil((element.scrollTop + element.clientHeight) / rowHeight) + MORE);
    for (const [at, row] of shown) {
      if (at >= first && at < last) continue;
      shown.delete(at);
      row.hidden = true;
      free.push(row);
    }
    for (let at = first; at < last; at += 1) {
      let row = shown.get(at);
      if (!row) {
        row = free.pop() ?? made();
        row.hidden = false;
        row.style.transform = `translateY(${at * rowHeight}px)`;
        shown.set(at, row);
      }
      patch(row, items[at], at);
    }
    if (last >= items.length - MORE) onEnd?.();
  }

  function made() {
    const row = make();
    row.classList.add('vrow');
    row.style.height = `${rowHeight}px`;
    rows.append(row);
    return row;
  }

  const soon = () => {
    frame ||= requestAnimationFrame(render);
  };
  element.addEventListener('scroll', soon, { passive: true });
  new ResizeObserver(soon).observe(element);

  return {
    element,
    show(next) {
      items = next;
      rows.style.height = `${items.length * rowHeight}px`;
      element.dataset.count = items.length;
      soon();
    },
  };
}
