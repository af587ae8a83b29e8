/** One node of the picture: a shape for its role, its name and role in words, and a ring that runs down. */

import { setAttribute, setText, svg, vars } from "../dom.ts";
import { nodeHue } from "../words.ts";
import { type Place, polygon, RING_GAP } from "./layout.ts";
import type { Look, SceneNode } from "./scene.ts";

/** Longer names are cut in the picture; the words beside it have all of them. */
const NAME_LENGTH_MAX = 9;

export function makeNode(): SVGGElement {
  return svg(
    "g",
    { class: "topology-node", role: "img", tabindex: 0 },
    svg("circle", { class: "topology-focus" }),
    svg("circle", { class: "topology-ring-track" }),
    svg("circle", { class: "topology-ring", pathLength: 1, transform: "rotate(-90)" }),
    svg("g", { class: "topology-shape" }),
    svg("text", { class: "topology-name" }),
    svg("text", { class: "topology-role" }),
    svg("text", { class: "topology-second" }),
    svg("text", { class: "topology-alarm" }),
  );
}

export function drawNode(
  element: SVGGElement,
  node: SceneNode,
  { place, radius }: { readonly place: Place; readonly radius: number },
): void {
  setAttribute(element, "transform", `translate(${place.x.toFixed(1)} ${place.y.toFixed(1)})`);
  setAttribute(element, "data-look", node.look);
  setAttribute(element, "data-node", node.id);
  setAttribute(element, "aria-label", node.words);
  vars(element, { "--hue": `var(--node-${nodeHue(node.id)})` });
  const [focus, track, ring, shape, name, role, second, alarm] = [...element.children];
  if (!(ring instanceof SVGElement) || shape === undefined) return;
  setAttribute(focusable(focus), "r", radius + RING_GAP + 5);
  for (const circle of [focusable(track), ring]) setAttribute(circle, "r", radius + RING_GAP);
  setAttribute(element, "data-timed", node.timer !== undefined);
  vars(ring, { "--left": (node.timer ?? 0).toFixed(3) });
  drawShape(shape, node.look, radius);
  write(name, shorten(node.id), node.look === "leader" ? 12 : node.look === "silent" ? 10 : 5);
  const reach = radius + RING_GAP;
  write(role, node.role, place.wordsAbove ? -reach - 24 : reach + 18);
  write(second, node.second, place.wordsAbove ? -reach - 8 : reach + 34);
  write(alarm, node.alarm ? "⚠" : "", radius * 0.75);
}

function focusable(element: Element | undefined): Element {
  return element ?? svg("circle");
}

function write(element: Element | undefined, text: string, y: number): void {
  if (element === undefined) return;
  setAttribute(element, "y", y);
  setText(element, text);
}

function shorten(id: string): string {
  return id.length <= NAME_LENGTH_MAX ? id : `${id.slice(0, NAME_LENGTH_MAX - 1)}…`;
}

/** Made anew only when the role changes. */
function drawShape(parent: Element, look: Look, radius: number): void {
  const wanted = `${look} ${radius}`;
  if (parent.getAttribute("data-shape") === wanted) return;
  parent.setAttribute("data-shape", wanted);
  parent.replaceChildren(...shapesOf(look, radius));
}

function shapesOf(look: Look, radius: number): readonly SVGElement[] {
  const r = radius;
  switch (look) {
    case "leader":
      return [
        svg("circle", { r, class: "topology-body" }),
        svg("circle", { r: r - 4, class: "topology-inner" }),
        crown(r),
      ];
    case "formerLeader":
      return [
        svg("circle", { r, class: "topology-body" }),
        crown(r),
        svg("path", { class: "topology-strike", d: cross(r * 0.7) }),
      ];
    case "follower":
      return [svg("circle", { r, class: "topology-body" })];
    case "candidate":
      return [svg("polygon", { points: polygon(6, r * 1.08), class: "topology-body" })];
    case "learner":
    case "joining":
      return [
        svg("rect", {
          x: -r * 0.9,
          y: -r * 0.9,
          width: r * 1.8,
          height: r * 1.8,
          rx: r * 0.3,
          class: "topology-body",
        }),
      ];
    case "down":
      return [
        svg("circle", { r, class: "topology-body" }),
        svg("path", { class: "topology-strike", d: cross(r * 0.62) }),
      ];
    case "silent":
      return [
        svg("circle", { r, class: "topology-body" }),
        svg("path", { class: "topology-pause", d: bars(r) }),
      ];
    case "unheard":
      return [svg("circle", { r, class: "topology-body" })];
  }
}

function crown(radius: number): SVGElement {
  const d = "M-9,5 L-11,-5 L-5,-1 L0,-8 L5,-1 L11,-5 L9,5 Z";
  return svg("path", { d, class: "topology-crown", transform: `translate(0 ${-radius * 0.38})` });
}

function cross(size: number): string {
  const s = size.toFixed(1);
  return `M-${s},-${s} L${s},${s} M${s},-${s} L-${s},${s}`;
}

/** Two bars, as on a button that pauses, over the name. */
function bars(radius: number): string {
  const top = (-radius * 0.72).toFixed(1);
  const end = (-radius * 0.3).toFixed(1);
  return `M-4,${top} V${end} M4,${top} V${end}`;
}
