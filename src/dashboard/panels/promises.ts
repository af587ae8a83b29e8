/** "What we promised": three promises, each with the evidence for it, red if it was broken. */

import { h, setAttribute, setText } from "../dom.ts";
import type { Writer } from "../live/writer.ts";
import { compareDigests } from "../model/digests.ts";
import { listed } from "../model/phrases.ts";
import type { Promises } from "../model/promises.ts";
import type { ClusterView, Tone } from "../model/view.ts";
import type { Store } from "../store.ts";
import { whole } from "../words.ts";

interface Tile {
  readonly element: HTMLElement;
  show(
    tone: Tone,
    parts: { readonly figure: string; readonly words: string; readonly evidence: string },
  ): void;
}

const MARKS: Readonly<Record<Tone, string>> = {
  good: "kept",
  busy: "at work",
  warn: "look",
  bad: "broken",
  none: "not yet",
};

export function mountPromises(root: HTMLElement, store: Store, writer: Writer): () => void {
  const lost = tile("No count is lost");
  const same = tile("All copies are the same");
  const once = tile("Each write counts once");
  const own = tile("This page's own clicks");
  root.append(h("div", { class: "promises" }, lost.element, same.element, once.element, own.element));
  return store.subscribe((view) => {
    const { promises } = view;
    showLost(lost, promises, view);
    showSame(same, view);
    showOnce(once, promises);
    showOwn(own, writer);
  });
}

function tile(title: string): Tile {
  const mark = h("span", { class: "tag" });
  const figure = h("p", { class: "promise-figure" });
  const words = h("p", { class: "promise-words" });
  const evidence = h("p", { class: "faint small" });
  const element = h("div", { class: "promise" }, h("h3", {}, title, " ", mark), figure, words, evidence);
  return {
    element,
    show: (tone, parts) => {
      setAttribute(element, "data-tone", tone);
      setAttribute(mark, "data-tone", tone);
      setText(mark, MARKS[tone]);
      setText(figure, parts.figure);
      setText(words, parts.words);
      setText(evidence, parts.evidence);
    },
  };
}

function showLost(tile: Tile, { accounts, acknowledged, lost }: Promises, { nodes }: ClusterView): void {
  if (accounts.length === 0)
    return tile.show("none", { figure: "–", words: "Nothing was heard yet", evidence: "" });
  const wrong = accounts.filter(({ settled, applied }) => settled > applied);
  const evidence = (
    wrong.length > 0 ? wrong : accounts.filter((account) => nodes.some(({ id }) => id === account.id))
  )
    .map(
      ({ id, settled, applied }) =>
        `${id}: ${whole(settled)} ${settled > applied ? ">" : "≤"} ${whole(applied)}`,
    )
    .join(" · ");
  const words =
    lost > 0
      ? `acknowledged changes are missing from what was applied`
      : `acknowledged, and every one of them applied: 0 lost`;
  tile.show(lost > 0 ? "bad" : "good", {
    figure: whole(lost > 0 ? lost : acknowledged),
    words,
    evidence: `Said "done" more than 3 s ago ≤ applied, since each node started – ${evidence}`,
  });
}

function showSame(tile: Tile, { nodes }: ClusterView): void {
  const digests = compareDigests(nodes);
  const { index, fault, digest } = digests;
  if (fault !== undefined) {
    const evidence = fault.sides.map((side) => `${listed(side.nodes)}: ${hex(side.digest)}`).join(" · ");
    const words = `is where the copies first differ`;
    return tile.show("bad", { figure: `index ${whole(fault.index)}`, words, evidence });
  }
  if (index === undefined) {
    const words = nodes.length < 2 ? "There is one copy only" : "Nothing could be compared yet";
    return tile.show("none", { figure: "–", words, evidence: "" });
  }
  tile.show("good", {
    figure: `index ${whole(index)}`,
    words: `is the last at which ${listed(digests.nodes)} were compared: equal`,
    evidence: `Digest of all counters there: ${hex(digest ?? 0)}`,
  });
}

function showOnce(tile: Tile, { replays, unknown, accounts }: Promises): void {
  if (accounts.length === 0)
    return tile.show("none", { figure: "–", words: "Nothing was heard yet", evidence: "" });
  const words =
    replays === 1
      ? "repeat was recognised and not counted again"
      : "repeats were recognised and not counted again";
  const evidence =
    unknown === 0
      ? "Nobody was left without an answer"
      : unknown === 1
        ? "1 write ended without an answer: its caller knows, and may ask again"
        : `${whole(unknown)} writes ended without an answer: their callers know, and may ask again`;
  tile.show("good", { figure: whole(replays), words, evidence });
}

function showOwn(tile: Tile, writer: Writer): void {
  const { sent, counted, refused, retried, unknown, sameRevision } = writer.tally;
  if (sent === 0) {
    return tile.show("none", { figure: "0", words: "Click +1, and break something meanwhile", evidence: "" });
  }
  const open = sent - counted - refused - unknown;
  const bad = sameRevision > 0;
  const words = bad
    ? "answers spoke of a change that another answer had spoken of"
    : `of ${whole(sent)} ${sent === 1 ? "click" : "clicks"} counted, each with a revision of its own`;
  const evidence = [
    ...(open > 0 ? [`${whole(open)} under way`] : []),
    `${whole(retried)} had to be sent again`,
    ...(refused > 0 ? [`${whole(refused)} refused`] : []),
    ...(unknown > 0 ? [`${whole(unknown)} unknown`] : []),
  ].join(" · ");
  tile.show(bad ? "bad" : unknown > 0 ? "warn" : open > 0 && counted === 0 ? "busy" : "good", {
    figure: whole(bad ? sameRevision : counted),
    words,
    evidence,
  });
}

/** 52 bits. */
function hex(digest: number): string {
  return digest.toString(16).padStart(13, "0");
}
