/** One counter, large, and the buttons that count. */

import { h, setAttribute, setText, vars } from "../dom.ts";
import { keepWatching, type WatchState } from "../live/watcher.ts";
import type { ClickResult, Writer } from "../live/writer.ts";
import { motionIsWelcome } from "../motion.ts";
import type { Store } from "../store.ts";
import { duration, whole } from "../words.ts";

const FIRST_KEY = "visits";
const REMEMBERED = "raftally-counter";
/** So many writes are under way at once: a browser opens six connections to one node, and three of them are streams. */
const HAMMERS = 3;
/** It stops by itself, lest it be forgotten for a night, ms. */
const HAMMER_MS = 120_000;
/** Bars of the strip that shows how long the last clicks took. */
const BARS = 48;
/** Times that the height of a bar reaches from and to, ms; in between it goes by the logarithm. */
const BAR_MS_MIN = 0.5;
const BAR_MS_MAX = 5_000;
const RATE_MS = 3_000;
/** A watch that moves from node to node is none the wiser for so long, ms: that is no reason to turn grey. */
const STALE_MS = 800;

/** What others of the page may do with the counter. */
export interface CounterPanel {
  readonly close: () => void;
  show(key: string): void;
  click(by: bigint): void;
  toggleHammer(): void;
}

export function mountCounter(root: HTMLElement, store: Store, writer: Writer): CounterPanel {
  return new Panel(root, store, writer);
}

class Panel implements CounterPanel {
  readonly #store: Store;
  readonly #writer: Writer;
  readonly #digits: HTMLElement = h("span", { class: "digits", "aria-hidden": "true" });
  readonly #spoken: HTMLElement = h("span", { class: "sr" });
  readonly #under: HTMLElement = h("p", { class: "counter-under faint" });
  readonly #result: HTMLElement = h("p", { class: "counter-result" });
  readonly #mine: HTMLElement = h("p", { class: "counter-mine faint" });
  readonly #bars: readonly HTMLElement[] = Array.from({ length: BARS }, () => h("i", {}));
  readonly #input: HTMLInputElement;
  readonly #suggestions: HTMLElement = h("datalist", { id: "counter-keys" });
  readonly #hammer: HTMLButtonElement;
  #key = "";
  #value: bigint | undefined;
  #revision = 0;
  #state: WatchState = "waiting";
  /** When the value was last known to be the present, by `performance.now()`. */
  #freshAtMs = 0;
  #endWatch: () => void = () => {};
  #endHammer: (() => void) | undefined;
  #nextBar = 0;
  #last: ClickResult | undefined;
  #frame = 0;
  /** Values of the last seconds, for the rate. */
  #history: { readonly atMs: number; readonly value: bigint }[] = [];
  readonly close: () => void;

  constructor(root: HTMLElement, store: Store, writer: Writer) {
    this.#store = store;
    this.#writer = writer;
    this.#input = h("input", {
      class: "field counter-key",
      list: "counter-keys",
      "aria-label": "Which counter",
      spellcheck: "false",
      autocomplete: "off",
      onchange: () => this.show(this.#input.value.trim()),
      onfocus: () => void this.#suggest(),
    });
    this.#hammer = h(
      "button",
      {
        class: "button",
        type: "button",
        role: "switch",
        "aria-checked": "false",
        onclick: () => this.toggleHammer(),
      },
      "Hammer",
    );
    const one = h(
      "button",
      { class: "button primary counter-one", type: "button", onclick: () => this.click(1n) },
      "+1",
    );
    const ten = h(
      "button",
      { class: "button counter-ten", type: "button", onclick: () => this.click(10n) },
      "+10",
    );
    document.getElementById("counter-heading")?.after(this.#input, this.#suggestions);
    root.append(
      h("p", { class: "counter-value" }, this.#digits, this.#spoken),
      this.#under,
      h("div", { class: "counter-buttons" }, one, ten, this.#hammer),
      h("p", { class: "clicks-caption faint" }, "How long each click took", h("i", {}), "sent again"),
      h(
        "div",
        { class: "clicks", role: "img", "aria-label": "How long each of the last clicks took" },
        ...this.#bars,
      ),
      this.#result,
      this.#mine,
    );
    const ends = [writer.onResult((result) => this.#onResult(result)), store.subscribe(() => this.#draw())];
    this.close = () => {
      for (const end of ends) end();
      this.#endWatch();
      this.#endHammer?.();
    };
    this.show(remembered());
  }

  show(key: string): void {
    const wanted = key === "" ? FIRST_KEY : key;
    this.#input.value = wanted;
    if (wanted === this.#key) return;
    this.#endWatch();
    this.#key = wanted;
    this.#value = undefined;
    this.#history = [];
    this.#turn("waiting");
    remember(wanted);
    this.#endWatch = keepWatching(
      { store: this.#store, writer: this.#writer, prefer: "leader" },
      { key: wanted },
      {
        event: (event) => {
          if (event.kind === "open") this.#revision = 0;
          if (event.kind === "open" && event.counter !== undefined)
            this.#learn(event.counter.value, event.revision);
          if (event.kind === "change" && event.revision >= this.#revision)
            this.#learn(event.value, event.revision);
          if (event.kind === "resync") void this.#readAgain(wanted);
        },
        state: (state) => this.#turn(state),
      },
    );
    this.#later();
  }

  click(by: bigint): void {
    this.#rise(`+${by}`);
    void this.#writer.increment(this.#key, by);
    this.#later();
  }

  toggleHammer(): void {
    if (this.#endHammer !== undefined) return this.#endHammer();
    let on = true;
    const timer = setTimeout(() => this.#endHammer?.(), HAMMER_MS);
    this.#endHammer = () => {
      on = false;
      clearTimeout(timer);
      this.#endHammer = undefined;
      setAttribute(this.#hammer, "aria-checked", "false");
    };
    setAttribute(this.#hammer, "aria-checked", "true");
    const strike = async (): Promise<void> => {
      while (on) {
        const result = await this.#writer.increment(this.#key, 1n);
        // What fails at once must not be tried thousands of times a second.
        if (result.kind === "failed") await new Promise((resolve) => setTimeout(resolve, 500));
      }
    };
    for (let at = 0; at < HAMMERS; at++) void strike();
  }

  #onResult(result: ClickResult): void {
    this.#last = result;
    if (result.kind === "counted") {
      this.#strike(result);
      // The answer is often here before the watch tells.
      if (result.key === this.#key && result.revision > this.#revision)
        this.#learn(result.value, result.revision);
    }
    this.#later();
  }

  #strike(result: Extract<ClickResult, { kind: "counted" }>): void {
    const bar = this.#bars[this.#nextBar];
    this.#nextBar = (this.#nextBar + 1) % BARS;
    if (bar === undefined) return;
    const clamped = Math.min(Math.max(result.ms, BAR_MS_MIN), BAR_MS_MAX);
    const height = Math.log(clamped / BAR_MS_MIN) / Math.log(BAR_MS_MAX / BAR_MS_MIN);
    vars(bar, { "--height": `${Math.round(8 + 92 * height)}%` });
    setAttribute(bar, "data-retried", result.retries > 0);
    setAttribute(bar, "data-on", true);
    for (const other of this.#bars) setAttribute(other, "data-newest", other === bar);
  }

  #turn(state: WatchState): void {
    this.#state = state;
    this.#later();
  }

  #learn(value: bigint, revision: number): void {
    this.#value = value;
    this.#revision = revision;
    this.#later();
  }

  async #readAgain(key: string): Promise<void> {
    const reading = await this.#writer
      .client()
      .get(key, { consistency: "stale" })
      .catch(() => undefined);
    if (key === this.#key && reading !== undefined) this.#learn(reading.value, reading.revision);
  }

  /** However many answers come, the page is drawn once a frame. */
  #later(): void {
    if (this.#frame !== 0) return;
    this.#frame = requestAnimationFrame(() => {
      this.#frame = 0;
      this.#draw();
    });
  }

  #draw(): void {
    const value = this.#value;
    showDigits(this.#digits, value === undefined ? "–" : whole(value));
    const leaderless = this.#store.get().leader === undefined;
    const nowMs = performance.now();
    if (this.#state === "live" && !leaderless) this.#freshAtMs = nowMs;
    const stale = nowMs - this.#freshAtMs > STALE_MS;
    setAttribute(this.#digits, "data-stale", stale);
    setText(this.#spoken, value === undefined ? "not known" : String(value));
    const rate = this.#rate();
    const waits = leaderless ? "as it was last known: no node leads" : "waiting for a node …";
    const state = stale || value === undefined ? waits : `revision ${whole(this.#revision)}`;
    setText(this.#under, rate === 0 ? state : `${state} · ${rate > 0 ? "+" : ""}${whole(rate)} a second`);
    this.#drawResult();
    const { counted, retried, replayed, unknown } = this.#writer.tally;
    const parts = [
      `${whole(counted)} counted from this page`,
      ...(retried === 0 ? [] : [`${whole(retried)} sent more than once, each counted once`]),
      ...(replayed === 0 ? [] : [`${whole(replayed)} recognised as counted already`]),
      ...(unknown === 0 ? [] : [`${whole(unknown)} without an answer`]),
    ];
    setText(
      this.#mine,
      counted + unknown === 0
        ? "Each click is one write that counts once, even if it has to be sent again."
        : parts.join(" · "),
    );
  }

  #drawResult(): void {
    const { waiting } = this.#writer;
    const last = this.#last;
    const leaderless = this.#store.get().leader === undefined;
    const pending =
      waiting > HAMMERS || (waiting > 0 && this.#endHammer === undefined)
        ? `${whole(waiting)} ${leaderless ? "waiting for a leader" : "under way"}`
        : "";
    if (last === undefined) return setText(this.#result, pending);
    setAttribute(
      this.#result,
      "data-tone",
      last.kind === "failed" ? "bad" : last.retries > 0 ? "warn" : "good",
    );
    if (last.kind === "failed") return setText(this.#result, last.text);
    const times = last.retries === 1 ? "once" : last.retries === 2 ? "twice" : `${last.retries} times`;
    const words = [
      `+${last.by} → ${whole(last.value)}`,
      `in ${duration(last.ms)}${last.node === undefined ? "" : ` by ${last.node}`}`,
      ...(last.retries > 0 ? [`retried ${times}, counted once`] : []),
      ...(pending === "" ? [] : [pending]),
    ];
    setText(this.#result, words.join(" · "));
  }

  /** Per second, over the last few. */
  #rate(): number {
    const nowMs = performance.now();
    if (this.#value !== undefined) {
      const last = this.#history.at(-1);
      if (last === undefined || nowMs - last.atMs > 100)
        this.#history.push({ atMs: nowMs, value: this.#value });
    }
    while (this.#history.length > 1 && nowMs - (this.#history[0]?.atMs ?? nowMs) > RATE_MS)
      this.#history.shift();
    const first = this.#history[0];
    if (first === undefined || this.#value === undefined || nowMs - first.atMs < 500) return 0;
    return Math.round((Number(this.#value - first.value) * 1_000) / (nowMs - first.atMs));
  }

  /** A small number that rises from the digits and fades. */
  #rise(text: string): void {
    if (!motionIsWelcome()) return;
    const spark = h("span", { class: "spark", "aria-hidden": "true" }, text);
    vars(spark, { "--drift": `${Math.round(Math.random() * 60 - 30)}px` });
    spark.addEventListener("animationend", () => spark.remove());
    this.#digits.parentElement?.append(spark);
  }

  async #suggest(): Promise<void> {
    const page = await this.#writer
      .client()
      .list({ limit: 50, consistency: "stale", timeoutMs: 2_000 })
      .catch(() => undefined);
    if (page === undefined) return;
    this.#suggestions.replaceChildren(...page.counters.map(({ key }) => h("option", { value: key })));
  }
}

/** Digit by digit, so that only those that change are drawn anew. None moves: while many count, all would, always. */
function showDigits(parent: HTMLElement, text: string): void {
  const old = parent.children;
  while (old.length > text.length) parent.firstElementChild?.remove();
  while (old.length < text.length) parent.prepend(h("span", {}));
  // A comma takes half of the room of a digit.
  const width = [...text].reduce((sum, letter) => sum + (/\d/.test(letter) ? 1 : 0.5), 0);
  vars(parent, { "--width": Math.max(width, 2) });
  [...text].forEach((letter, at) => {
    const span = old[at];
    if (span === undefined || span.textContent === letter) return;
    span.textContent = letter;
    setAttribute(span, "class", /\d/.test(letter) ? "digit" : "comma");
  });
}

function remembered(): string {
  try {
    return localStorage.getItem(REMEMBERED) ?? FIRST_KEY;
  } catch {
    return FIRST_KEY;
  }
}

function remember(key: string): void {
  try {
    localStorage.setItem(REMEMBERED, key);
  } catch {
    // A browser may refuse to remember anything; then the page begins with the first counter again.
  }
}
