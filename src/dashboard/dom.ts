/** Making elements, and nothing else: no markup is ever parsed from text. */

export type Child = Node | string | number | undefined | false;

/**
 * Attributes by name. A function is a listener (`onclick`), `class` and `data-…` are attributes, true is an attribute
 * without a value, and undefined or false leaves it out. There is no `style`: the page's policy forbids it; use
 * {@link vars}.
 */
export type Attributes = Readonly<
  Record<string, string | number | boolean | undefined | ((event: Event) => void)>
>;

export function h<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  attributes: Attributes = {},
  ...children: readonly Child[]
): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag);
  dress(element, attributes);
  append(element, children);
  return element;
}

export function svg<K extends keyof SVGElementTagNameMap>(
  tag: K,
  attributes: Attributes = {},
  ...children: readonly Child[]
): SVGElementTagNameMap[K] {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  dress(element, attributes);
  append(element, children);
  return element;
}

function dress(element: Element, attributes: Attributes): void {
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") element.addEventListener(name.slice(2), value);
    else setAttribute(element, name, value);
  }
}

/** Sets, or takes away; touches the document only if something changes. */
export function setAttribute(
  element: Element,
  name: string,
  value: string | number | boolean | undefined,
): void {
  if (value === undefined || value === false) {
    if (element.hasAttribute(name)) element.removeAttribute(name);
    return;
  }
  const text = value === true ? "" : String(value);
  if (element.getAttribute(name) !== text) element.setAttribute(name, text);
}

function append(element: Element, children: readonly Child[]): void {
  for (const child of children) {
    if (child !== undefined && child !== false)
      element.append(typeof child === "number" ? String(child) : child);
  }
}

/** Touches the document only if the text changes, so that screen readers speak only then. */
export function setText(node: Node, text: string): void {
  if (node.textContent !== text) node.textContent = text;
}

/** Custom properties of an element, `--name`, set through the style's object, which the page's policy allows. */
export function vars(
  element: HTMLElement | SVGElement,
  values: Readonly<Record<string, string | number>>,
): void {
  for (const [name, value] of Object.entries(values)) {
    const text = String(value);
    if (element.style.getPropertyValue(name) !== text) element.style.setProperty(name, text);
  }
}

/**
 * Makes the children of `parent` those for `items`, in order, keeping elements whose key stays: focus, selection and
 * animations survive.
 */
export function keyed<T, E extends Element>(
  parent: Element,
  items: readonly T[],
  rules: {
    readonly key: (item: T) => string;
    readonly make: (item: T) => E;
    readonly update?: (element: E, item: T) => void;
  },
): void {
  const known = keptElements.get(parent) ?? new Map<string, Element>();
  keptElements.set(parent, known);
  const wanted = new Set(items.map(rules.key));
  for (const [key, element] of known) {
    if (wanted.has(key)) continue;
    element.remove();
    known.delete(key);
  }
  let previous: Element | undefined;
  for (const item of items) {
    const key = rules.key(item);
    let element = known.get(key) as E | undefined;
    if (element === undefined) {
      element = rules.make(item);
      known.set(key, element);
    }
    rules.update?.(element, item);
    const place: Element | null =
      previous === undefined ? parent.firstElementChild : previous.nextElementSibling;
    if (place !== element) parent.insertBefore(element, place);
    previous = element;
  }
}

const keptElements = new WeakMap<Element, Map<string, Element>>();
