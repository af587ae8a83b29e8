/** Breaks a local cluster on purpose: kills, pauses and replaces nodes, and cuts the links between them. */

import { type Choice, choicesOf, stateText } from "../chaos/choices.ts";
import {
  Control,
  ControlError,
  controlAddress,
  type Deed,
  deedText,
  type LocalNode,
  type LocalState,
} from "../chaos/control.ts";
import { h, keyed, setAttribute, setText, vars } from "../dom.ts";
import type { ClusterView } from "../model/view.ts";
import type { Store } from "../store.ts";
import { clock, nodeHue } from "../words.ts";
import { button, disable, onPress } from "./chaos-button.ts";
import { CutForm } from "./chaos-cut.ts";

const ASK_EVERY_MS = 1_000;
const DEEDS_MAX = 8;

/** Fills `root`, and shows the card that it is in, if this page belongs to a local cluster. @returns what ends it. */
export function mountChaos(root: HTMLElement, store: Store): () => void {
  const address = controlAddress(document);
  if (address === undefined) {
    root.dataset["ready"] = "absent";
    return () => undefined;
  }
  const panel = new ChaosPanel(root, new Control(address));
  const card = root.closest("section");
  if (card !== null) card.hidden = false;
  const end = store.subscribe((view) => panel.draw(view));
  const timer = setInterval(() => {
    if (document.visibilityState === "visible") void panel.refresh();
  }, ASK_EVERY_MS);
  void panel.refresh();
  return () => {
    end();
    clearInterval(timer);
    root.replaceChildren();
  };
}

/** Something that was done, for the list of deeds. */
interface Told {
  readonly key: string;
  readonly atMs: number;
  readonly text: string;
  readonly command: string;
  readonly next: string;
  readonly failed: boolean;
}

class ChaosPanel {
  readonly #root: HTMLElement;
  readonly #control: Control;
  readonly #busy = new Set<string>();
  #local: LocalState | undefined;
  #view: ClusterView | undefined;
  #told: readonly Told[] = [];
  #deeds = 0;

  readonly #leader = button("Kill the leader", "danger");
  readonly #nodes = h("ul", { class: "chaos-nodes" });
  readonly #links = new CutForm((cut) => this.#do({ kind: "links", ...cut }, "links"));
  readonly #problem = h("p", { class: "chaos-problem", role: "status" });
  readonly #none = h("p", { class: "faint" }, "Whatever you press, the command that does it stands here.");
  readonly #list = h("ol", { class: "chaos-deeds", "aria-label": "What was done, newest first" });
  readonly #dialog = new WipeDialog((id) => this.#do({ kind: "node", id, verb: "wipe" }, id));

  constructor(root: HTMLElement, control: Control) {
    this.#root = root;
    this.#control = control;
    root.classList.add("chaos");
    const first = h("div", { class: "chaos-first" }, this.#leader, this.#problem);
    const deeds = h(
      "div",
      { class: "chaos-by-hand" },
      h("h3", {}, "The same by hand"),
      this.#none,
      this.#list,
    );
    root.append(
      banner(),
      h(
        "div",
        { class: "chaos-body" },
        h("div", { class: "chaos-do" }, first, this.#nodes, this.#links.element),
        deeds,
      ),
    );
    root.append(this.#dialog.element);
    onPress(this.#leader, () => this.#do({ kind: "killLeader" }, "leader"));
  }

  async refresh(): Promise<void> {
    try {
      this.#local = await this.#control.state();
      setText(this.#problem, "");
    } catch (error) {
      setText(this.#problem, sentence(error));
    }
    this.draw(this.#view);
  }

  draw(view: ClusterView | undefined): void {
    this.#view = view;
    const local = this.#local;
    if (local === undefined) return;
    const leader = view?.leader?.id;
    setText(this.#leader, leader === undefined ? "Kill the leader" : `Kill the leader (${leader})`);
    disable(this.#leader, leader === undefined || this.#busy.has("leader"));
    const nodes = local.nodes.filter(({ state }) => state !== "gone");
    keyed(this.#nodes, nodes, {
      key: ({ id }) => id,
      make: ({ id }) => this.#makeNode(id),
      update: (element, node) => this.#drawNode(element, node, local),
    });
    this.#links.draw(local, this.#busy.has("links"));
    this.#none.hidden = this.#told.length > 0;
    keyed(this.#list, this.#told, { key: ({ key }) => key, make: toldItem });
    this.#root.dataset["ready"] = "true";
  }

  #makeNode(id: string): HTMLLIElement {
    const dot = h("span", { class: "dot", "aria-hidden": "true" });
    vars(dot, { "--hue": `var(--node-${nodeHue(id)})` });
    return h(
      "li",
      { class: "chaos-node", "data-node": id },
      h("span", { class: "chaos-name" }, dot, h("strong", {}, id), h("span", { class: "chaos-role" })),
      h("span", { class: "chaos-state" }),
      h("div", { class: "chaos-buttons", role: "group", "aria-label": `Do to ${id}` }),
    );
  }

  #drawNode(element: HTMLElement, node: LocalNode, local: LocalState): void {
    const [name, state, buttons] = element.children;
    const role = name?.querySelector(".chaos-role");
    if (role !== null && role !== undefined) {
      setText(role, this.#view?.leader?.id === node.id ? "leads" : "");
    }
    if (state !== undefined) setText(state, stateText(node, local));
    setAttribute(element, "data-state", node.state);
    if (buttons === undefined) return;
    // By place and not by verb: the button that paused a node is the one that resumes it, and keeps the focus.
    keyed(
      buttons,
      choicesOf(node).map((choice, at) => ({ choice, at })),
      {
        key: ({ at }) => String(at),
        make: ({ at }) => {
          const made = button("", at === 3 ? "danger small" : "small");
          made.addEventListener("click", () => this.#choose(node.id, made.dataset["verb"]));
          return made;
        },
        update: (made, { choice }) => drawChoice(made, choice, node.id, this.#busy.has(node.id)),
      },
    );
  }

  #choose(id: string, verb: string | undefined): void {
    switch (verb) {
      case "wipe":
        this.#dialog.ask(id);
        return;
      case "kill":
      case "pause":
      case "resume":
      case "restart":
      case "start":
        this.#do({ kind: "node", id, verb }, id);
    }
  }

  /** @param busy what cannot be asked for something else meanwhile. */
  #do(deed: Deed, busy: string): void {
    if (this.#busy.has(busy)) return;
    this.#busy.add(busy);
    this.draw(this.#view);
    const finish = async (): Promise<void> => {
      try {
        const done = await this.#control.act(deed);
        const { command, next } = done;
        this.#tell({ text: `${deedText(deed, done)}.`, command, next, failed: false });
      } catch (error) {
        this.#tell({ text: `${sentence(error)} Nothing was done.`, command: "", next: "", failed: true });
      }
      this.#busy.delete(busy);
      await this.refresh();
    };
    void finish();
  }

  #tell(told: Omit<Told, "key" | "atMs">): void {
    this.#deeds += 1;
    this.#told = [{ ...told, key: String(this.#deeds), atMs: Date.now() }, ...this.#told].slice(0, DEEDS_MAX);
  }
}

function banner(): HTMLElement {
  return h(
    "p",
    { class: "chaos-banner", role: "note" },
    "Only in a local cluster: these buttons act on real processes and links on this machine. They are here because the " +
      "cluster was started with ",
    h("code", {}, "--chaos"),
    ", as ",
    h("code", {}, "npm start"),
    " does. Count meanwhile: no count may go missing.",
  );
}

function drawChoice(element: HTMLElement, choice: Choice, id: string, busy: boolean): void {
  setText(element, choice.text);
  setAttribute(element, "data-verb", choice.enabled && !busy ? choice.verb : undefined);
  setAttribute(element, "aria-label", `${choice.text.replace("…", "")} ${id}`);
  disable(element, busy || !choice.enabled);
}

function toldItem({ atMs, text, command, next, failed }: Told): HTMLLIElement {
  return h(
    "li",
    { "data-failed": failed },
    h("time", { class: "faint", datetime: new Date(atMs).toISOString() }, clock(atMs)),
    h("strong", { class: "chaos-told" }, text),
    command !== "" && h("code", { class: "chaos-command" }, command),
    next !== "" && h("span", { class: "chaos-next" }, next),
  );
}

function sentence(error: unknown): string {
  const text = error instanceof ControlError ? error.message : "something unexpected happened";
  return `${text.charAt(0).toUpperCase()}${text.slice(1).replace(/\.$/, "")}.`;
}

/** What cannot be undone is asked for twice. */
class WipeDialog {
  readonly element: HTMLDialogElement;
  readonly #question = h("p");
  readonly #heading = h("h3", { id: "chaos-wipe" });
  #id = "";

  constructor(confirmed: (id: string) => void) {
    const yes = button("Delete and replace", "danger");
    const no = button("Keep it");
    this.element = h(
      "dialog",
      { class: "chaos-dialog", "aria-labelledby": "chaos-wipe" },
      this.#heading,
      this.#question,
      h("div", { class: "chaos-links" }, no, yes),
    );
    no.addEventListener("click", () => this.element.close());
    yes.addEventListener("click", () => {
      this.element.close();
      confirmed(this.#id);
    });
  }

  ask(id: string): void {
    this.#id = id;
    setText(this.#heading, `Delete all that ${id} remembers?`);
    setText(
      this.#question,
      `${id} is killed and its data is deleted. A fresh node joins under a new name, learns everything from the others, ` +
        "and takes its place. That cannot be undone; the cluster keeps every count as long as the others are well.",
    );
    this.element.showModal();
  }
}
