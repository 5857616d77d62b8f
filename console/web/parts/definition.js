// The definition as it was written, each state marked with how it stands.

import { fill, h } from '../lib/dom.js';
import { copyButton } from '../lib/ui.js';

export function definitionView(definition, onSelect) {
  const text = JSON.stringify(definition, null, 2);
  const blocks = new Map();
  const pre = h('pre', { tabindex: '0', 'aria-label': 'Definition', data: { definition: '' } });
  fill(pre, split(text, definition).map(({ state, lines }) => {
    if (!state) return `${lines}\n`;
    const block = h('span', { class: 'def-state', data: { state }, on: { click: () => onSelect(state) } }, `${lines}\n`);
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

// The lines of each state of the outermost machine: JSON.stringify puts them at a depth of four spaces.
function split(text, definition) {
  const parts = [];
  let [state, lines] = [null, []];
  const end = () => {
    if (lines.length) parts.push({ state, lines: lines.join('\n') });
    [state, lines] = [null, []];
  };
  for (const line of text.split('\n')) {
    const name = Object.keys(definition.States).find((key) => line === `    ${JSON.stringify(key)}: {`);
    if (name !== undefined) {
      end();
      state = name;
    }
    lines.push(line);
    if (state !== null && /^ {4}\},?$/.test(line)) end();
  }
  end();
  return parts;
}
