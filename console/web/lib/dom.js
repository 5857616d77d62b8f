// Elements from data. Whatever is text stays text: nothing here reads markup.

// h('a', {class: 'x', href: '/y', data: {row: 7, 'a-b': 1}, on: {click}}, 'text', element, [more])
export function h(tag, props, ...children) {
  const element = document.createElement(tag);
  set(element, props);
  append(element, children);
  return element;
}

// Sets properties on an element that is there; null and false take an attribute away.
export function set(element, props) {
  for (const [name, value] of Object.entries(props ?? {})) {
    if (name === 'on') {
      for (const [event, listener] of Object.entries(value ?? {})) element.addEventListener(event, listener);
    } else if (name === 'data') {
      for (const [key, text] of Object.entries(value ?? {})) {
        if (text === null || text === undefined) element.removeAttribute(`data-${key}`);
        else element.setAttribute(`data-${key}`, text);
      }
    } else if (name === 'style') {
      for (const [key, text] of Object.entries(value ?? {})) element.style.setProperty(key, text);
    } else if (name === 'value' || name === 'checked' || name === 'selected') {
      element[name] = value;
    } else if (value === null || value === undefined || value === false) {
      element.removeAttribute(name);
    } else {
      element.setAttribute(name, value === true ? '' : value);
    }
  }
  return element;
}

function append(parent, children) {
  for (const child of children.flat(Infinity)) {
    if (child !== null && child !== undefined && child !== false) parent.append(child);
  }
}

// Puts children in place of what is there.
export function fill(parent, ...children) {
  const fragment = document.createDocumentFragment();
  append(fragment, children);
  parent.replaceChildren(fragment);
  return parent;
}

// Changes a text only if it differs, so that a screen reader is not told the same twice.
export function say(element, text) {
  const next = String(text ?? '');
  if (element.textContent !== next) element.textContent = next;
}

// Keeps a parent's children equal to a list: an item's element is made once, patched after, and removed with it.
export function keyed(parent, items, key, make, patch) {
  const old = new Map([...parent.children].map((child) => [child.dataset.key, child]));
  let place = parent.firstElementChild;
  for (const item of items) {
    const name = String(key(item));
    let element = old.get(name);
    old.delete(name);
    if (!element) {
      element = make(item);
      element.dataset.key = name;
    }
    patch?.(element, item);
    if (element === place) place = place.nextElementSibling;
    else parent.insertBefore(element, place);
  }
  for (const element of old.values()) element.remove();
}
