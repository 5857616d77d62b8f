// Asks this service. Every refusal is a problem (RFC 9457) and becomes a `Refused`.

export class Refused extends Error {
  constructor(status, problem) {
    super(problem.detail || problem.title || `The service answered ${status}.`);
    this.status = status;
    this.kind = (problem.type ?? '').split(':').pop();
    this.errors = problem.errors ?? [];
  }

  // All of it, in a line.
  get text() {
    const faults = this.errors.map((it) => `${it.parameter ?? it.pointer ?? it.header ?? ''}: ${it.detail}`);
    return faults.length ? faults.join('; ') : this.message;
  }
}

// Told when a session is over.
export const session = new EventTarget();

async function ask(method, path, { query, body, headers, signal, cache, as = 'json' } = {}) {
  const given = Object.entries(query ?? {}).filter(([, value]) => value !== null && value !== undefined && value !== '');
  const url = given.length ? `${path}?${new URLSearchParams(given)}` : path;
  const request = { method, signal, cache, headers: { ...headers }, credentials: 'same-origin' };
  if (body !== undefined) {
    request.headers['content-type'] = 'application/json';
    request.body = typeof body === 'string' ? body : JSON.stringify(body);
  }
  let answer;
  try {
    answer = await fetch(url, request);
  } catch (error) {
    if (error.name === 'AbortError') throw error;
    throw new Refused(0, { detail: 'The service does not answer.' });
  }
  if (answer.ok) {
    if (as === 'answer') return answer;
    if (as === 'text') return answer.text();
    return answer.status === 204 || answer.headers.get('content-length') === '0' ? null : answer.json();
  }
  const problem = await answer.json().catch(() => ({}));
  if (answer.status === 401) session.dispatchEvent(new Event('over'));
  throw new Refused(answer.status, problem);
}

export const get = (path, query, more) => ask('GET', path, { query, ...more });
export const post = (path, body, more) => ask('POST', path, { body, ...more });
export const put = (path, body, more) => ask('PUT', path, { body, ...more });
export const del = (path, more) => ask('DELETE', path, more);

// What an answer has in lines of JSON, as they come.
export async function* lines(path, { signal }) {
  const answer = await ask('POST', path, { signal, as: 'answer' });
  const text = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = '';
  for (;;) {
    const { value, done } = await text.read();
    if (done) return;
    const whole = (rest + value).split('\n');
    rest = whole.pop();
    yield* whole.map((line) => JSON.parse(line));
  }
}

// An SVG of this service as an element. XMLHttpRequest gives a document without anybody making markup from text.
export function drawing(path, signal) {
  return new Promise((resolve, reject) => {
    signal?.throwIfAborted(); // an abort that was before is no event any more
    const request = new XMLHttpRequest();
    request.open('GET', path);
    request.responseType = 'document';
    request.overrideMimeType('image/svg+xml');
    request.onload = () => {
      const root = request.responseXML?.documentElement;
      if (request.status === 200 && root?.localName === 'svg') resolve(document.importNode(root, true));
      else reject(new Refused(request.status, { detail: 'The drawing could not be loaded.' }));
    };
    request.onerror = () => reject(new Refused(0, { detail: 'The service does not answer.' }));
    request.onabort = () => reject(new DOMException('aborted', 'AbortError'));
    signal?.addEventListener('abort', () => request.abort(), { once: true });
    request.send();
  });
}
