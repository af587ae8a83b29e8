/** The bar at the top: how the cluster is, in words, read out when it changes. */

import { h, keyed, setAttribute, setText, svg } from "../dom.ts";
import { listed } from "../model/phrases.ts";
import { standingOf } from "../model/standing.ts";
import type { ClusterView, Tone } from "../model/view.ts";
import type { Store } from "../store.ts";

/** A shape for each tone, so that colour is never the only sign; on a field of 24 by 24. */
const SHAPES: Readonly<Record<Tone, string>> = {
  good: "M5 12.5 10 17.5 19.5 7",
  busy: "M12 3.5a8.5 8.5 0 1 1-8.5 8.5",
  warn: "M12 6v7.5M12 17.5v.5",
  bad: "M7 7l10 10M17 7 7 17",
  none: "M6 12h.5M12 12h.5M18 12h.5",
};

const TITLES: Readonly<Record<Tone, string>> = {
  good: "",
  busy: "… ",
  warn: "! ",
  bad: "✕ ",
  none: "",
};

export function mountVerdict(root: HTMLElement, store: Store): () => void {
  const path = svg("path", { d: SHAPES.none });
  const icon = svg("svg", { viewBox: "0 0 24 24", class: "verdict-icon", "aria-hidden": "true" }, path);
  const sentence = h("p", { class: "verdict-sentence" });
  const notes = h("ul", { class: "verdict-notes" });
  const voters = h("div", { class: "quorum-voters" });
  const needed = h("p", { class: "quorum-needed" });
  const meter = h("div", { class: "quorum", role: "img" }, voters, needed);
  const away = h("p", { class: "sr", role: "status" });
  const polite = h("p", { class: "sr", role: "status", "aria-live": "polite" });
  const urgent = h("p", { class: "sr", role: "alert", "aria-live": "assertive" });
  const bar = h(
    "div",
    { class: "verdict" },
    icon,
    h("div", { class: "verdict-words" }, sentence, notes),
    meter,
  );
  root.append(bar, away, polite, urgent);
  return store.subscribe((view) => {
    const { verdict } = view;
    setAttribute(bar, "data-tone", verdict.tone);
    setAttribute(bar, "data-kind", verdict.kind);
    setAttribute(path, "d", SHAPES[verdict.tone]);
    setText(sentence, verdict.sentence);
    keyed(notes, verdict.notes.slice(0, 5), {
      // A count that changes is no other note; n2 and n3 are.
      key: (note) => note.replace(/(?<=\s)[\d,]+/g, "#"),
      make: () => h("li"),
      update: setText,
    });
    setText(verdict.tone === "bad" ? urgent : polite, verdict.sentence);
    setText(verdict.tone === "bad" ? polite : urgent, "");
    showMeter({ meter, voters, needed }, view);
    setText(away, awayText(view));
    const title = `${TITLES[verdict.tone]}${verdict.sentence} · Raftally`;
    if (document.title !== title) document.title = title;
  });
}

/** One segment for each voter, filled while it counts; a mark where the majority is. */
function showMeter(
  { meter, voters, needed: caption }: Readonly<Record<"meter" | "voters" | "needed", HTMLElement>>,
  { nodes, configuration, leader }: ClusterView,
): void {
  const standing = standingOf(nodes, configuration);
  const present = leader === undefined ? standing.best : standing.reach(leader.id);
  const count = standing.voters.length;
  const needed = Math.floor(count / 2) + 1;
  const ordered = [...standing.voters].sort(
    (a, b) => Number(present.includes(b)) - Number(present.includes(a)),
  );
  keyed(voters, ordered, {
    key: (id) => id,
    make: (id) => h("span", { class: "quorum-voter" }, id),
    update: (element, id) => {
      setAttribute(element, "data-counts", present.includes(id));
      setAttribute(element, "data-last-needed", ordered.indexOf(id) === needed - 1 && count > 1);
    },
  });
  const words = `${present.length} of ${count} voters work together; ${needed} are needed`;
  setAttribute(meter, "aria-label", count === 0 ? "No voter is known" : words);
  setAttribute(meter, "title", count === 0 ? undefined : words);
  setText(caption, count < 2 ? "" : `${needed} needed`);
}

/** Read out when the node that served the page dies; the notes show it, and with it how long ago, which changes. */
function awayText({ home, nodes }: ClusterView): string {
  const others = nodes.filter(({ fresh, served }) => fresh && !served).map(({ id }) => id);
  if (home.id === undefined || home.answers || others.length === 0) return "";
  return `${home.id}, which this page came from, does not answer any more. The page goes on with ${listed(others)}.`;
}
