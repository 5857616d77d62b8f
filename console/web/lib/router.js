// Which page an address shows. A page is a module (`pages/*.js`) with
//
//   export const title = 'Queues';
//   export async function mount(page) { … }
//
// where `page` is {root, params, query, signal, go, setTitle, setQuery}. `signal` is aborted when the reader leaves: give it to
// every fetch, listener and timer. What mount throws is shown in the page's place.

import { ROUTES } from '../routes.js';
import { fill, h } from './dom.js';

const HOME = '/console';

const routes = ROUTES.map(({ path, load }) => ({ parts: path.split('/'), load }));

function match(pathname) {
  const parts = pathname.slice(HOME.length).split('/').filter(Boolean);
  if (parts.length === 0) parts.push('');
  for (const route of routes) {
    if (route.parts.length !== parts.length) continue;
    const params = {};
    const fits = route.parts.every((part, at) => {
      if (!part.startsWith(':')) return part === parts[at];
      params[part.slice(1)] = decodeURIComponent(parts[at]);
      return true;
    });
    if (fits) return { load: route.load, params };
  }
  return null;
}

let leave = null;
let outlet = null;
let told = () => {};

// Shows the page of the present address in `element`, and of every next one; `onPage` hears of each.
export function start(element, onPage) {
  [outlet, told] = [element, onPage];
  addEventListener('popstate', show);
  document.addEventListener('click', (event) => {
    const link = event.target.closest?.('a[href]');
    const isPlain = event.button === 0 && !event.metaKey && !event.ctrlKey && !event.shiftKey && !event.altKey;
    if (!link || !isPlain || event.defaultPrevented || link.target || link.hasAttribute('download')) return;
    if (link.origin !== location.origin || !(link.pathname === HOME || link.pathname.startsWith(`${HOME}/`))) return;
    event.preventDefault();
    go(link.pathname + link.search);
  });
  show();
}

export function go(address, { replace = false } = {}) {
  history[replace ? 'replaceState' : 'pushState'](null, '', address);
  show();
}

export function stop() {
  leave?.abort();
  leave = null;
}

async function show() {
  leave?.abort();
  leave = new AbortController();
  const { signal } = leave;
  const root = h('div', { class: 'page' });
  const setTitle = (title) => {
    document.title = title ? `${title} · Orderflow` : 'Orderflow';
  };
  const setQuery = (query) => {
    const given = Object.entries(query).filter(([, value]) => value !== null && value !== undefined && value !== '');
    const search = given.length ? `?${new URLSearchParams(given)}` : '';
    history.replaceState(null, '', location.pathname + search);
  };
  const query = Object.fromEntries(new URLSearchParams(location.search));
  try {
    const found = match(location.pathname);
    if (!found) throw new Error('There is no such page.');
    const module = await found.load();
    if (signal.aborted) return;
    setTitle(module.title);
    fill(outlet, root);
    outlet.scrollTo?.(0, 0);
    scrollTo(0, 0);
    told(location.pathname);
    await module.mount({ root, params: found.params, query, signal, go, setTitle, setQuery });
    root.dataset.ready = 'true';
  } catch (error) {
    if (signal.aborted || error.name === 'AbortError') return;
    fill(outlet, root);
    told(location.pathname);
    fill(
      root,
      h('div', { class: 'notice', role: 'alert', data: { tone: 'red', error: error.status ?? 'page' } },
        h('strong', {}, error.status === 404 ? 'Not found' : 'This page can’t be shown'),
        h('p', {}, error.text ?? error.message),
        h('p', {}, h('a', { href: HOME }, 'To the overview'))),
    );
  }
}
