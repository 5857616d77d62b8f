// The live graph for another page of this origin:
//
//   <script type="module" src="/console/embed.js"></script>
//   <asl-graph></asl-graph>                          all executions
//   <asl-graph execution="ord_…"></asl-graph>        one of them
//
// The drawing is in a shadow tree, with its own style: the page's and the graph's don't meet. It takes the page's width. When a
// state is chosen, the element tells so: `state-chosen`, with the state's name as `detail`. A page that may run no script shows
// the picture: <img src="/console/api/graph.svg">.

import { get } from '/console/assets/lib/api.js';
import { draw } from '/console/assets/lib/graph.js';
import { live, throttled } from '/console/assets/lib/live.js';

const EVERY = 500;
const style = new CSSStyleSheet();
let ready = null;

// Once for all elements of the page: the style, and the connection that tells what changes.
function begin() {
  ready ??= (async () => {
    const [css, session] = await Promise.all([get('/console/assets/graph.css', null, { as: 'text' }), get('/console/session')]);
    style.replaceSync(`${css} :host { display: block } svg { display: block; max-width: 100%; height: auto }`);
    if (!session.platform) throw new Error('Sign in to the console first.');
    if (live.state === 'connecting') live.start(session.platform.events);
  })();
  return ready;
}

class AslGraph extends HTMLElement {
  static observedAttributes = ['execution'];
  #leave = null;

  connectedCallback() {
    this.#show();
  }

  disconnectedCallback() {
    this.#leave?.abort();
  }

  attributeChangedCallback(name, before, now) {
    if (this.isConnected && before !== now) this.#show();
  }

  async #show() {
    this.#leave?.abort();
    this.#leave = new AbortController();
    const { signal } = this.#leave;
    const root = this.shadowRoot ?? this.attachShadow({ mode: 'open' });
    const name = this.getAttribute('execution');
    const path = name ? `/console/api/executions/${encodeURIComponent(name)}/graph` : '/console/api/graph';
    try {
      await begin();
      root.adoptedStyleSheets = [style];
      const onSelect = (state) => this.dispatchEvent(new CustomEvent('state-chosen', { detail: state, bubbles: true }));
      const drawn = await draw(root, { picture: `${path}.svg?theme=external`, faces: path, signal, onSelect });
      const again = throttled(drawn.refresh, EVERY);
      live.listen('snapshot', again, signal);
      live.listen('change', (change) => (!name || change.name === name) && again(), signal);
      this.dataset.ready = 'true';
    } catch (error) {
      if (error.name !== 'AbortError') root.textContent = error.text ?? error.message;
    }
  }
}

customElements.define('asl-graph', AslGraph);
