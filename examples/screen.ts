/** What the example prints: lines, a progress bar below them, tables. */

const BAR_CELLS = 40;
/** Where there is no terminal, a line for each of these steps. */
const STEPS = 10;

/** The part of a stream that is used. */
export interface Output {
  readonly isTTY?: boolean | undefined;
  write(text: string): unknown;
}

export class Screen {
  readonly #output: Output;
  /** The bar as it stands on the terminal; empty if none does. */
  #bar = "";
  #step = 0;

  constructor(output: Output) {
    this.#output = output;
  }

  /** A line of its own, above the bar. */
  line(text = ""): void {
    this.#output.write(this.#bar === "" ? `${text}\n` : `\r\x1b[K${text}\n${this.#bar}`);
  }

  /** @param done of `all`. */
  progress(done: number, all: number, note: string): void {
    if (this.#output.isTTY === true) this.#draw(done / all, note);
    else this.#log(done / all, note);
  }

  #draw(share: number, note: string): void {
    const full = Math.floor(share * BAR_CELLS);
    const bar = `[${"#".repeat(full)}${".".repeat(BAR_CELLS - full)}] ${percent(share)}  ${note}`;
    if (bar === this.#bar) return;
    this.#bar = bar;
    this.#output.write(`\r\x1b[K${bar}`);
  }

  #log(share: number, note: string): void {
    const step = Math.floor(share * STEPS);
    if (step <= this.#step) return;
    this.#step = step;
    this.line(`${percent(step / STEPS)}  ${note}`);
  }

  /** Leaves the bar as it is; what follows comes below it. */
  endProgress(): void {
    if (this.#bar !== "") this.#output.write("\n");
    this.#bar = "";
  }

  /** Columns with a title each; all but the last are numbers. */
  table(titles: readonly string[], rows: readonly (readonly string[])[]): void {
    const widths = titles.map((title, at) =>
      Math.max(...[title, ...rows.map((row) => row[at] ?? "")].map(len)),
    );
    for (const row of [titles, ...rows]) {
      const cells = row.map((cell, at) => (at === row.length - 1 ? cell : cell.padStart(widths[at] ?? 0)));
      this.line(`  ${cells.join("  ")}`);
    }
  }
}

function len(text: string): number {
  return text.length;
}

function percent(share: number): string {
  return `${Math.floor(share * 100)} %`.padStart(5);
}

const GROUPED = new Intl.NumberFormat("en");

/** 1234567 as 1,234,567. */
export function grouped(value: number | bigint): string {
  return GROUPED.format(value);
}
