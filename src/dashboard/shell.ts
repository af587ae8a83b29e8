/** What belongs to no panel: the theme's button, keys, the line at the bottom. */

import { h, setAttribute, setText } from "./dom.ts";
import { span } from "./model/phrases.ts";
import type { CounterPanel } from "./panels/counter.ts";
import type { Store } from "./store.ts";
import { currentTheme, onTheme, toggleTheme } from "./theme.ts";

export function mountTheme(button: HTMLElement): void {
  const show = (): void => {
    const next = currentTheme() === "dark" ? "Light" : "Dark";
    setText(button, next);
    button.setAttribute("aria-label", `Switch to ${next.toLowerCase()} colours`);
  };
  button.addEventListener("click", toggleTheme);
  onTheme(show);
  show();
}

interface Key {
  readonly key: string;
  readonly does: string;
  readonly act: () => void;
}

/** Keys work wherever nothing is being typed. */
export function mountKeys(button: HTMLElement, counter: CounterPanel): void {
  const keys: readonly Key[] = [
    { key: "i", does: "add 1", act: () => counter.click(1n) },
    { key: "I", does: "add 10", act: () => counter.click(10n) },
    { key: "h", does: "hammer, or stop it", act: () => counter.toggleHammer() },
    { key: "t", does: "light or dark", act: toggleTheme },
    { key: "c", does: "to the counter", act: () => go("counter-card") },
    { key: "b", does: "to what breaks the cluster, where it can be broken", act: () => go("chaos-card") },
    { key: "/", does: "search counters", act: () => focusField("#explorer input") },
    { key: "e", does: "filter events", act: () => focusField("#events input") },
    { key: "?", does: "these keys", act: () => dialog.showModal() },
  ];
  const close = h("button", { class: "button", type: "button", onclick: () => dialog.close() }, "Close");
  const list = keys.flatMap(({ key, does }) => [h("dt", {}, h("kbd", {}, key)), h("dd", {}, does)]);
  const dialog = h(
    "dialog",
    { class: "keys", "aria-labelledby": "keys-heading" },
    h("h2", { id: "keys-heading" }, "Keys"),
    h("dl", {}, ...list),
    close,
  );
  document.body.append(dialog);
  button.addEventListener("click", () => dialog.showModal());
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || dialog.open || isTyping(event.target)) return;
    const known = keys.find(({ key }) => key === event.key);
    if (known === undefined) return;
    event.preventDefault();
    if (!event.repeat) known.act();
  });
}

function isTyping(target: EventTarget | null): boolean {
  return (
    target instanceof HTMLElement && target.closest("input, textarea, select, [contenteditable]") !== null
  );
}

function go(id: string): void {
  const card = document.getElementById(id);
  if (card === null || card.hidden) return;
  card.scrollIntoView({ block: "start" });
  card.querySelector<HTMLElement>("button")?.focus({ preventScroll: true });
}

function focusField(selector: string): void {
  const field = document.querySelector<HTMLElement>(selector);
  field?.focus();
  field?.scrollIntoView({ block: "center" });
}

/** The documentation is on every node: once the one that served the page is gone, another one's is meant. */
export function mountApi(link: HTMLElement, store: Store): () => void {
  return store.subscribe(({ home, nodes }) => {
    const other = home.answers ? undefined : nodes.find(({ fresh }) => fresh);
    setAttribute(link, "href", `${other?.url ?? ""}/docs`);
  });
}

/** Which cluster this is, and how fresh what is shown. */
export function mountFoot(foot: HTMLElement, store: Store): () => void {
  const cluster = h("span", {});
  const fresh = h("span", {});
  foot.append(cluster, fresh);
  return store.subscribe(({ nodes, home }) => {
    const status = nodes.find((node) => node.fresh)?.picture?.status;
    setText(cluster, status === undefined ? "" : `Cluster ${status.clusterId} · raftally ${status.version}`);
    const heard = nodes.filter((node) => node.fresh).length;
    const oldest = Math.max(0, ...nodes.filter((node) => node.fresh).map(({ ageMs }) => ageMs ?? 0));
    const from = home.id === undefined ? new URL(home.url).host : home.id;
    const age = oldest < 1_000 ? "" : `, the oldest picture is ${span(oldest)} old`;
    setText(fresh, `Page from ${from} · listening to ${heard} of ${nodes.length} nodes${age}`);
  });
}
