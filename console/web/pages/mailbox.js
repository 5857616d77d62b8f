// The mails that the pipeline sent, newest first, and one of them as its reader sees it: in a frame where nothing runs.

import { fill, h } from '../lib/dom.js';
import { get } from '../lib/api.js';
import { short } from '../lib/format.js';
import { follow, listing } from '../lib/listing.js';
import { teach } from '../lib/teach.js';
import { heading, personal, since, tabs } from '../lib/ui.js';

export const title = 'Mailbox';

// An order's mail is looked for among so many of the newest.
const LOOKED_THROUGH = 500;

export async function mount({ root, params, query, signal, go }) {
  const wanted = query.order && (await mailOf(query.order, signal));
  if (wanted) return go(`/console/mailbox/${wanted.id}`, { replace: true });
  const reader = h('section', { class: 'card reader', 'aria-label': 'The mail' });
  const mails = listing({
    path: '/mailbox',
    name: 'mails',
    label: 'Mails',
    key: (mail) => mail.id,
    columns: [['Subject'], ['To'], ['Sent']],
    cells: (mail) => [
      h(
        'a',
        { href: `/console/mailbox/${mail.id}`, 'aria-current': String(mail.id) === params.id ? 'true' : null },
        mail.subject.replace(mail.order_id, short(mail.order_id)),
      ),
      personal(mail.order_id, mail.to),
      since(mail.sent_at),
    ],
    data: (mail) => ({
      mail: mail.id,
      kind: mail.kind,
      order: mail.order_id,
      chosen: String(mail.id) === params.id ? '' : null,
    }),
    whenEmpty: teach('No mail yet', 'What the pipeline sends is captured here as long as no SMTP server is set.'),
    signal,
  });
  root.append(
    heading('Mailbox', { sub: 'Captured, not sent: as the customer would see it.' }),
    h('div', { class: 'halves' }, mails.element, reader),
  );
  await mails.refresh();
  follow(mails.refresh, signal);
  return read(
    reader,
    mails.items().find(({ id }) => String(id) === params.id),
    params.id,
    signal,
  );
}

async function mailOf(order, signal) {
  let [cursor, looked] = [null, 0];
  do {
    const { mails, next_cursor: next } = await get('/mailbox', { limit: 100, cursor }, { signal });
    const found = mails.find((mail) => mail.order_id === order);
    if (found) return found;
    [cursor, looked] = [next, looked + mails.length];
  } while (cursor && looked < LOOKED_THROUGH);
  return null;
}

async function read(reader, mail, id, signal) {
  if (!id) return fill(reader, h('p', { class: 'muted' }, 'Choose a mail to read it.'));
  const path = `/mailbox/${encodeURIComponent(id)}`;
  const text = await get(`${path}/text`, null, { signal, as: 'text' });
  const html = () => h('iframe', { src: path, sandbox: '', title: 'The mail as it is rendered', data: { rendered: id } });
  const plain = () => h('pre', { tabindex: '0', data: { plain: id } }, text);
  const order = mail && h('p', {}, h('a', { href: `/console/orders/${mail.order_id}` }, 'Its order'));
  fill(
    reader,
    order,
    tabs(
      [
        ['html', 'As rendered', html],
        ['text', 'Plain text', plain],
      ],
      { label: 'Forms of the mail' },
    ).element,
  );
}
