// One execution: what failed and why, its path through the graph, each step, the timeline, every event, its definition.

import { here } from '../app.js';
import { get, post } from '../lib/api.js';
import { allStates } from '../lib/asl.js';
import { fill, h, say } from '../lib/dom.js';
import { count, duration, pretty, time } from '../lib/format.js';
import { draw } from '../lib/graph.js';
import { visits } from '../lib/history.js';
import { icon } from '../lib/icons.js';
import { live, throttled } from '../lib/live.js';
import { action, badge, button, code, copyButton, dialog, facts, field, json, notice, since, tabs, toast } from '../lib/ui.js';
import { definitionView } from '../parts/definition.js';
import { eventTable } from '../parts/events.js';
import { timeline } from '../parts/timeline.js';

export const title = 'Execution';

const AGAIN = 250; // the history is read again so often at most

export async function mount({ root, params, query, signal, setTitle, setQuery }) {
  const { name } = params;
  const path = `/ops/executions/${encodeURIComponent(name)}`;
  const api = `/console/api/executions/${encodeURIComponent(name)}`;
  setTitle(name);
  const [execution, definition] = await Promise.all([get(path, null, { signal }), get(`${api}/definition`, null, { signal })]);
  // What is shown; `now` and `history` are read again whenever it goes on. `step` follows it until one is chosen.
  const shown = { execution, definition, now: null, history: [], visits: [], order: null, tab: query.tab ?? null,
    chosen: query.step ?? null, step: null };

  const status = h('span', { data: { execution: name } });
  const verdict = h('div', { data: { verdict: '' } });
  const about = h('div');
  const actions = h('div', { class: 'actions' });
  const graph = h('div', { class: 'graph', data: { graph: 'execution' } });
  const step = h('section', { class: 'card', 'aria-label': 'Step', data: { step: '' } });
  const views = { events: eventTable(), timeline: timeline(select), definition: definitionView(definition, select), io: h('div') };
  const tabbed = tabs([
    ['timeline', 'Timeline', () => views.timeline.element],
    ['events', 'Events', () => views.events.element],
    ['definition', 'Definition', () => views.definition.element],
    ['io', 'Input and output', () => views.io],
  ], { selected: query.tab, label: 'Views', onSelect: (tab) => {
    shown.tab = tab === 'timeline' ? null : tab;
    setQuery({ step: shown.chosen, tab: shown.tab });
  } });

  fill(root,
    h('header', { class: 'heading' },
      h('div', {}, h('nav', { class: 'crumbs', 'aria-label': 'Where this is' }, h('a', { href: '/console/executions' }, 'Executions')),
        h('div', { class: 'row' }, h('h1', { class: 'mono', tabindex: '-1' }, name), copyButton(name, 'Copy the id'), status), about),
      actions),
    verdict,
    h('div', { class: 'split graph-and-step' }, h('section', { class: 'card graph-card', 'aria-label': 'Graph' }, graph), step,
      h('section', { class: 'card', 'aria-label': 'Details' }, tabbed.element)));

  const drawn = await draw(graph, { picture: `${api}/graph.svg?theme=external`, faces: `${api}/graph`, signal, onSelect: select });

  async function read() {
    const [now, history, order, summary] = await Promise.all([
      drawn.refresh(), get(`${path}/history`, null, { signal }),
      get(`/ops/orders/${encodeURIComponent(name)}`, null, { signal }).catch(() => null), get(path, null, { signal })]);
    Object.assign(shown, { now, history, order, execution: summary, visits: visits(history) });
    show();
  }

  function show() {
    const { execution: is, now, history } = shown;
    fill(status, badge(is.status));
    const took = (is.stopped_at ? Date.parse(is.stopped_at) : Date.now()) - Date.parse(is.started_at);
    fill(about, h('p', { class: 'sub' }, 'Started ', since(is.started_at), is.stopped_at ? ` · took ${duration(took)}` : ` · running for ${duration(took)}`,
      ` · ${count(history.length)} events`, shown.order && [' · order ', h('a', { href: `/console/orders/${name}` }, shown.order.status), shown.order.reason && ` (${shown.order.reason})`]));
    fill(verdict, judge(shown));
    fill(actions, act(shown, path, read));
    shown.step = now.execution.states[shown.chosen] ? shown.chosen : interesting(now.execution);
    showStep();
    views.timeline.show(shown.visits, is);
    views.events.show(history, Date.parse(is.started_at));
    views.definition.show(now.execution.states);
    if (views.io.dataset.events !== String(history.length)) fill(views.io, io(shown));
    views.io.dataset.events = history.length;
  }

  function showStep() {
    drawn.select(shown.step);
    views.definition.select(shown.step);
    stepPanel(step, shown);
  }

  function select(state) {
    shown.chosen = shown.step = state;
    setQuery({ step: state, tab: shown.tab });
    showStep();
  }

  const again = throttled(read, AGAIN);
  live.listen('change', (change) => {
    // A dead letter doesn't say whose it is; of an execution that is over it can't be.
    const ours = change.name === name || change.order_id === name;
    if (ours || (change.change === 'dead_letter' && shown.execution.status === 'RUNNING')) again();
  }, signal);
  live.listen('snapshot', again, signal);
  const timer = setInterval(() => countdowns(root), 1000);
  signal.addEventListener('abort', () => clearInterval(timer));
  await read();
}

// The state a reader wants to see first: the one that failed, or where it is, or where it ended.
function interesting({ states }) {
  const entered = Object.entries(states).filter(([, it]) => it.entered).sort(([, a], [, b]) => Date.parse(a.entered) - Date.parse(b.entered));
  const of = (...wanted) => entered.find(([, it]) => wanted.includes(it.status))?.[0];
  return of('failed', 'timed-out') ?? of('running', 'retrying') ?? of('caught', 'aborted') ?? entered.at(-1)?.[0] ?? Object.keys(states)[0];
}

// Which step failed, and why, in a line or two.
function judge({ now, visits: all, order, execution }) {
  const states = now.execution.states;
  const dead = order?.dead_letters ?? [];
  const cause = (name) => all.findLast((it) => it.name === name && (it.cause || it.error));
  const because = (visit) => visit?.cause && h('div', { class: 'row cause' }, h('span', {}, visit.cause), copyButton(`${visit.error ?? ''}: ${visit.cause}`, 'Copy the cause'));
  if (dead.length) {
    const [queue, letter] = dead[0];
    return notice('red', `${letter.cause.step ?? queue} waits for you: its message is a dead letter (${letter.cause.error})`,
      h('div', { class: 'row cause' }, h('span', {}, letter.cause.cause), copyButton(`${letter.cause.error}: ${letter.cause.cause}`, 'Copy the cause')),
      h('p', {}, h('a', { href: `/console/dead-letters/${queue}?order=${execution.name}`, data: { 'to-letter': letter.message_id } }, 'Look at it and replay it')));
  }
  const failed = Object.keys(states).find((name) => ['failed', 'timed-out'].includes(states[name].status));
  if (execution.status === 'FAILED' || execution.status === 'TIMED_OUT') {
    return notice('red', failed ? `${failed} failed: ${states[failed].error ?? execution.error ?? 'no error was given'}` : now.execution.text, because(cause(failed)));
  }
  if (execution.status === 'ABORTED') {
    const stopped = Object.keys(states).find((name) => states[name].status === 'aborted');
    return notice('grey', `Stopped${stopped ? ` in ${stopped}` : ''}${execution.error ? `: ${execution.error}` : ''}`);
  }
  const caught = Object.keys(states).filter((name) => states[name].status === 'caught');
  if (caught.length) {
    const first = caught.sort((a, b) => Date.parse(states[a].left) - Date.parse(states[b].left))[0];
    const undone = all.filter((it) => it.name !== first && Date.parse(it.entered) >= Date.parse(states[first].left)).map((it) => it.name);
    return notice('orange', `${first} failed: ${states[first].error ?? 'no error was given'}`, because(cause(first)),
      undone.length ? h('p', {}, 'Then: ', [...new Set(undone)].join(' → '), order ? `. The order is ${order.status}.` : '.') : null);
  }
  const at = Object.keys(states).filter((name) => ['running', 'retrying'].includes(states[name].status));
  if (execution.status === 'RUNNING') {
    const retrying = at.find((name) => states[name].attempts > 1);
    return notice(retrying ? 'amber' : 'blue', `In ${at.join(', ') || '…'}${retrying ? `, try ${states[retrying].attempts}` : ''}`, because(retrying && cause(retrying)));
  }
  return notice('green', order ? `Nothing failed. The order is ${order.status}.` : 'Nothing failed.');
}

function act({ execution, definition, history }, path, read) {
  const { name, status } = execution;
  const isOver = status !== 'RUNNING' && status !== 'PENDING_REDRIVE';
  return [
    isOver ? null : button('Stop…', () => stop(path, read), { tone: 'danger', sign: 'stop', data: { act: 'stop' } }),
    isOver && status !== 'SUCCEEDED' ? action('Redrive', async () => {
      await post(`${path}/redrive`);
      toast('Redriven: it goes on from the state that did not succeed.');
      await read();
    }, { tone: 'primary', sign: 'redo', data: { act: 'redrive' } }) : null,
    button('Copy ARN', async () => {
      await navigator.clipboard.writeText(here.platform.execution_arn + name);
      toast('Copied.');
    }, { sign: 'copy', data: { act: 'copy-arn' } }),
    button('Export JSON', () => save(`${name}.json`, { execution, definition, history }), { sign: 'download', data: { act: 'export' } }),
  ];
}

function stop(path, read) {
  const compensate = h('input', { type: 'checkbox', name: 'compensate', checked: true });
  dialog({
    title: 'Stop this execution?',
    text: 'It ends as it is and goes on no more. Undoing runs its compensations: what was charged is refunded, what was reserved is released.',
    fields: [field('Why', h('input', { name: 'cause', required: true, maxlength: '1000', value: 'Stopped in the console' }), { hint: 'It stands in the history.' }),
      h('label', { class: 'row' }, compensate, 'Undo what its steps did')],
    confirm: 'Stop it', tone: 'danger', data: { dialog: 'stop' },
    work: async (form) => {
      await post(`${path}/stop`, { cause: form.get('cause'), compensate: form.has('compensate') });
      toast('Stopped.');
      await read();
    },
  });
}

function save(name, data) {
  const url = URL.createObjectURL(new Blob([JSON.stringify(data, null, 2)], { type: 'application/json' }));
  h('a', { href: url, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}

// A step in full: how it stands, what went in, what came out, each try.
function stepPanel(panel, { step, now, visits: all, order, execution, definition }) {
  const stamp = JSON.stringify([step, now.execution.states[step], execution.next_timer, order?.dead_letters?.length]);
  if (panel.dataset.stamp === stamp) return;
  panel.dataset.stamp = stamp;
  panel.dataset.step = step;
  const state = now.execution.states[step];
  const mine = all.filter((it) => it.name === step);
  const last = mine.at(-1);
  const tones = { succeeded: 'green', running: 'blue', retrying: 'amber', caught: 'orange', failed: 'red', 'timed-out': 'red', aborted: 'grey', pending: 'grey' };
  const sent = last?.attempts.at(-1)?.parameters;
  const queue = sent && queueOf(sent);
  const dead = (order?.dead_letters ?? []).filter(([, letter]) => letter.cause.step === step);
  const due = heartbeatDue(execution, state, definition);
  fill(panel,
    h('div', { class: 'row' }, h('h2', { class: 'grow' }, step), badge(state.status, { tone: tones[state.status] })),
    h('p', { class: 'muted' }, new Map(allStates(definition)).get(step)?.Comment ?? null),
    facts([
      ['Entered', last && time(last.entered)],
      ['Time spent', state.visits > 0 && duration(state.spent_ms)],
      ['Tries', state.attempts > 0 && count(state.attempts)],
      ['Visits', state.visits > 1 && count(state.visits)],
      ['Times out', state.times_out && h('span', { data: { countdown: state.times_out } })],
      ['Heartbeat', state.heartbeat_seconds && [due && h('span', { data: { heartbeat: due, countdown: due } }), due && ', ',
        `every ${duration(state.heartbeat_seconds * 1000)} at the latest`]],
      ['Message', queue && h('a', { href: '/console/queues' }, `queue ${queue}`)],
      ['Dead letter', dead.length > 0 && dead.map(([name, letter]) => h('a', { href: `/console/dead-letters/${name}?order=${execution.name}` }, letter.cause.error))],
      ['Order', h('a', { href: `/console/orders/${execution.name}` }, order ? `${order.status}${order.reason ? ` (${order.reason})` : ''}` : 'look')],
      ['Mail', here.platform.mailbox && /Confirmation|Notify/.test(step) && last?.left && h('a', { href: `/console/mailbox?order=${execution.name}` }, 'as it was mailed')],
    ]),
    last?.error && h('div', { class: 'stack tight', data: { error: last.error } }, h('h3', {}, 'Error'), code(`${last.error}\n${last.cause ?? ''}`.trim(), { label: 'Copy error and cause', wrap: true })),
    last && (last.attempts.length > 1 || mine.length > 1) && h('div', { class: 'stack tight' }, h('h3', {}, 'Tries'), tries(mine)),
    last ? [block('Input', last.input, true), block('Message', sent), block('Output', last.output, !last.error)] : h('p', { class: 'muted' }, 'It was not entered.'));
  countdowns(panel);
}

// When the open task's next heartbeat has to come, if it is that which the execution's next timer waits for, and not the task's
// time-out, another branch or the whole machine's. Each one that comes is told as a change.
function heartbeatDue({ next_timer: timer, current_states: at }, { heartbeat_seconds: every, times_out: end }, machine) {
  const isIt = timer && every && at.length === 1 && !machine.TimeoutSeconds;
  return isIt && !(Date.parse(end) <= Date.parse(timer)) ? timer : null;
}

const queueOf = (parameters) => {
  try {
    return JSON.parse(parameters).QueueUrl.split(/[:/]/).pop();
  } catch {
    return null;
  }
};

function tries(mine) {
  const tones = { succeeded: 'green', failed: 'red', 'timed out': 'red', open: 'blue' };
  return h('ol', { class: 'rows tries' }, mine.flatMap((visit) => visit.attempts).map((it) => h('li', {}, h('div', {},
    h('span', { class: 'grow' }, h('span', {}, time(it.at), it.ended ? ` · ${duration(Date.parse(it.ended) - Date.parse(it.at))}` : ''), it.error && h('small', {}, it.error)),
    badge(it.result, { tone: tones[it.result], text: it.result })))));
}

function block(name, text, open = false) {
  if (text === null || text === undefined) return null;
  return h('details', { open, data: { block: name } }, h('summary', {}, name), json(pretty(text), { label: `Copy the ${name.toLowerCase()}` }));
}

function io({ history }) {
  const first = history[0]?.executionStartedEventDetails?.input;
  const ended = history.at(-1)?.executionSucceededEventDetails?.output;
  return h('div', { class: 'stack' }, block('Input', first, true), ended ? block('Output', ended, true) : h('p', { class: 'muted' }, 'It has no output yet.'));
}

function countdowns(within) {
  for (const element of within.querySelectorAll('[data-countdown]')) {
    const left = Date.parse(element.dataset.countdown) - Date.now();
    say(element, left > 0 ? `in ${duration(left)}` : 'now');
  }
}
