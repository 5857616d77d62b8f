// All that happened to one order, from all who know: its record, its execution, its mails, its dead letters.

import { here } from '../app.js';
import { get, post } from '../lib/api.js';
import { fill, h } from '../lib/dom.js';
import { duration, fullTime, short, time } from '../lib/format.js';
import { icon } from '../lib/icons.js';
import { follow } from '../lib/listing.js';
import { money } from '../lib/money.js';
import { action, badge, card, copyButton, dialog, facts, heading, notice, personal, since, toast } from '../lib/ui.js';

export const title = 'Order';

const SIGNS = { order: 'orders', step: 'check', execution: 'executions', mail: 'mail', 'dead letter': 'dead' };
// A longer pause is told.
const PAUSE = 60_000;

export async function mount({ root, params, signal, setTitle }) {
  const path = `/ops/orders/${encodeURIComponent(params.id)}`;
  let shown = '';
  const show = async () => {
    const story = await get(path, {}, { signal });
    const text = JSON.stringify(story);
    if (text === shown) return;
    shown = text;
    fill(root, head(story, show), ...troubles(story), about(story), whatHappened(story));
    Object.assign(root.dataset, { order: story.order_id, status: story.status });
  };
  setTitle(`Order ${short(params.id)}`);
  await show();
  follow(show, signal);
}

function head(story, show) {
  const isFinal = ['confirmed', 'rejected'].includes(story.status);
  const id = h('span', { class: 'id' }, story.order_id, ' ', copyButton(story.order_id, 'Copy the order’s id'));
  const cancel =
    !isFinal &&
    !story.cancel_requested_at &&
    action('Cancel order', () => askToCancel(story, show), { sign: 'cross', data: { cancel: '' } });
  const execution =
    story.execution && h('a', { class: 'btn', href: `/console/executions/${story.order_id}` }, icon('executions'), 'Execution');
  return heading('Order', { sub: [badge(story.status), ' ', story.reason, ' ', id], actions: [execution, cancel] });
}

function askToCancel(story, show) {
  dialog({
    title: 'Cancel this order?',
    text: 'What its steps have done is undone, and the customer is told. This is refused once the order is final.',
    confirm: 'Cancel the order',
    tone: 'danger',
    data: { 'cancel-order': '' },
    work: async () => {
      await post(`/ops/orders/${story.order_id}/cancel`);
      toast('Cancelling: the next step undoes what was done.');
      await show();
    },
  });
}

// What somebody has to do something about.
function troubles(story) {
  return story.dead_letters.map(([queue, letter]) =>
    notice(
      'red',
      `Stuck at ${letter.cause.step ?? 'its step'}: ${letter.cause.error}`,
      h('p', {}, letter.cause.cause),
      h('a', { href: `/console/dead-letters/${queue}?order=${story.order_id}` }, `Its dead letter in ${queue}-dlq`),
    ),
  );
}

function about(story) {
  return card(
    null,
    facts([
      ['Total', money(story.total)],
      ['Customer', story.customer],
      ['Personal data', personal(story.order_id, '')],
      ['Storefront', story.storefront],
      ['Placed', since(story.placed_at)],
      ['Cancel asked for', story.cancel_requested_at && since(story.cancel_requested_at)],
      ['Trace', h('span', { class: 'id' }, story.trace_id, ' ', copyButton(story.trace_id, 'Copy the trace id'))],
    ]),
  );
}

function whatHappened({ order_id: id, timeline }) {
  const first = Date.parse(timeline[0]?.at);
  const moments = timeline.map((moment, at) => {
    const pause = at ? Date.parse(moment.at) - Date.parse(timeline[at - 1].at) : 0;
    const words = moment.what.replace('->', '→');
    const what =
      moment.source === 'mail' && here.platform.mailbox ? h('a', { href: `/console/mailbox?order=${id}` }, words) : words;
    return [
      pause > PAUSE && h('li', { class: 'pause' }, `${duration(pause)} later`),
      h(
        'li',
        { data: { moment: moment.what, source: moment.source, bad: isBad(moment) ? '' : null } },
        h('time', { datetime: moment.at, title: fullTime(moment.at) }, time(moment.at)),
        h('span', { class: 'muted' }, `+${duration(Date.parse(moment.at) - first)}`),
        h('span', { class: 'source' }, icon(SIGNS[moment.source]), moment.source),
        h('span', {}, what, moment.detail && h('small', {}, moment.detail)),
      ),
    ];
  });
  return card('What happened', h('ol', { class: 'story' }, moments));
}

const isBad = ({ source, what }) => source === 'dead letter' || /Failed|TimedOut|Aborted/.test(what);
