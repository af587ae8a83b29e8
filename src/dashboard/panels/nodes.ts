/** The table of nodes, and how long a message takes between any two. */

import { h, keyed, setAttribute, setText, vars } from "../dom.ts";
import { span } from "../model/phrases.ts";
import type { ClusterView, NodeView } from "../model/view.ts";
import type { Store } from "../store.ts";
import { bytes, duration, nodeHue, whole } from "../words.ts";

interface Column {
  readonly title: string;
  readonly hint?: string;
  readonly number?: true;
  readonly text: (node: NodeView) => string;
}

/** What a node that is not heard now showed last would mislead; these say it only while it is. */
function now(text: (node: NodeView) => string): (node: NodeView) => string {
  return (node) => (node.fresh ? text(node) : "–");
}

const COLUMNS: readonly Column[] = [
  { title: "Role", text: roleOf },
  { title: "Term", number: true, text: now(({ picture }) => whole(picture?.status.term ?? 0)) },
  {
    title: "Committed",
    hint: "the last entry of the log that it knows to be on a majority",
    number: true,
    text: ({ picture }) => (picture === undefined ? "–" : whole(picture.status.commit)),
  },
  {
    title: "Applied",
    hint: "the last entry whose increments are in its counters",
    number: true,
    text: ({ picture }) => (picture === undefined ? "–" : whole(picture.status.applied)),
  },
  { title: "Lag", number: true, text: ({ lag }) => (lag === undefined ? "–" : whole(lag)) },
  {
    title: "Last contact",
    hint: "how long ago it heard from a leader",
    number: true,
    text: now(({ picture }) =>
      picture?.status.role === "leader" ? "leads" : duration(picture?.election?.elapsedMs),
    ),
  },
  {
    title: "Heard",
    hint: "when this page last had a picture of it",
    number: true,
    text: ({ ageMs }) => (ageMs === undefined ? "never" : ageMs < 1_500 ? "now" : `${span(ageMs)} ago`),
  },
  { title: "fsync p99", number: true, text: now(({ fsyncWorstMs }) => duration(fsyncWorstMs)) },
  { title: "Memory", number: true, text: now(({ picture }) => bytes(picture?.memoryBytes ?? 0)) },
  { title: "Up for", number: true, text: now(({ picture }) => span(picture?.status.uptimeMs ?? 0)) },
  { title: "Version", text: ({ picture }) => picture?.status.version ?? "–" },
];

const ROLES: Readonly<Record<string, string>> = {
  leader: "leader",
  follower: "follower",
  candidate: "candidate",
  preCandidate: "asks for votes",
  learner: "learner",
};

function roleOf({ fresh, picture, membership }: NodeView): string {
  if (!fresh) return "not heard";
  if (picture?.status.state !== "running") return picture?.status.state ?? "–";
  if (membership === "joining" || membership === "leaving")
    return `${ROLES[picture.status.role]}, ${membership}`;
  return ROLES[picture.status.role] ?? picture.status.role;
}

export function mountNodes(root: HTMLElement, store: Store): () => void {
  const body = h("tbody");
  const heads = COLUMNS.map(({ title, hint, number }) =>
    h("th", { scope: "col", class: number === true ? "number" : "", title: hint }, title),
  );
  const table = h(
    "table",
    { class: "nodes" },
    h("caption", { class: "sr" }, "The nodes of the cluster"),
    h(
      "thead",
      {},
      h("tr", {}, h("th", { scope: "col" }, "Node"), ...heads, h("th", { scope: "col" }, "Checks")),
    ),
    body,
  );
  const matrix = h("table", { class: "trips" });
  const matrixTitle = h("h3", { id: "trips-heading" }, "Round trips");
  root.append(
    h("div", { class: "scroll", tabindex: 0, role: "group", "aria-labelledby": "nodes-heading" }, table),
    h(
      "div",
      { class: "trips-box" },
      matrixTitle,
      h("div", { class: "scroll", tabindex: 0, role: "group", "aria-labelledby": "trips-heading" }, matrix),
    ),
  );
  return store.subscribe((view) => {
    keyed(body, view.nodes, { key: ({ id }) => id, make: makeRow, update: showRow });
    showMatrix(matrix, view);
  });
}

function makeRow({ id }: NodeView): HTMLTableRowElement {
  const dot = h("span", { class: "dot" });
  vars(dot, { "--hue": `var(--node-${nodeHue(id)})` });
  const cells = COLUMNS.map(({ number }) => h("td", { class: number === true ? "number" : "" }));
  const checks = h("td", {}, h("a", { target: "_blank", rel: "noreferrer" }));
  return h("tr", {}, h("th", { scope: "row" }, dot, h("span", {}, id)), ...cells, checks);
}

function showRow(row: HTMLTableRowElement, node: NodeView): void {
  setAttribute(row, "data-quiet", !node.fresh);
  setAttribute(row, "data-leads", node.leads);
  COLUMNS.forEach(({ text }, at) => {
    const cell = row.cells[at + 1];
    if (cell !== undefined) setText(cell, text(node));
  });
  const link = row.querySelector("a");
  if (link === null) return;
  const failed = (node.picture?.checks ?? []).filter(({ ok }) => !ok).map(({ name }) => name);
  setAttribute(link, "href", `${node.url}/readyz?verbose`);
  setAttribute(link, "data-failed", node.fresh && failed.length > 0);
  const words = failed.length === 0 ? "ready" : `not ready: ${failed.join(", ")}`;
  setText(link, node.fresh ? words : "ask it");
  setAttribute(link, "aria-label", `Checks of ${node.id}: ${node.fresh ? words : "ask it"}`);
}

/** Row by row: how long a message from this node to that one and back takes, as the row's node measured it. */
function showMatrix(matrix: HTMLTableElement, { nodes }: ClusterView): void {
  const ids = nodes.map(({ id }) => id);
  const shape = ids.join(" ");
  if (matrix.dataset["shape"] !== shape) {
    matrix.dataset["shape"] = shape;
    matrix.replaceChildren(
      h("caption", { class: "sr" }, "Round trips between nodes, as the node of the row measures them"),
      h("thead", {}, h("tr", {}, h("td"), ...ids.map((id) => h("th", { scope: "col" }, id)))),
      h(
        "tbody",
        {},
        ...ids.map((id) => h("tr", {}, h("th", { scope: "row" }, id), ...ids.map(() => h("td")))),
      ),
    );
  }
  nodes.forEach((from, row) => {
    const cells = matrix.tBodies[0]?.rows[row]?.cells;
    nodes.forEach((to, column) => {
      const cell = cells?.[column + 1];
      if (cell === undefined) return;
      const { text, state } = trip(from, to.id);
      setText(cell, text);
      setAttribute(cell, "data-state", state);
    });
  });
}

function trip(from: NodeView, to: string): { readonly text: string; readonly state: string } {
  if (from.id === to) return { text: "·", state: "self" };
  if (!from.fresh) return { text: "–", state: "unknown" };
  const peer = from.picture?.status.peers.find(({ id }) => id === to);
  if (peer === undefined) return { text: "–", state: "unknown" };
  if (!peer.reachable) return { text: "no link", state: "cut" };
  if (peer.roundTripMs === undefined) return { text: "linked", state: "near" };
  return { text: duration(peer.roundTripMs), state: peer.roundTripMs > 50 ? "far" : "near" };
}
