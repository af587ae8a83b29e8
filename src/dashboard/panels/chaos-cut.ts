/** Cuts the links of the chosen nodes, in one direction or in both. */

import { cutOf, DIRECTIONS } from "../chaos/choices.ts";
import type { Cut, LocalState } from "../chaos/control.ts";
import { h, keyed, setText, vars } from "../dom.ts";
import { listed } from "../model/phrases.ts";
import { nodeHue } from "../words.ts";
import { button, disable, onPress } from "./chaos-button.ts";

export class CutForm {
  readonly element: HTMLElement;
  readonly #chosen = new Set<string>();
  readonly #picks = h("span", { class: "chaos-picks" });
  readonly #direction: HTMLSelectElement;
  readonly #cut = button("Choose nodes to cut off");
  readonly #cutAll = button("Cut every link");
  readonly #heal = button("Heal all links");
  #local: LocalState | undefined;
  #busy = false;

  /** @param act cuts, or heals if there are no groups. */
  constructor(act: (cut: Cut) => void) {
    this.#direction = h(
      "select",
      { class: "field", "aria-label": "What is cut" },
      ...DIRECTIONS.map(({ direction, text }) => h("option", { value: direction }, text)),
    );
    this.element = h(
      "fieldset",
      { class: "chaos-cut" },
      h("legend", {}, "Links: cut the chosen nodes off from the others"),
      this.#picks,
      this.#direction,
      h("span", { class: "chaos-links" }, this.#cut, this.#cutAll, this.#heal),
    );
    onPress(this.#cut, () => {
      const cut = this.#wanted();
      if (cut !== undefined) act(cut);
    });
    onPress(this.#cutAll, () => act({ groups: this.#ids().map((id) => [id]), oneWay: false }));
    onPress(this.#heal, () => act({ groups: [], oneWay: false }));
  }

  draw(local: LocalState, busy: boolean): void {
    this.#local = local;
    this.#busy = busy;
    const ids = this.#ids();
    for (const id of this.#chosen) if (!ids.includes(id)) this.#chosen.delete(id);
    keyed(this.#picks, ids, { key: (id) => id, make: (id) => this.#makePick(id) });
    const chosen = ids.filter((id) => this.#chosen.has(id));
    setText(this.#cut, chosen.length === 0 ? "Choose nodes to cut off" : `Cut off ${listed(chosen)}`);
    disable(this.#cut, busy || this.#wanted() === undefined);
    disable(this.#cutAll, busy || ids.length < 2);
    const { cut, oneWay = [] } = local.links;
    disable(this.#heal, busy || cut.length + oneWay.length === 0);
  }

  #ids(): readonly string[] {
    return (this.#local?.nodes ?? []).filter(({ state }) => state !== "gone").map(({ id }) => id);
  }

  #wanted(): Cut | undefined {
    const direction = DIRECTIONS[this.#direction.selectedIndex]?.direction ?? "both";
    return cutOf(this.#local?.nodes ?? [], this.#chosen, direction);
  }

  #makePick(id: string): HTMLLabelElement {
    const check = h("input", { type: "checkbox", class: "chaos-check", value: id });
    check.addEventListener("change", () => {
      if (check.checked) this.#chosen.add(id);
      else this.#chosen.delete(id);
      if (this.#local !== undefined) this.draw(this.#local, this.#busy);
    });
    const dot = h("span", { class: "dot", "aria-hidden": "true" });
    vars(dot, { "--hue": `var(--node-${nodeHue(id)})` });
    return h("label", { class: "chaos-pick" }, check, dot, id);
  }
}
