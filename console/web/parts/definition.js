// The definition as it was written, each state marked with how it stands.

import { fill, h } from '../lib/dom.js';
import { copyButton } from '../lib/ui.js';

export function definitionView(definition, onSelect) {
  const text = JSON.stringify(definition, null, 2);
  const blocks = new Map();
  const pre = h('pre', { tabindex: '0', 'aria-label': 'Definition', data: { definition: '' } });
  fill(pre, written(definition, 'machine', '', (state, parts) => {
    const choose = (event) => {
      event.stopPropagation(); // it may be a branch's, inside of another
      onSelect(state);
    };
    const block = h('span', { class: 'def-state', data: { state }, on: { click: choose } }, parts);
    blocks.set(state, block);
    return block;
  }));
  return {
    element: h('div', { class: 'code' }, pre, copyButton(text, 'Copy the definition')),
    show(states) {
      for (const [name, block] of blocks) {
        block.dataset.status = states[name]?.status ?? '';
        const isCurrent = ['running', 'retrying'].includes(states[name]?.status);
        if (isCurrent) block.setAttribute('aria-current', 'step');
        else block.removeAttribute('aria-current');
      }
    },
    select(name) {
      for (const [state, block] of blocks) block.toggleAttribute('data-selected', state === name);
      const block = blocks.get(name);
      if (block && pre.isConnected) pre.scrollTop = block.offsetTop - pre.offsetTop - 40;
    },
  };
}

// As JSON.stringify(…, null, 2) writes it, with each state, of branches too, given to `block`.
function written(value, kind, pad, block) {
  if (value === null || typeof value !== 'object' || !Object.keys(value).length) return [JSON.stringify(value)];
  const [open, close] = Array.isArray(value) ? '[]' : '{}';
  const inner = `${pad}  `;
  const entries = Object.entries(value).map(([key, it], at, all) => {
    const name = open === '{' ? `${JSON.stringify(key)}: ` : '';
    const parts = [inner, name, ...written(it, held(kind, key), inner, block), at + 1 < all.length ? ',\n' : '\n'];
    return kind === 'states' ? [block(key, parts)] : parts;
  });
  return [open, '\n', ...entries.flat(), pad, close];
}

// What a field of the language holds.
function held(kind, key) {
  if (kind === 'states') return 'state';
  if (kind === 'machines') return 'machine';
  if (kind === 'machine' && key === 'States') return 'states';
  if (kind === 'state' && key === 'Branches') return 'machines';
  return kind === 'state' && (key === 'ItemProcessor' || key === 'Iterator') ? 'machine' : null;
}
