// The panel that sends dead letters back: how fast, how many, a dry run, then the replay with its progress. One at a time;
// it goes on while other pages are looked at.

import { get } from './api.js';
import { fill, h, keyed, say, set } from './dom.js';
import { count, short } from './format.js';
import { follow } from './listing.js';
import { Replay, dryRun } from './replay.js';
import { action, badge, button, card, field, notice, since } from './ui.js';

// What this page drives, or drove last.
let current = null;

// The panel for these dead letters of a queue.
export async function replaying(queue, selection, signal) {
  const status = h('div', { class: 'stack', 'aria-live': 'polite' });
  const rate = h('input', { type: 'number', name: 'rate', min: 1, max: 10_000, value: 50, required: true });
  const max = h('input', { type: 'number', name: 'max', min: 1, placeholder: 'all' });
  const force = h('input', { type: 'checkbox', name: 'force' });
  const go = button('Replay', () => begin(), { tone: 'primary', sign: 'redo', disabled: true, data: { replay: '' } });
  const form = h(
    'form',
    { class: 'replay', data: { 'replay-form': '' } },
    field('Messages a second', rate),
    field('At most', max),
    h('label', { class: 'check' }, force, ' Also those that would be refused'),
    h('div', { class: 'actions' }, button('Dry run', null, { type: 'submit', data: { 'dry-run': '' } }), go),
  );
  const told = h('div');

  let foretold = null;
  const plan = () => {
    const given = Object.fromEntries(Object.entries(selection).filter(([, value]) => value));
    return {
      selection: given,
      rate: rate.valueAsNumber,
      max: max.valueAsNumber || undefined,
      force: force.checked || undefined,
    };
  };
  const forget = () => {
    foretold = null;
    go.disabled = true;
    say(go.lastChild, 'Replay');
    fill(told);
  };
  form.addEventListener('input', forget);
  form.addEventListener('submit', async (event) => {
    event.preventDefault();
    forget();
    const wanted = plan();
    const found = await dryRun(queue, wanted).catch((error) => ({ error }));
    if (found.error) return fill(told, notice('red', 'The dry run failed', h('p', {}, found.error.text)));
    const [replayed, refused] = [found.would_replay, sum(Object.values(found.would_refuse))];
    foretold = { plan: wanted, expected: replayed + refused };
    go.disabled = replayed === 0;
    say(go.lastChild, `Replay ${count(replayed)}`);
    fill(told, foretelling(queue, replayed, refused, found.would_refuse));
  });
  const show = () => fill(status, current && progress(current, signal));
  const begin = () => {
    current = Replay.begin(queue, foretold.plan, foretold.expected);
    forget();
    show();
  };
  const open = await interrupted(queue, show);
  show();
  status.append(...open);
  return card('Send them back', form, told, status);
}

const sum = (numbers) => numbers.reduce((all, number) => all + number, 0);

function foretelling(queue, replayed, refused, refusals) {
  const reasons = Object.entries(refusals).map(([why, times]) => h('li', {}, `${count(times)}: ${why}`));
  const told = notice(
    refused ? 'amber' : 'blue',
    `Dry run: ${count(replayed)} would go back into ${queue}, ${count(refused)} would be refused.`,
    reasons.length > 0 && h('ul', {}, reasons),
    h('p', {}, 'Nothing was done yet.'),
  );
  return set(told, { data: { foretold: replayed, refused } });
}

// How far a replay is, and what becomes of its orders.
function progress(replay, signal) {
  const bar = h('progress', { max: replay.expected ?? 1, value: 0, 'aria-label': 'Replayed' });
  const words = h('p');
  const stop = button('Stop', () => replay.stop(), { sign: 'stop', data: { stop: '' } });
  const orders = h('ul', { class: 'rows', data: { outcomes: '' } });
  const element = h('div', { class: 'stack', data: { run: '' } }, h('div', { class: 'replaying' }, bar, stop), words, orders);
  const tell = () => {
    const { done, refused, expected, isOver, failure, run } = replay;
    bar.value = isOver && !failure ? bar.max : done + refused;
    stop.hidden = isOver;
    Object.assign(element.dataset, { run: run?.id ?? '', done, refused, over: isOver });
    const of = expected ? ` of ${count(expected)}` : '';
    const end = failure
      ? ` Interrupted: ${failure.text ?? failure.message}`
      : isOver
        ? ` Over${replay.stopped ? ': stopped' : ''}.`
        : '';
    const why = [...replay.refusals].map(([note, times]) => ` ${count(times)}: ${note}.`).join('');
    say(words, `${count(done)}${of} sent back into ${replay.queue}, ${count(refused)} refused.${why}${end}`);
  };
  const outcomes = async () => {
    const ids = replay.orders;
    const found = await Promise.all(ids.map((id) => get(`/ops/orders/${id}`, null, { signal })));
    keyed(
      orders,
      found,
      (it) => it.order_id,
      (it) =>
        h(
          'li',
          {},
          h('a', { href: `/console/orders/${it.order_id}` }, h('span', { class: 'grow id' }, short(it.order_id)), h('span')),
        ),
      (row, it) => {
        if (row.dataset.status === it.status) return;
        Object.assign(row.dataset, { outcome: it.order_id, status: it.status });
        fill(row.firstElementChild.lastElementChild, badge(it.status));
      },
    );
  };
  replay.addEventListener('progress', tell, { signal });
  replay.addEventListener(
    'over',
    () => {
      tell();
      outcomes().catch(() => {});
    },
    { signal },
  );
  tell();
  follow(outcomes, signal);
  outcomes().catch(() => {});
  return element;
}

// Replays that were begun and not seen through: by a page that was closed, by a terminal that was killed.
async function interrupted(queue, show) {
  const { items } = await get('/ops/runs', { limit: 20 });
  const isOpen = (run) => run.action === 'replay' && run.queue === queue && !run.finished_at && run.id !== current?.run?.id;
  return items.filter(isOpen).map((run) =>
    notice(
      'amber',
      'A replay is not finished',
      h('p', {}, `${run.id} by ${run.by}, begun `, since(run.at), ': it was interrupted, or somebody is still at it.'),
      Replay.canResume(run)
        ? action(
            'Go on with it',
            () => {
              current = Replay.resume(run);
              show();
            },
            { data: { resume: run.id } },
          )
        : h('code', {}, `orderflow dlq replay --resume ${run.id}`),
    ),
  );
}
