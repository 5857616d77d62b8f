// What stands in an empty list: what would be here, a button that fills it, and the command that does the same.

import { here } from '../app.js';
import { h } from './dom.js';
import { SAMPLES, body, curl, place } from './samples.js';
import { action, code, empty } from './ui.js';

// `sample` names one of the samples.
export function teach(title, text, sample = 'confirmed') {
  const [, words, method] = SAMPLES.find(([name]) => name === sample);
  const command = h('div', { data: { curl: '' } });
  const send = action(
    `Post: ${words[0].toLowerCase()}${words.slice(1)}`,
    () => place(method),
    { tone: 'primary', sign: 'play', data: { sample } },
  );
  // Without a product there is nothing to order; the button says so, too.
  if (here.platform.api)
    body(method).then(
      (order) => command.append(code(curl(order), { label: 'Copy the command', wrap: true })),
      () => {},
    );
  return empty(title, text, here.platform.api && [h('p', {}, send), command]);
}
