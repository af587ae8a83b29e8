/** All counters: as a tree with sums, the largest, or those that fit a pattern; live, and each can be counted. */

import type { RaftallyClient } from "../../client/index.ts";
import { h, keyed, setAttribute, setText, vars } from "../dom.ts";
import { keepWatching } from "../live/watcher.ts";
import type { Writer } from "../live/writer.ts";
import { type Level, patternOf, type TreeRow, treeRows } from "../model/tree.ts";
import type { Store } from "../store.ts";
import { whole } from "../words.ts";

/** Sums are read again at most so often while counters change, ms. */
const READ_AGAIN_MS = 2_000;
const ROWS_MAX = 50;
/** Newer values of counters that are kept until the next reading. */
const LIVE_MAX = 2_000;
const READ_MS = 4_000;

type Mode = "tree" | "top";

/** @param choose shows a counter large. */
export function mountExplorer(
  root: HTMLElement,
  {
    store,
    writer,
    choose,
  }: { readonly store: Store; readonly writer: Writer; readonly choose: (key: string) => void },
): () => void {
  const explorer = new Explorer(root, writer, choose);
  // A stream that nobody looks at would cost the node and one of the browser's few connections.
  let end: (() => void) | undefined;
  const seen = new IntersectionObserver((entries) => {
    const visible = entries.at(-1)?.isIntersecting === true;
    if (visible && end === undefined) {
      const watch = keepWatching(
        { store, writer, prefer: "follower" },
        {},
        {
          event: (event) => {
            if (event.kind === "change") explorer.change(event.key, event.deleted ? undefined : event.value);
            else explorer.soon();
          },
          state: () => undefined,
        },
      );
      end = watch;
      explorer.wake();
    } else if (!visible && end !== undefined) {
      end();
      end = undefined;
      explorer.sleep();
    }
  });
  seen.observe(root);
  return () => {
    seen.disconnect();
    end?.();
    explorer.sleep();
  };
}

class Explorer {
  readonly #writer: Writer;
  readonly #choose: (key: string) => void;
  readonly #body: HTMLElement = h("tbody");
  readonly #empty: HTMLElement = h("p", { class: "faint" });
  readonly #total: HTMLElement = h("p", { class: "faint" });
  readonly #search: HTMLInputElement;
  readonly #modes: ReadonlyMap<Mode, HTMLButtonElement>;
  #mode: Mode = "tree";
  readonly #levels = new Map<string, Level>();
  readonly #open = new Set<string>();
  readonly #live = new Map<string, bigint>();
  #flat: Level = { groups: [], more: false };
  #awake = false;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #frame = 0;
  /** Answers to questions that were asked before the latest one are not shown. */
  #asked = 0;
  #problem = "";

  constructor(root: HTMLElement, writer: Writer, choose: (key: string) => void) {
    this.#writer = writer;
    this.#choose = choose;
    this.#search = h("input", {
      class: "field",
      type: "search",
      placeholder: "Search: acme, items:*, visits:2026-1[0-2]-*",
      "aria-label": "Search counters; * and ? and [ ] are wildcards",
      spellcheck: "false",
      autocomplete: "off",
      oninput: () => this.soon(150),
    });
    const button = (mode: Mode, text: string): HTMLButtonElement =>
      h(
        "button",
        {
          class: "button quiet small",
          type: "button",
          "aria-pressed": String(mode === this.#mode),
          onclick: () => this.#show(mode),
        },
        text,
      );
    this.#modes = new Map([
      ["tree", button("tree", "Tree")],
      ["top", button("top", "Largest")],
    ]);
    const heading = document.getElementById("explorer-heading");
    heading?.after(
      this.#total,
      h("div", { class: "chips", role: "group", "aria-label": "Order" }, ...this.#modes.values()),
    );
    const table = h(
      "table",
      { class: "explorer" },
      h("caption", { class: "sr" }, "Counters"),
      h(
        "thead",
        {},
        h(
          "tr",
          {},
          h("th", { scope: "col" }, "Key"),
          h("th", { scope: "col", class: "number" }, "Counters"),
          h("th", { scope: "col", class: "number" }, "Value or sum"),
          h("th", { scope: "col" }, h("span", { class: "sr" }, "Count")),
        ),
      ),
      this.#body,
    );
    root.append(
      this.#search,
      h(
        "div",
        {
          class: "scroll explorer-scroll",
          tabindex: 0,
          role: "group",
          "aria-labelledby": "explorer-heading",
        },
        table,
      ),
      this.#empty,
    );
  }

  wake(): void {
    this.#awake = true;
    this.soon(0);
  }

  sleep(): void {
    this.#awake = false;
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  /** A counter has changed: its own value is shown at once, sums follow. */
  change(key: string, value: bigint | undefined): void {
    if (value === undefined) this.#live.delete(key);
    else this.#live.set(key, value);
    if (this.#live.size > LIVE_MAX) {
      for (const oldest of this.#live.keys()) {
        this.#live.delete(oldest);
        break;
      }
    }
    this.#later();
    if (this.#timer === undefined) this.soon(READ_AGAIN_MS);
  }

  soon(ms: number = 0): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      if (this.#awake) void this.#read();
    }, ms);
  }

  #show(mode: Mode): void {
    this.#mode = mode;
    for (const [name, button] of this.#modes) button.setAttribute("aria-pressed", String(name === mode));
    this.soon();
  }

  get #text(): string {
    return this.#search.value.trim();
  }

  async #read(): Promise<void> {
    const asked = ++this.#asked;
    const client = this.#writer.client("follower");
    try {
      if (this.#text !== "" || this.#mode === "top") await this.#readFlat(client, asked);
      else await this.#readTree(client, asked);
      if (asked === this.#asked) this.#problem = "";
    } catch (error) {
      this.#problem = error instanceof Error ? error.message : String(error);
      if (asked === this.#asked && this.#timer === undefined) this.soon(READ_AGAIN_MS);
    }
    this.#later();
  }

  async #readFlat(client: RaftallyClient, asked: number): Promise<void> {
    const match = this.#text === "" ? {} : { match: patternOf(this.#text) };
    const order = this.#mode === "top" ? ({ order: "-value" } as const) : {};
    const options = {
      ...match,
      ...order,
      limit: ROWS_MAX,
      consistency: "stale",
      timeoutMs: READ_MS,
    } as const;
    const page = await client.list(options);
    if (asked !== this.#asked) return;
    this.#live.clear();
    const groups = page.counters.map(({ key, value }) => ({ prefix: key, sum: value, counters: 1 }));
    this.#flat = { groups, more: page.cursor !== undefined };
  }

  async #readTree(client: RaftallyClient, asked: number): Promise<void> {
    const options = { consistency: "stale", timeoutMs: READ_MS } as const;
    const opened = [...this.#open].filter((prefix) => this.#isShown(prefix));
    const prefixes = ["", ...opened];
    const sums = await Promise.all(prefixes.map((prefix) => client.sum({ prefix, depth: 1, ...options })));
    if (asked !== this.#asked) return;
    this.#levels.clear();
    this.#live.clear();
    prefixes.forEach((prefix, at) => {
      const sum = sums[at];
      if (sum !== undefined) this.#levels.set(prefix, { groups: sum.groups, more: sum.more });
    });
    const [top] = sums;
    if (top !== undefined) {
      setText(
        this.#total,
        `${whole(top.counters)} ${top.counters === 1 ? "counter" : "counters"}, ${whole(top.sum)} in all`,
      );
    }
  }

  /** Whether all groups above it are open, too. */
  #isShown(prefix: string): boolean {
    const segments = prefix.split(":").slice(0, -2);
    return segments.every((_, at) => this.#open.has(`${segments.slice(0, at + 1).join(":")}:`));
  }

  #later(): void {
    if (this.#frame !== 0) return;
    this.#frame = requestAnimationFrame(() => {
      this.#frame = 0;
      this.#draw();
    });
  }

  #draw(): void {
    const flat = this.#text !== "" || this.#mode === "top";
    const levels = flat ? new Map([["", this.#flat]]) : this.#levels;
    // A key that ends with a colon is a counter here, whatever it looks like.
    const rows = treeRows(levels, flat ? new Set() : this.#open, this.#live).map((row) =>
      flat && row.kind === "group" ? { ...row, kind: "counter" as const } : row,
    );
    keyed(this.#body, rows, {
      key: ({ id }) => id,
      make: (row) => this.#makeRow(row),
      update: (element, row) => showRow(element, row),
    });
    const none = rows.length === 0 || (rows.length === 1 && rows[0]?.kind === "wait");
    const words = this.#text === "" ? "No counter yet: click +1." : "No counter fits.";
    setText(
      this.#empty,
      this.#problem === "" ? (rows.length === 0 ? words : "") : `Not read: ${this.#problem}`,
    );
    this.#empty.hidden = this.#problem === "" && !none;
  }

  #makeRow({ kind, prefix, depth }: TreeRow): HTMLTableRowElement {
    const name =
      kind === "group"
        ? h("button", {
            class: "twig",
            type: "button",
            "aria-expanded": "false",
            onclick: () => this.#toggle(prefix),
          })
        : kind === "counter"
          ? h("button", {
              class: "leaf",
              type: "button",
              title: "Show it large",
              onclick: () => this.#choose(prefix),
            })
          : h("span", { class: "faint" });
    const count = h(
      "button",
      { class: "button quiet small", type: "button", "aria-label": `Add 1 to ${prefix}` },
      "+1",
    );
    count.addEventListener("click", () => void this.#writer.increment(prefix, 1n).then(() => this.soon(100)));
    const row = h(
      "tr",
      { "data-kind": kind },
      h("th", { scope: "row" }, name),
      h("td", { class: "number faint" }),
      h("td", { class: "number value" }),
      h("td", { class: "act" }, kind === "counter" && count),
    );
    vars(row, { "--depth": depth });
    return row;
  }

  #toggle(prefix: string): void {
    if (!this.#open.delete(prefix)) this.#open.add(prefix);
    this.#later();
    this.soon();
  }
}

function showRow(row: HTMLTableRowElement, { kind, name, value, counters, open }: TreeRow): void {
  const [head, count, sum] = row.cells;
  const label = head?.firstElementChild;
  if (label !== null && label !== undefined) {
    setText(label, name);
    if (kind === "group") setAttribute(label, "aria-expanded", String(open));
  }
  if (count !== undefined) setText(count, kind === "group" ? whole(counters) : "");
  if (sum === undefined) return;
  const text = value === undefined ? "" : whole(value);
  if (sum.textContent === text) return;
  const first = sum.textContent === "";
  sum.textContent = text;
  if (!first) sum.animate([{ background: "var(--good-wash)" }, { background: "transparent" }], 600);
}
