// A drawing of the state machine that stays true: the SVG is loaded once, then its faces are patched into it by id. What a
// drawing has in it is said in console/graph/src/svg.

import { drawing, get } from './api.js';
import { set } from './dom.js';
import { duration } from './format.js';
import { live } from './live.js';

// The service counts executions so often at most, in milliseconds.
const COUNTED = 1_000;

// draw(container, {picture, faces, signal, onSelect}) gives {refresh, select}: `refresh` asks for the faces again.
export async function draw(container, { picture, faces, signal, onSelect }) {
  const svg = await drawing(picture, signal);
  container.replaceChildren(svg);
  if (onSelect) makeSelectable(svg, onSelect);
  // What changed since the service counted last is asked for again, once it counts anew.
  let [changed, late] = [0, null];
  live.listen('change', ({ at }) => {
    changed = Date.parse(at);
  }, signal);
  const refresh = async () => {
    clearTimeout(late);
    const answer = await get(faces, null, { signal });
    patch(svg, answer.faces);
    if (Date.parse(answer.at) < changed) late = setTimeout(() => refresh().catch(() => {}), COUNTED);
    return answer;
  };
  const timer = setInterval(() => tick(svg), 1000);
  signal?.addEventListener('abort', () => clearInterval(timer));
  return { refresh, select: (name) => mark(svg, name) };
}

function patch(svg, faces) {
  set(svg, { data: faces.data });
  put(svg.querySelector('.caption'), faces.caption);
  put(svg.querySelector('#asl-title'), faces.title);
  put(svg.querySelector('#asl-description'), faces.description);
  svg.skew = faces.data['as-of'] ? Date.now() - Date.parse(faces.data['as-of']) : 0;
  for (const face of faces.nodes) state(svg.querySelector(`#${CSS.escape(face.id)}`), face);
  for (const face of faces.edges) edge(svg.querySelector(`#${CSS.escape(face.id)}`), face);
}

function state(group, face) {
  if (!group) return;
  set(group, { data: face.data });
  put(group.querySelector(':scope > title'), face.title);
  put(group.querySelector('.detail'), face.detail);
  put(group.querySelector('.clock > text'), face.clock ?? '');
  const use = group.querySelector('.icon');
  if (use && use.getAttribute('href') !== `#asl-${face.icon}`) use.setAttribute('href', `#asl-${face.icon}`);
  const badge = group.querySelector('.badge');
  if (!badge) return;
  const { text, width } = face.badge ?? { text: '', width: 0 };
  const [rect, label] = badge.children;
  rect.setAttribute('x', -width);
  rect.setAttribute('width', width);
  label.setAttribute('x', -width / 2);
  put(label, text);
}

function edge(group, face) {
  if (!group) return;
  const was = group.dataset.taken;
  set(group, { data: face.data });
  put(group.querySelector('.note'), face.note ?? '');
  // What was taken lies on what was not.
  if (face.data.taken === 'true' && was === 'false') [...group.parentNode.querySelectorAll('.edge')].at(-1).after(group);
}

// Between two looks at the service, time goes on: what is under way gets longer, what times out comes nearer.
function tick(svg) {
  const now = Date.now() - (svg.skew ?? 0);
  for (const group of svg.querySelectorAll('.state[data-since], .state[data-times-out]')) {
    const { since, timesOut } = group.dataset;
    const detail = group.querySelector('.detail');
    if (since && detail.textContent.includes(' · ')) {
      put(detail, detail.textContent.replace(/ · [^·]*$/, ` · ${duration(now - Date.parse(since))}`));
    }
    if (timesOut) put(group.querySelector('.clock > text'), `${duration(Date.parse(timesOut) - now)} left`);
  }
}

function put(element, text) {
  if (element && element.textContent !== text) element.textContent = text;
}

// The states become buttons, for the mouse and for the keyboard. Their names are their titles.
function makeSelectable(svg, onSelect) {
  svg.setAttribute('role', 'group');
  for (const group of svg.querySelectorAll('.state')) {
    group.setAttribute('tabindex', '0');
    group.setAttribute('role', 'button');
    group.addEventListener('click', () => onSelect(group.dataset.state));
    group.addEventListener('keydown', (event) => {
      if (event.key !== 'Enter' && event.key !== ' ') return;
      event.preventDefault();
      onSelect(group.dataset.state);
    });
  }
}

function mark(svg, name) {
  for (const group of svg.querySelectorAll('.state')) {
    group.toggleAttribute('data-selected', group.dataset.state === name);
  }
}
