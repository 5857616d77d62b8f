// Reads an execution's history: its visits to states, and what happened in each. Pure; the graph's renderer does the same for
// the drawing (console/graph/src/status/reading.rs), this is for what a reader wants to see of one step.

const OPENS = /(TaskScheduled|LambdaFunctionScheduled|ActivityScheduled|ParallelStateStarted)$/;
const FAILS = /(Failed|TimedOut|Aborted)$/;

// The one object `…EventDetails` of an event.
export function details(event) {
  const name = Object.keys(event).find((key) => key.endsWith('EventDetails'));
  return name ? event[name] : {};
}

// [{name, entered, left, input, output, attempts: [{at, ended, parameters, result, error, cause}], error, cause, events}]
export function visits(events) {
  const list = [];
  const of = new Map();
  for (const event of events) {
    const told = details(event);
    let visit = of.get(event.previousEventId);
    if (event.type.endsWith('StateEntered')) {
      visit = { name: told.name, entered: event.timestamp, left: null, input: told.input, output: null, attempts: [], error: null, cause: null, events: [] };
      list.push(visit);
    } else if (event.type.endsWith('StateExited')) {
      visit = visit?.name === told.name ? visit : list.findLast((it) => it.name === told.name && !it.left) ?? visit;
      if (visit) Object.assign(visit, { left: event.timestamp, output: told.output });
    } else if (visit && OPENS.test(event.type)) {
      visit.attempts.push({
        at: event.timestamp, ended: null, parameters: told.parameters, result: 'open', error: null, cause: null,
      });
    } else if (visit && event.type.endsWith('Succeeded') && !event.type.startsWith('Execution')) {
      close(visit, event, 'succeeded', told);
      Object.assign(visit, { error: null, cause: null });
    } else if (visit && FAILS.test(event.type) && !event.type.startsWith('Execution')) {
      close(visit, event, event.type.endsWith('TimedOut') ? 'timed out' : 'failed', told);
      Object.assign(visit, { error: told.error ?? visit.error, cause: told.cause ?? visit.cause });
    }
    if (event.type.startsWith('Execution') && event.type !== 'ExecutionStarted' && event.type !== 'ExecutionRedriven') {
      for (const open of list.filter((it) => !it.left)) open.left = event.timestamp;
    }
    if (visit) {
      visit.events.push(event);
      of.set(event.id, visit);
    }
  }
  return list;
}

function close(visit, event, result, told) {
  const attempt = visit.attempts.at(-1);
  if (attempt?.result === 'open') Object.assign(attempt, { ended: event.timestamp, result, error: told.error ?? null, cause: told.cause ?? null });
}

// What an event is about, in a few words.
export function summary(event) {
  const told = details(event);
  if (told.name) return `${told.name}  ${told.output ?? told.input ?? ''}`;
  if (told.error || told.cause) return [told.error, told.cause].filter(Boolean).join(': ');
  if (told.resource) return [told.resourceType, told.resource].filter(Boolean).join(' ');
  return told.output ?? told.input ?? '';
}

// Times to places between 0 and 1: what takes much longer than usual is drawn short. Gives {place, gaps: [{from, to, ms}]}.
export function scale(times) {
  const sorted = [...new Set(times.filter(Number.isFinite))].sort((a, b) => a - b);
  if (sorted.length < 2) return { place: () => 0, gaps: [] };
  const lengths = sorted.slice(1).map((time, at) => time - sorted[at]);
  const usual = [...lengths].sort((a, b) => a - b)[Math.floor(lengths.length * 0.6)];
  const longest = Math.max(usual * 6, 200);
  const starts = [0];
  for (const length of lengths) starts.push(starts.at(-1) + Math.min(length, longest) + longest * 0.01);
  const whole = starts.at(-1);
  const gaps = lengths.flatMap((ms, at) => (ms > longest * 1.5 ? [{ from: starts[at] / whole, to: starts[at + 1] / whole, ms }] : []));
  const place = (time) => {
    if (time <= sorted[0]) return 0;
    if (time >= sorted.at(-1)) return 1;
    const at = sorted.findLastIndex((it) => it <= time);
    return (starts[at] + ((time - sorted[at]) / lengths[at]) * (starts[at + 1] - starts[at])) / whole;
  };
  return { place, gaps };
}
