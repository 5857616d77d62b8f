// A line between the browser and the service that can be cut and mended, as a network's is. (Playwright's offline mode leaves
// alone the connections that are there.)

import { once } from 'node:events';
import { connect, createServer } from 'node:net';

export class Line {
  #ends = new Set();
  #isCut = false;

  static async to(port) {
    const line = new Line();
    line.server = createServer((near) => line.#join(near, port)).listen(0, '127.0.0.1');
    await once(line.server, 'listening');
    line.url = `http://127.0.0.1:${line.server.address().port}`;
    return line;
  }

  #join(near, port) {
    if (this.#isCut) return near.destroy();
    const far = connect(port, '127.0.0.1');
    for (const [end, other] of [
      [near, far],
      [far, near],
    ]) {
      this.#ends.add(end);
      end
        .on('error', () => {})
        .on('close', () => {
          this.#ends.delete(end);
          other.destroy();
        });
      end.pipe(other);
    }
  }

  cut() {
    this.#isCut = true;
    for (const end of this.#ends) end.destroy();
  }

  /// What is connected hears nothing any more, and isn't told why. New connections are made.
  stall() {
    for (const end of this.#ends) end.unpipe().pause();
  }

  mend() {
    this.#isCut = false;
  }

  close() {
    this.cut();
    this.server.close();
  }
}
