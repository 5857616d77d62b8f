// Listens to what pages complain of: errors of scripts, of the console (a breach of the content security policy is one), and
// requests to anywhere but the service. And weighs what they load.

export class Watcher {
  #context;
  #allowed = [];
  #complaints = [];
  #weights = [];

  constructor(context, origin) {
    this.#context = context;
    context.on('weberror', (error) => this.#complain(`error: ${error.error().stack}`));
    context.on('console', (message) => {
      if (message.type() === 'error') this.#complain(`console: ${message.text()} ${message.location().url}`);
    });
    context.on('request', (request) => {
      const url = new URL(request.url());
      if (url.origin !== origin && url.protocol.startsWith('http')) this.#complain(`fetched from elsewhere: ${url}`);
    });
    context.on('requestfinished', (request) => this.#weights.push(weightOf(request)));
  }

  /// A test that breaks something says what will be complained of.
  allow(pattern) {
    this.#allowed.push(pattern);
  }

  get complaints() {
    return this.#complaints;
  }

  /// What was loaded until now, uncompressed: `{ path, bytes }` for each, event streams left out.
  async weights() {
    return (await Promise.all(this.#weights)).filter(({ bytes }) => bytes > 0);
  }

  #complain(complaint) {
    if (!this.#allowed.some((pattern) => pattern.test(complaint))) this.#complaints.push(complaint);
  }
}

async function weightOf(request) {
  const path = new URL(request.url()).pathname;
  // A redirect has no body.
  const body = await request
    .response()
    .then((response) => response.body())
    .catch(() => '');
  return { path, bytes: body.length };
}
