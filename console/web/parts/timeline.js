// The steps of an execution as bars over time. Time in which nothing happens is drawn short, and says how long it was.

import { fill, h } from '../lib/dom.js';
import { duration, time } from '../lib/format.js';
import { scale } from '../lib/history.js';

export function timeline(onSelect) {
  const element = h('div', { class: 'timeline', data: { timeline: '' } });
  let stamp = '';

  function show(visits, execution) {
    const next = JSON.stringify([execution.status, visits.length, visits.at(-1)?.events.length]);
    if (next === stamp) return;
    stamp = next;
    const end = execution.stopped_at ? Date.parse(execution.stopped_at) : Date.now();
    const times = [Date.parse(execution.started_at), end];
    for (const visit of visits) for (const event of visit.events) times.push(Date.parse(event.timestamp));
    const { place, gaps } = scale(times);
    const span = (from, to) => ({ left: `${place(from) * 100}%`, width: `${Math.max(0.4, (place(to) - place(from)) * 100)}%` });
    const rows = visits.map((visit) => {
      const [from, to] = [Date.parse(visit.entered), visit.left ? Date.parse(visit.left) : end];
      const tone = visit.error && visit.left ? 'orange' : visit.left ? 'green' : visit.error ? 'amber' : 'blue';
      const bar = h('div', { class: 'bar', data: { tone }, style: span(from, to) });
      const tries = visit.attempts.filter((it) => it.error).map((it) => h('i', { class: 'try', style: span(Date.parse(it.at), Date.parse(it.ended)), title: `${it.error}: ${it.cause ?? ''}` }));
      const words = `${visit.name}: ${duration(to - from)}${visit.error ? `, ${visit.error}` : ''}`;
      return h('button', { type: 'button', class: 'lane', data: { visit: visit.name, tone }, title: `${words} (from ${time(visit.entered)})`, on: { click: () => onSelect(visit.name) } },
        h('span', { class: 'what' }, visit.name, visit.error && h('small', {}, visit.error)), h('span', { class: 'track' }, bar, tries), h('span', { class: 'num' }, duration(to - from)));
    });
    const marks = gaps.map((gap) => h('span', { class: 'gap', data: { gap: gap.ms }, style: { left: `${gap.from * 100}%`, width: `${(gap.to - gap.from) * 100}%` } }, h('small', {}, `⋯ ${duration(gap.ms)}`)));
    fill(element, h('div', { class: 'lane head', 'aria-hidden': 'true' }, h('span', {}), h('span', { class: 'track' }, marks), h('span', {})), rows);
  }
  return { element, show };
}
