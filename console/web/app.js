// The frame around the pages: who is asking, where one can go, how the connection is.

import { get, post, del, session } from './lib/api.js';
import { fill, h, say } from './lib/dom.js';
import { count, time } from './lib/format.js';
import { icon } from './lib/icons.js';
import { live } from './lib/live.js';
import { loadCurrencies } from './lib/money.js';
import * as router from './lib/router.js';
import { button, field, toast } from './lib/ui.js';
import { ROUTES } from './routes.js';

// What the service told of itself; pages read it.
export let here = null;

async function boot() {
  const found = await get('/console/session');
  if (!found.by) return signIn();
  here = found;
  await loadCurrencies();
  frame(found);
  live.start(found.platform.events);
}

function frame({ by, signed_in: signedIn, platform }) {
  const main = h('main', { id: 'main', tabindex: '-1' });
  const links = ROUTES.filter(({ nav }) => nav && (nav.where?.(platform) ?? true)).map(({ path, nav }) => {
    const href = path ? `/console/${path}` : '/console';
    return h('a', { href, data: { nav: path || 'overview' } }, icon(nav.icon), h('span', {}, nav.text), h('span', { class: 'tally', data: { tally: path } }));
  });
  const state = h('div', { class: 'live', role: 'status', data: { live: live.state } }, h('i'), h('span'));
  const nav = h('nav', { class: 'nav', 'aria-label': 'Console' },
    h('a', { class: 'brand', href: '/console' }, h('img', { src: '/console/assets/icon.svg', alt: '', width: 24, height: 24 }), h('b', {}, 'Orderflow')),
    h('div', { class: 'links' }, links),
    h('div', { class: 'foot' },
      state,
      h('div', { class: 'who' }, h('span', { title: platform.name }, signedIn ? by : platform.name),
        signedIn && button('Sign out', signOut, { tone: 'link', data: { 'sign-out': '' } }))));
  fill(document.body, h('a', { class: 'skip', href: '#main' }, 'To the content'), nav, main, ...document.querySelectorAll('.toasts, .sr-only'));

  const tell = () => {
    state.dataset.live = live.state;
    const words = { connecting: 'Connecting…', live: 'Live', polling: 'Live, every 5 s', off: 'Signed out' };
    say(state.lastElementChild, words[live.state] ?? `Stale since ${time(live.since)}; reconnecting…`);
  };
  live.listen('state', tell);
  tell();
  live.listen('queues', (queues) => {
    const dead = queues.filter((it) => it.queue.endsWith('-dlq')).reduce((sum, it) => sum + it.visible + it.in_flight + it.delayed, 0);
    const tally = nav.querySelector('[data-tally="dead-letters"]');
    if (!tally) return;
    say(tally, dead ? count(dead) : '');
    tally.toggleAttribute('data-alarm', dead > 0);
  });
  router.start(main, (pathname) => {
    for (const link of links) {
      const is = link.pathname === pathname || (link.pathname !== '/console' && pathname.startsWith(`${link.pathname}/`));
      if (is) link.setAttribute('aria-current', 'page');
      else link.removeAttribute('aria-current');
    }
  });
}

function signIn(why) {
  router.stop();
  const key = h('input', { type: 'password', name: 'key', autocomplete: 'current-password', required: true, spellcheck: 'false' });
  const fault = h('p', { class: 'fault', role: 'alert' }, why);
  const form = h('form', { class: 'card', data: { 'sign-in': '' } },
    h('img', { src: '/console/assets/icon.svg', alt: '', width: 40, height: 40 }),
    h('h1', {}, 'Orderflow'),
    h('p', {}, 'Enter an API key with the scope ', h('code', {}, 'ops'), '. It is sent once; the session ends with the browser’s cookie, after 12 hours at most.'),
    field('API key', key), fault, button('Sign in', null, { tone: 'primary', type: 'submit' }));
  form.addEventListener('submit', async (event) => {
    event.preventDefault();
    try {
      await post('/console/session', { key: key.value });
      location.reload();
    } catch (error) {
      say(fault, error.status === 403 ? 'This key has not the scope ops.' : error.text);
      key.select();
    }
  });
  fill(document.body, h('main', { class: 'sign-in' }, form), ...document.querySelectorAll('.toasts, .sr-only'));
  document.title = 'Sign in · Orderflow';
  key.focus();
}

async function signOut() {
  await del('/console/session').catch((error) => toast(error.text, 'red'));
  location.reload();
}

session.addEventListener('over', () => {
  if (here) {
    here = null;
    signIn('The session is over.');
  }
});

boot().catch((error) => {
  fill(document.body, h('main', { class: 'sign-in' }, h('div', { class: 'notice', role: 'alert', data: { tone: 'red' } }, error.text ?? error.message)));
});
