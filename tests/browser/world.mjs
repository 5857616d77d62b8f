// What tests and screenshots need to be there: orders that met each fate, and the addresses of all pages.

/// Posts an order for each fate and waits for it: confirmed, declined, and a dead letter (the gateway is down then).
export async function fates(service) {
  const confirmed = await service.post();
  const declined = await service.post({ payment_method: 'pm_card_chargeDeclined' });
  await ended(service, confirmed, 'confirmed');
  await ended(service, declined, 'rejected');
  const dead = await deadLetters(service, 1);
  return { confirmed, declined, dead: dead[0] };
}

/// Orders whose payment is a dead letter now. The gateway stays down.
export async function deadLetters(service, count) {
  const { dead_letters: before } = await service.get('/ops/status');
  await service.gateway(true);
  const ids = [];
  for (let at = 0; at < count; at++) ids.push(await service.post());
  await service.until('/ops/status', (status) => status.dead_letters === before + count);
  return ids;
}

/// Waits until an order has this status and its execution is over: that goes on for a few events after the order is final.
export function ended(service, id, status) {
  return service.until(`/ops/orders/${id}`, (order) => order.status === status && order.execution.status !== 'RUNNING');
}

/// The addresses of all pages; those of one order only where there is one.
export function pages({ declined, dead }) {
  const of = (order, paths) => (order ? paths : []);
  return [
    '/console',
    '/console/embed',
    '/console/executions',
    '/console/orders',
    '/console/dead-letters',
    '/console/queues',
    '/console/mailbox',
    '/console/products',
    ...of(declined, [`/console/executions/${declined}`, `/console/orders/${declined}`, '/console/mailbox/1']),
    ...of(dead, [
      `/console/executions/${dead}`,
      `/console/orders/${dead}`,
      '/console/dead-letters/payments?cause=GatewayUnavailable',
    ]),
  ];
}
