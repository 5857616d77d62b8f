// The pages: their addresses below /console, their modules, and their place in the navigation. A page is added here.

export const ROUTES = [
  { path: '', load: () => import('./pages/home.js'), nav: { text: 'Overview', icon: 'overview' } },
];
