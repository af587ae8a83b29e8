/** The cluster as a picture: nodes, the links between them, and messages on their way. */

import { h, keyed, setAttribute, setText, svg } from "../dom.ts";
import type { ClusterView } from "../model/view.ts";
import { motionIsWelcome } from "../motion.ts";
import type { Store } from "../store.ts";
import { type Comet, Traffic } from "../topology/comets.ts";
import { drawNode, makeNode } from "../topology/draw-node.ts";
import { between, type Layout, labelPlace, layOut, type Place, RING_GAP } from "../topology/layout.ts";
import { type Scene, type SceneEdge, type SceneNode, sceneOf, tripText } from "../topology/scene.ts";
import { keepDrawn } from "./keep-drawn.ts";

/** Dots on their way at once. */
const COMETS_MAX = 64;
/** How long a message is seen to travel, ms; real ones take a thousandth of it. */
const TRAVEL_MS = 650;
/** In a bigger cluster only the leader's links are labelled. */
const LABELLED_NODES_MAX = 4;
/** There and back are this far apart, px. */
const ASIDE = 5;

/** Fills `root` and keeps it up to date. @returns what ends it. */
export function mountTopology(root: HTMLElement, store: Store): () => void {
  const picture = new Picture(root);
  const traffic = new Traffic();
  const draw = (view: ClusterView): void => {
    const comets = traffic.comets(view);
    const moving = motionIsWelcome();
    picture.draw(sceneOf(view), moving ? undefined : traffic.rates());
    if (moving && document.visibilityState === "visible") picture.fly(comets);
    root.dataset["ready"] = "true";
  };
  return keepDrawn(root, store, draw);
}

/** A node where it stands. */
interface Placed {
  readonly node: SceneNode;
  readonly place: Place;
}

class Picture {
  readonly #root: HTMLElement;
  readonly #svg = svg("svg", {
    class: "topology-picture",
    role: "group",
    "aria-label": "The nodes and their links",
  });
  readonly #edges = svg("g", { "aria-hidden": "true" });
  /** Behind the SVG and not in it, where whatever moves has everything painted anew at each frame. */
  readonly #comets = h("div", { class: "topology-comets", "aria-hidden": "true" });
  readonly #labels = svg("g", { "aria-hidden": "true" });
  readonly #nodes = svg("g");
  readonly #words = h("ul", { class: "topology-words" });
  readonly #told = h("p", { class: "topology-told" });
  #layout: Layout = layOut(0, 0);
  #placed: ReadonlyMap<string, Placed> = new Map();
  /** The node that is pointed at or has the focus. */
  #pointed: string | undefined;

  constructor(root: HTMLElement) {
    this.#root = root;
    this.#svg.append(this.#edges, this.#labels, this.#nodes);
    root.classList.add("topology");
    root.append(
      h("div", { class: "topology-stage" }, this.#comets, this.#svg),
      this.#told,
      legend(),
      h("details", { class: "topology-details" }, h("summary", {}, "The picture in words"), this.#words),
    );
  }

  /** @param rates messages per second by "from to", to be written where they cannot be seen to move. */
  draw(scene: Scene, rates: ReadonlyMap<string, number> | undefined): void {
    const layout = layOut(scene.nodes.length, this.#root.clientWidth);
    this.#layout = layout;
    setAttribute(this.#svg, "viewBox", `0 0 ${layout.width} ${layout.height}`);
    setAttribute(this.#svg, "width", layout.width);
    setAttribute(this.#svg, "height", layout.height);
    const placed = scene.nodes.map((node, at) => ({ node, place: layout.places[at] ?? NOWHERE }));
    this.#placed = new Map(placed.map((each) => [each.node.id, each]));
    keyed(this.#nodes, placed, {
      key: ({ node }) => node.id,
      make: ({ node }) => this.#node(node.id),
      update: (element, { node, place }) => drawNode(element, node, { place, radius: layout.radius }),
    });
    this.#drawEdges(scene, rates);
    keyed(this.#words, scene.nodes, {
      key: ({ id }) => id,
      make: () => h("li"),
      update: (element, { words }) => setText(element, words),
    });
    this.#tell();
  }

  #drawEdges(scene: Scene, rates: ReadonlyMap<string, number> | undefined): void {
    keyed(this.#edges, scene.edges, {
      key: ({ key }) => key,
      make: () => svg("line", { class: "topology-edge" }),
      update: (element, edge) => {
        const [from, to] = this.#way(edge.from, edge.to, 0);
        setAttribute(element, "data-state", edge.state);
        setAttribute(element, "x1", from.x.toFixed(1));
        setAttribute(element, "y1", from.y.toFixed(1));
        setAttribute(element, "x2", to.x.toFixed(1));
        setAttribute(element, "y2", to.y.toFixed(1));
      },
    });
    const ids = scene.nodes.map(({ id }) => id);
    const few = scene.nodes.length <= LABELLED_NODES_MAX;
    const labelled = scene.edges.filter(({ ofLeader, state }) => few || ofLeader || state.endsWith("ut"));
    keyed(this.#labels, labelled, {
      key: ({ key }) => key,
      make: () => svg("text", { class: "topology-label" }),
      update: (element, edge) => {
        const [from, to] = this.#way(edge.from, edge.to, 0);
        const along = labelPlace(ids.indexOf(edge.from), ids.indexOf(edge.to), ids.length);
        setAttribute(element, "data-state", edge.state);
        setAttribute(element, "x", (from.x + (to.x - from.x) * along).toFixed(1));
        setAttribute(element, "y", (from.y + (to.y - from.y) * along + 4).toFixed(1));
        setText(element, edgeText(edge, rates));
      },
    });
  }

  /** Sends dots on their way, as many as the picture holds. */
  fly(comets: readonly Comet[]): void {
    const room = COMETS_MAX - this.#comets.childElementCount;
    // By the time of leaving, so that no node's messages crowd out another's.
    const sampled = comets.toSorted((a, b) => a.delayMs - b.delayMs).slice(0, Math.max(0, room));
    for (const { from, to, subject, delayMs, lost } of sampled) {
      const [start, there] = this.#way(from, to, ASIDE);
      // What is lost does not arrive.
      const end = lost ? { x: (start.x + there.x) / 2, y: (start.y + there.y) / 2 } : there;
      const dot = h("span", { class: "topology-comet", "data-subject": subject });
      this.#comets.append(dot);
      const flight = dot.animate(
        [
          { transform: `translate(${start.x}px, ${start.y}px)`, opacity: 0 },
          { opacity: 1, offset: 0.15 },
          { opacity: 1, offset: 0.85 },
          { transform: `translate(${end.x}px, ${end.y}px)`, opacity: 0 },
        ],
        { duration: lost ? TRAVEL_MS / 2 : TRAVEL_MS, delay: delayMs, fill: "both" },
      );
      flight.onfinish = () => dot.remove();
      flight.oncancel = () => dot.remove();
    }
  }

  #way(from: string, to: string, aside: number): ReturnType<typeof between> {
    const start = this.#placed.get(from)?.place ?? NOWHERE;
    const end = this.#placed.get(to)?.place ?? NOWHERE;
    return between(start, end, this.#layout.radius + RING_GAP + 4, aside);
  }

  #node(id: string): SVGGElement {
    const element = makeNode();
    const point = (): void => {
      this.#pointed = id;
      this.#tell();
    };
    const leave = (): void => {
      if (this.#pointed === id) this.#pointed = undefined;
      this.#tell();
    };
    element.addEventListener("focus", point);
    element.addEventListener("blur", leave);
    element.addEventListener("pointerenter", point);
    element.addEventListener("pointerleave", leave);
    return element;
  }

  /** What is said below the picture of the node that is pointed at. */
  #tell(): void {
    const pointed = this.#pointed === undefined ? undefined : this.#placed.get(this.#pointed);
    setText(this.#told, pointed?.node.words ?? "Point at a node, or move to it with Tab, to read how it is.");
    setAttribute(this.#told, "data-told", pointed !== undefined);
  }
}

const NOWHERE: Place = { x: 0, y: 0, wordsAbove: false };

function edgeText(edge: SceneEdge, rates: ReadonlyMap<string, number> | undefined): string {
  if (edge.state === "cut") return "cut";
  if (edge.state === "halfCut") {
    const { unheard, from, to } = edge;
    return unheard === from ? `${from} → ${to} cut` : `${to} → ${from} cut`;
  }
  if (edge.state !== "open") return "";
  const trip = edge.roundTripMs === undefined ? "" : tripText(edge.roundTripMs);
  if (rates === undefined) return trip;
  const both = (rates.get(`${edge.from} ${edge.to}`) ?? 0) + (rates.get(`${edge.to} ${edge.from}`) ?? 0);
  return `${trip} · ${Math.round(both)} msg/s`;
}

const SUBJECTS: readonly { readonly subject: Comet["subject"]; readonly text: string }[] = [
  { subject: "append", text: "entries" },
  { subject: "heartbeat", text: "heartbeat" },
  { subject: "answer", text: "answer" },
  { subject: "vote", text: "vote" },
  { subject: "read", text: "read" },
  { subject: "snapshot", text: "snapshot" },
];

/** What the dots and the ring mean; each kind of dot has a shape of its own, which the dots in the picture use too. */
function legend(): HTMLElement {
  const list = h("ul", { class: "topology-legend" });
  for (const { subject, text } of SUBJECTS) {
    list.append(
      h(
        "li",
        {},
        h("span", { class: "topology-sign", "data-subject": subject, "aria-hidden": "true" }),
        text,
      ),
    );
  }
  const ring = svg("svg", { viewBox: "-7 -7 14 14", width: 14, height: 14, "aria-hidden": "true" });
  ring.append(svg("path", { class: "topology-ring-sign", d: "M0,-5 A5,5 0 1 1 -5,0" }));
  list.append(h("li", {}, ring, "time left before it stands for election"));
  return list;
}
