// The parts that pages are made of. Their looks are in console.css.

import { post } from './api.js';
import { fill, h, say } from './dom.js';
import { ago, escaped, fullTime, masked } from './format.js';
import { icon } from './icons.js';

// What a status means to whoever is on call.
const TONES = {
  RUNNING: 'blue', SUCCEEDED: 'green', FAILED: 'red', TIMED_OUT: 'red', ABORTED: 'grey', PENDING_REDRIVE: 'amber',
  accepted: 'grey', reserved: 'blue', paid: 'blue', confirmed: 'green', rejected: 'orange',
};
const SIGNS = { blue: 'running', green: 'check', red: 'cross', grey: 'stop', amber: 'clock', orange: 'redo' };
const WORDS = { TIMED_OUT: 'Timed out', 'timed-out': 'Timed out', ABORTED: 'Stopped', PENDING_REDRIVE: 'Redrive pending' };

// A status: colour, sign and word.
export function badge(status, { tone, text, sign } = {}) {
  const is = tone ?? TONES[status] ?? 'grey';
  const words = text ?? WORDS[status] ?? status[0].toUpperCase() + status.slice(1).toLowerCase();
  return h('span', { class: 'badge', data: { tone: is, status } }, icon(sign ?? SIGNS[is] ?? 'stop'), words);
}

// The head of a page.
export function heading(title, { sub, actions } = {}) {
  return h('header', { class: 'heading' },
    h('div', {}, h('h1', { tabindex: '-1' }, title), sub && h('p', { class: 'sub' }, sub)),
    actions && h('div', { class: 'actions' }, actions));
}

export function card(title, ...children) {
  return h('section', { class: 'card' }, title && h('h2', {}, title), children);
}

export function button(text, listener, { tone, sign, data, title, type = 'button', disabled } = {}) {
  return h('button', { class: `btn ${tone ?? ''}`.trim(), type, data, title, disabled, on: listener ? { click: listener } : {} },
    sign && icon(sign), text);
}

// A button that works: it can't be pressed twice, and what goes wrong is told.
export function action(text, work, options) {
  const element = button(text, async () => {
    if (element.disabled) return;
    element.disabled = true;
    try {
      await work();
    } catch (error) {
      if (error.name !== 'AbortError') toast(error.text ?? error.message, 'red');
    } finally {
      element.disabled = false;
    }
  }, options);
  return element;
}

// A time that stays true: the words are renewed, the exact time is in the title.
export function since(at) {
  if (!at) return h('span', { class: 'muted' }, '–');
  return h('time', { datetime: at, title: fullTime(at), data: { since: '' } }, ago(at));
}
setInterval(() => {
  for (const element of document.querySelectorAll('time[data-since]')) say(element, ago(element.dateTime));
}, 1000);

export function copyButton(text, label = 'Copy') {
  const element = button('', async () => {
    await navigator.clipboard.writeText(typeof text === 'function' ? text() : text);
    fill(element, icon('check'));
    setTimeout(() => fill(element, icon('copy')), 1500);
    announce('Copied');
  }, { tone: 'icon-only', sign: 'copy', title: label, data: { copy: '' } });
  element.setAttribute('aria-label', label);
  return element;
}

// Text as code, with a button that copies it. What would steer its direction is escaped, so that it reads as it is.
export function code(text, { label = 'Copy', wrap = false } = {}) {
  return h('div', { class: 'code', data: { wrap: wrap ? '' : null } }, h('pre', { tabindex: '0' }, escaped(text)), copyButton(text, label));
}

export const json = (value, options) => code(typeof value === 'string' ? value : JSON.stringify(value, null, 2), options);

// What to see where there is nothing yet.
export function empty(title, text, ...more) {
  return h('div', { class: 'empty', data: { empty: '' } }, h('h2', {}, title), text && h('p', {}, text), more);
}

export function notice(tone, title, ...children) {
  return h('div', { class: 'notice', role: tone === 'red' ? 'alert' : 'status', data: { tone } }, title && h('strong', {}, title), children);
}

// Names and values.
export function facts(pairs) {
  const shown = pairs.filter(([, value]) => value !== null && value !== undefined && value !== '' && value !== false);
  return h('dl', { class: 'facts' }, shown.map(([name, value]) => [h('dt', {}, name), h('dd', {}, value)]));
}

// tabs([['steps', 'Steps', () => element], …], {selected, onSelect})
export function tabs(entries, { selected, label, onSelect } = {}) {
  const panel = h('div', { class: 'tabpanel', role: 'tabpanel', tabindex: '0' });
  const list = h('div', { class: 'tabs', role: 'tablist', 'aria-label': label });
  const select = (name, focus) => {
    const entry = entries.find((it) => it[0] === name) ?? entries[0];
    for (const tab of list.children) {
      const is = tab.dataset.tab === entry[0];
      tab.setAttribute('aria-selected', String(is));
      tab.tabIndex = is ? 0 : -1;
      if (is && focus) tab.focus();
    }
    panel.dataset.panel = entry[0];
    panel.setAttribute('aria-label', entry[1]);
    fill(panel, entry[2]());
    onSelect?.(entry[0]);
  };
  for (const [name, text] of entries) {
    list.append(h('button', { type: 'button', role: 'tab', class: 'tab', data: { tab: name }, on: { click: () => select(name) } }, text));
  }
  list.addEventListener('keydown', (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    const at = entries.findIndex((it) => it[0] === panel.dataset.panel);
    select(entries[(at + step + entries.length) % entries.length][0], true);
  });
  select(selected);
  return { element: h('div', {}, list, panel) };
}

// Asks before something is done. `work(form)` does it; what it throws is shown in the dialog.
export function dialog({ title, text, fields = [], confirm = 'OK', tone = 'primary', data, work }) {
  const fault = h('p', { class: 'fault', role: 'alert' });
  const submit = button(confirm, null, { tone, type: 'submit', data: { confirm: '' } });
  const form = h('form', { method: 'dialog' },
    h('h2', { id: 'dialog-title' }, title), text && h('p', {}, text), fields, fault,
    h('div', { class: 'actions' }, button('Cancel', () => element.close(), { data: { cancel: '' } }), submit));
  const element = h('dialog', { 'aria-labelledby': 'dialog-title', data, on: { close: () => element.remove() } }, form);
  form.addEventListener('submit', async (event) => {
    event.preventDefault();
    submit.disabled = true;
    try {
      await work(new FormData(form));
      element.close();
    } catch (error) {
      say(fault, error.text ?? error.message);
    } finally {
      submit.disabled = false;
    }
  });
  document.body.append(element);
  element.showModal();
  return element;
}

export function field(label, control, { hint } = {}) {
  return h('label', { class: 'field' }, h('span', {}, label), control, hint && h('small', {}, hint));
}

export function select(options, { value, name, label, on, data } = {}) {
  const element = h('select', { name, 'aria-label': label, data, on },
    options.map(([key, text]) => h('option', { value: key }, text)));
  element.value = value ?? options[0]?.[0] ?? '';
  return element;
}

// Whoever it is, in whatever direction their name is written.
const named = ({ name, email }) => [name && [h('bdi', {}, name), ' '], `<${email}>`];

// Personal data, hidden until somebody asks; asking is written down by the service (`POST /ops/orders/{id}/reveal`).
export function personal(orderId, hint, shown = named) {
  const element = h('span', { class: 'personal', data: { masked: '' } }, h('span', {}, masked(hint) || '•••'));
  const reveal = action('', async () => {
    const found = await post(`/ops/orders/${encodeURIComponent(orderId)}/reveal`, {});
    delete element.dataset.masked;
    fill(element, shown(found));
    announce('Revealed; this was written into the audit log');
  }, { tone: 'icon-only', sign: 'eye', title: 'Reveal (this is logged)', data: { reveal: '' } });
  reveal.setAttribute('aria-label', 'Reveal personal data; this is logged');
  element.append(reveal);
  return element;
}

const toasts = h('div', { class: 'toasts', 'aria-live': 'polite' });
const spoken = h('div', { class: 'sr-only', 'aria-live': 'polite' });
document.body.append(toasts, spoken);

export function toast(text, tone = 'green', more) {
  const element = h('div', { class: 'toast', data: { tone, toast: '' } }, text, more && ' ', more);
  toasts.append(element);
  setTimeout(() => element.remove(), 6000);
}

// For those who listen.
export function announce(text) {
  spoken.textContent = '';
  requestAnimationFrame(() => {
    spoken.textContent = text;
  });
}
