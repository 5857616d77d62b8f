// The pages: their addresses below /console, their modules, and their place in the navigation. A page is added here.

export const ROUTES = [
  { path: '', load: () => import('./pages/home.js'), nav: { text: 'Overview', icon: 'overview' } },
  { path: 'executions', load: () => import('./pages/executions.js'), nav: { text: 'Executions', icon: 'executions' } },
  { path: 'executions/:name', load: () => import('./pages/execution.js') },
  { path: 'orders', load: () => import('./pages/orders.js'), nav: { text: 'Orders', icon: 'orders' } },
  { path: 'orders/:id', load: () => import('./pages/order.js') },
  { path: 'dead-letters', load: () => import('./pages/dead-letters.js'), nav: { text: 'Dead letters', icon: 'dead' } },
  { path: 'dead-letters/:queue', load: () => import('./pages/dead-letters.js') },
  { path: 'queues', load: () => import('./pages/queues.js'), nav: { text: 'Queues', icon: 'queues' } },
  { path: 'mailbox', load: () => import('./pages/mailbox.js'), nav: { text: 'Mailbox', icon: 'mail', where: ({ mailbox }) => mailbox } },
  { path: 'mailbox/:id', load: () => import('./pages/mailbox.js') },
  { path: 'products', load: () => import('./pages/products.js'), nav: { text: 'Products', icon: 'products', where: ({ api }) => api } },
];
