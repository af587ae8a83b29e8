/** Buttons that stay in their place and keep the focus while they cannot be pressed. */

import { h, setAttribute } from "../dom.ts";

export function button(text: string, kind = ""): HTMLButtonElement {
  return h("button", { type: "button", class: `button ${kind}`.trim() }, text);
}

/** Stays in the order of Tab, so that whoever has just pressed it does not lose the place. */
export function disable(element: HTMLElement, disabled: boolean): void {
  setAttribute(element, "aria-disabled", disabled ? "true" : undefined);
}

/** What is said to be disabled does nothing. */
export function onPress(element: HTMLElement, run: () => void): void {
  element.addEventListener("click", () => {
    if (element.getAttribute("aria-disabled") !== "true") run();
  });
}
