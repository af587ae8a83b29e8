/** Reads Prometheus' text format 0.0.4, strictly: whatever is not as the format says is an error. */

export interface Sample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
  /** As it stands there. */
  readonly text: string;
}

export interface Family {
  readonly name: string;
  readonly type: string;
  readonly help: string;
  readonly samples: readonly Sample[];
}

const NAME = "[a-zA-Z_:][a-zA-Z0-9_:]*";
const SAMPLE = new RegExp(`^(${NAME})(?:\\{(.*)\\})? (\\S+)$`);
const LABEL = /^([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\[\\"n])*)"(?:,|$)/;

/** @throws {Error} naming the line that is wrong. */
export function parseExposition(text: string): ReadonlyMap<string, Family> {
  if (!text.endsWith("\n")) throw new Error("the last line has no end");
  const families = new Map<string, { name: string; type: string; help: string; samples: Sample[] }>();
  const seen = new Set<string>();
  let current: { name: string; type: string; help: string; samples: Sample[] } | undefined;
  for (const line of text.split("\n")) {
    if (line === "") continue;
    const help = new RegExp(`^# HELP (${NAME}) (.+)$`).exec(line);
    if (help !== null) {
      const [, name = "", words = ""] = help;
      if (families.has(name)) throw new Error(`${name} is there twice`);
      current = { name, type: "", help: words, samples: [] };
      families.set(name, current);
      continue;
    }
    const type = new RegExp(`^# TYPE (${NAME}) (gauge|counter|histogram|summary)$`).exec(line);
    if (type !== null) {
      if (current?.name !== type[1] || current?.type !== "") throw new Error(`misplaced: ${line}`);
      current.type = type[2] ?? "";
      continue;
    }
    const sample = sampleOf(line);
    const family =
      current?.type === "histogram" ? sample.name.replace(/_(?:bucket|sum|count)$/, "") : sample.name;
    if (current === undefined || family !== current.name) throw new Error(`of another family: ${line}`);
    const key = `${sample.name} ${JSON.stringify(Object.entries(sample.labels).sort())}`;
    if (seen.has(key)) throw new Error(`twice: ${line}`);
    seen.add(key);
    current.samples.push(sample);
  }
  for (const family of families.values()) checkFamily(family);
  return families;
}

function sampleOf(line: string): Sample {
  const match = SAMPLE.exec(line);
  if (match === null) throw new Error(`no sample: ${line}`);
  const [, name = "", labelText = "", text = ""] = match;
  const labels: Record<string, string> = {};
  for (let rest = labelText; rest !== ""; ) {
    const label = LABEL.exec(rest);
    if (label === null) throw new Error(`no labels: ${line}`);
    const [whole, key = "", value = ""] = label;
    if (key in labels) throw new Error(`a label twice: ${line}`);
    labels[key] = value.replaceAll(/\\([\\"n])/g, (_, mark: string) => (mark === "n" ? "\n" : mark));
    rest = rest.slice(whole.length);
  }
  const value = { "+Inf": Number.POSITIVE_INFINITY, "-Inf": Number.NEGATIVE_INFINITY }[text] ?? Number(text);
  if (Number.isNaN(value) && text !== "Nan" && text !== "NaN") throw new Error(`no number: ${line}`);
  return { name, labels, value, text };
}

function checkFamily({ name, type, samples }: Family): void {
  if (type === "") throw new Error(`${name} has no type`);
  if (type === "counter" && samples.some(({ value }) => value < 0)) throw new Error(`${name} is below 0`);
  if (type === "histogram") checkHistogram(name, samples);
}

/** Buckets never fall, and the last one is the count. */
function checkHistogram(name: string, samples: readonly Sample[]): void {
  const series = new Map<string, { below: number; last: number; count: number | undefined }>();
  for (const { name: sample, labels, value } of samples) {
    const { le, ...rest } = labels;
    const key = JSON.stringify(rest);
    const found = series.get(key) ?? { below: 0, last: Number.NEGATIVE_INFINITY, count: undefined };
    series.set(key, found);
    if (sample === `${name}_count`) found.count = value;
    if (sample !== `${name}_bucket`) continue;
    const bound = le === "+Inf" ? Number.POSITIVE_INFINITY : Number(le);
    if (!(bound > found.last) || value < found.below)
      throw new Error(`${name}: ${key} is out of order at ${le}`);
    found.last = bound;
    found.below = value;
  }
  for (const [key, { below, last, count }] of series) {
    if (last !== Number.POSITIVE_INFINITY || below !== count)
      throw new Error(`${name}: ${key} does not add up`);
  }
}
