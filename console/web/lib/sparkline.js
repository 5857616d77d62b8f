// A small line of numbers over time, the newest on the right.

const SVG = 'http://www.w3.org/2000/svg';
const [WIDTH, HEIGHT] = [160, 28];

// An SVG with `show(samples, atMost)`.
export function line(label) {
  const svg = document.createElementNS(SVG, 'svg');
  svg.setAttribute('viewBox', `0 0 ${WIDTH} ${HEIGHT}`);
  svg.setAttribute('class', 'spark');
  svg.setAttribute('role', 'img');
  const [area, path] = ['area', 'path'].map((name) => {
    const element = document.createElementNS(SVG, 'path');
    element.setAttribute('class', name);
    svg.append(element);
    return element;
  });
  svg.show = (samples, atMost) => {
    const most = Math.max(1, ...samples);
    const step = WIDTH / (atMost - 1);
    const left = WIDTH - step * (samples.length - 1);
    const points = samples.map(
      (value, at) => `${(left + at * step).toFixed(1)} ${(HEIGHT - 2 - (value / most) * (HEIGHT - 4)).toFixed(1)}`,
    );
    const drawn = points.length ? `M${points.join('L')}` : '';
    path.setAttribute('d', drawn);
    area.setAttribute('d', points.length ? `${drawn}V${HEIGHT}H${left.toFixed(1)}Z` : '');
    svg.setAttribute('aria-label', `${label}: now ${samples.at(-1) ?? 0}, at most ${Math.max(0, ...samples)}`);
    svg.dataset.samples = samples.length;
    svg.dataset.most = Math.max(0, ...samples);
  };
  return svg;
}
