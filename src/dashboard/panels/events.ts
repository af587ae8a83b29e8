/** What happened, newest first: to be filtered by kind, searched, and saved. */

import { h, keyed, setAttribute, setText, vars } from "../dom.ts";
import type { ClusterView, FeedEvent } from "../model/view.ts";
import type { Store } from "../store.ts";
import { clock, nodeHue } from "../words.ts";

/** Kinds that people ask for together. */
const GROUPS: readonly { readonly name: string; readonly kinds: readonly string[] }[] = [
  { name: "Elections", kinds: ["election", "role", "leader"] },
  { name: "Membership", kinds: ["configuration", "started", "stopping"] },
  { name: "Links", kinds: ["link"] },
  { name: "Disks", kinds: ["disk", "snapshot"] },
  { name: "Alarms", kinds: ["alarm"] },
];

const SHOWN_MAX = 120;

export function mountEvents(root: HTMLElement, store: Store): () => void {
  const hidden = new Set<string>();
  const list = h("ol", { class: "feed", tabindex: 0, "aria-label": "Events, newest first" });
  const empty = h("p", { class: "faint" }, "Nothing has happened that fits.");
  const search = h("input", {
    class: "field",
    type: "search",
    placeholder: "Filter: n2, term 8, snapshot …",
    "aria-label": "Filter the events",
    autocomplete: "off",
    oninput: () => show(store.get()),
  });
  const save = h(
    "button",
    { class: "button quiet small", type: "button", onclick: () => saveAll(store.get()) },
    "Save as JSON",
  );
  const toggles = GROUPS.map(({ name }) => {
    const toggle = h(
      "button",
      { class: "button quiet small chip", type: "button", "aria-pressed": "true" },
      name,
    );
    toggle.addEventListener("click", () => {
      if (!hidden.delete(name)) hidden.add(name);
      toggle.setAttribute("aria-pressed", String(!hidden.has(name)));
      show(store.get());
    });
    return toggle;
  });
  document.getElementById("events-heading")?.after(save);
  root.append(
    h("div", { class: "feed-tools" }, search, h("div", { class: "chips" }, ...toggles)),
    list,
    empty,
  );

  let drawn = "";
  function show({ events }: ClusterView): void {
    const words = search.value.trim().toLowerCase();
    const asked = `${events.at(-1)?.key} ${events.length} ${[...hidden]} ${words}`;
    if (asked === drawn) return;
    drawn = asked;
    const fitting = events
      .filter((event) => fits(event, hidden, words))
      .slice(-SHOWN_MAX)
      .reverse();
    keyed(list, fitting, { key: ({ key }) => key, make: makeItem });
    empty.hidden = fitting.length > 0;
    list.hidden = fitting.length === 0;
  }
  return store.subscribe(show);
}

function fits(event: FeedEvent, hidden: ReadonlySet<string>, words: string): boolean {
  const group = GROUPS.find(({ kinds }) => kinds.includes(event.kind));
  if (group !== undefined && hidden.has(group.name)) return false;
  if (words === "") return true;
  const text =
    `${event.node} ${event.kind} term ${event.term} ${event.peer ?? ""} ${event.text}`.toLowerCase();
  return words.split(/\s+/).every((word) => text.includes(word));
}

function makeItem(event: FeedEvent): HTMLLIElement {
  const dot = h("span", { class: "dot", "aria-hidden": "true" });
  vars(dot, { "--hue": `var(--node-${nodeHue(event.node)})` });
  const time = h("time", { class: "faint" });
  setText(time, clock(event.atMs));
  setAttribute(time, "datetime", new Date(event.atMs).toISOString());
  return h(
    "li",
    { "data-kind": event.kind },
    time,
    h("span", { class: "feed-node" }, dot, event.node),
    h("span", { class: "feed-text" }, event.text),
    h("span", { class: "faint feed-term" }, `term ${event.term}`),
  );
}

function saveAll({ events }: ClusterView): void {
  const blob = new Blob([`${JSON.stringify(events, undefined, 2)}\n`], { type: "application/json" });
  const url = URL.createObjectURL(blob);
  h("a", { href: url, download: "raftally-events.json" }).click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}
