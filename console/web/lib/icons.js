// Line icons on a square of 20 by 20, drawn with a round pen.

const paths = {
  overview: 'M3 10.5L10 4l7 6.500M5 9v7h10V9',
  executions: 'M4 5h5v4H4zM11 11h5v4h-5zM6.500 9v4H11',
  orders: 'M4 4h12v13l-2-1.500-2 1.500-2-1.500-2 1.500-2-1.500-2 1.500zM7 8h6M7 11h6',
  dead: 'M10 3l7.500 13h-15zM10 8v4M10 14v.1',
  queues: 'M3 5h14M3 10h14M3 15h9',
  mail: 'M3 5h14v10H3zM3 6l7 5 7-5',
  products: 'M10 3l7 3.500v7L10 17l-7-3.500v-7zM3 6.500l7 3.500 7-3.500M10 10v7',
  copy: 'M7 7h9v9H7zM4 13V4h9',
  check: 'M4 10.500l4 4 8-9',
  cross: 'M5 5l10 10M15 5L5 15',
  stop: 'M6 6h8v8H6z',
  redo: 'M16 10a6 6 0 1 1-2-4.500M16.500 2.500V6H13',
  download: 'M10 3v9M6.500 9l3.500 3.500L13.500 9M4 16h12',
  search: 'M9 4a5 5 0 1 0 0 10a5 5 0 0 0 0-10zM13 13l4 4',
  eye: 'M2 10s3-5.500 8-5.500S18 10 18 10s-3 5.500-8 5.500S2 10 2 10zM10 8a2 2 0 1 0 0 4a2 2 0 0 0 0-4',
  running: 'M10 3.500a6.500 6.500 0 1 1-6.500 6.500',
  clock: 'M10 3a7 7 0 1 0 0 14a7 7 0 0 0 0-14zM10 6.500V10l2.500 2',
  play: 'M6 4l10 6-10 6z',
};

const SVG = 'http://www.w3.org/2000/svg';

export function icon(name) {
  const svg = document.createElementNS(SVG, 'svg');
  svg.setAttribute('viewBox', '0 0 20 20');
  svg.setAttribute('class', 'icon');
  svg.setAttribute('aria-hidden', 'true');
  const path = document.createElementNS(SVG, 'path');
  path.setAttribute('d', paths[name] ?? '');
  svg.append(path);
  return svg;
}
