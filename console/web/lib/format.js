// Times, durations and counts as people read them.

const clock = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit', second: '2-digit' });
const day = new Intl.DateTimeFormat(undefined, { month: 'short', day: 'numeric' });
const whole = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'long' });
const number = new Intl.NumberFormat();

export const count = (value) => number.format(value);

// Milliseconds in the two units that matter.
export function duration(milliseconds) {
  const ms = Math.max(0, milliseconds);
  const seconds = Math.floor(ms / 1000);
  if (ms < 1000) return `${Math.round(ms)} ms`;
  if (seconds < 10) return `${(Math.floor(ms / 100) / 10).toFixed(1)} s`;
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
  if (seconds < 86400) return `${Math.floor(seconds / 3600)} h ${Math.floor(seconds / 60) % 60} min`;
  return `${Math.floor(seconds / 86400)} d ${Math.floor(seconds / 3600) % 24} h`;
}

export function ago(at, now = Date.now()) {
  const ms = now - Date.parse(at);
  if (Number.isNaN(ms)) return '–';
  if (ms < 1000) return 'just now';
  const seconds = Math.floor(ms / 1000);
  if (seconds < 60) return `${seconds} s ago`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ago`;
  if (seconds < 86400) return `${Math.floor(seconds / 3600)} h ago`;
  return `${Math.floor(seconds / 86400)} d ago`;
}

// The time of today, or the day and the time.
export function time(at) {
  const date = new Date(at);
  if (Number.isNaN(date.getTime())) return '–';
  const today = new Date().toDateString() === date.toDateString();
  return today ? clock.format(date) : `${day.format(date)}, ${clock.format(date)}`;
}

export const fullTime = (at) => (at ? whole.format(new Date(at)) : '');

// How often, a second.
export function rate(perSecond) {
  if (perSecond === 0) return '0';
  if (perSecond < 0.1) return perSecond.toFixed(2);
  return perSecond < 10 ? perSecond.toFixed(1) : number.format(Math.round(perSecond));
}

// What can be told of an address without telling it.
export function masked(text) {
  const [name, domain] = String(text ?? '').split('@');
  const short = (part) => (part ? `${part[0]}•••` : '');
  return domain ? `${short(name)}@${short(domain)}` : short(name);
}

// The beginning and the end of a long id.
export const short = (id) => (id.length > 16 ? `${id.slice(0, 8)}…${id.slice(-4)}` : id);

// Bidirectional controls as JSON escapes them.
export function escaped(text) {
  const inJson = (control) => `\\u${control.charCodeAt().toString(16).padStart(4, '0')}`;
  return text.replace(/[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/g, inJson);
}

// JSON as people read it; what is no JSON as it is.
export function pretty(text) {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return String(text);
  }
}
