/** Reads as much of a Dockerfile as ours uses. */

export interface Instruction {
  readonly name: string;
  /** What follows the name, with continued lines joined. */
  readonly text: string;
}

/** The instructions of each stage, FROM first. */
export function parseDockerfile(content: string): readonly (readonly Instruction[])[] {
  const joined = content.replace(/^\s*#.*\n/gm, "").replace(/\\\n\s*/g, "");
  const stages: Instruction[][] = [];
  for (const line of joined.split("\n").filter((each) => each.trim() !== "")) {
    const match = /^([A-Z]+)\s+(.*)$/.exec(line.trim());
    if (match === null) throw new Error(`not an instruction: ${line}`);
    const [, name = "", text = ""] = match;
    if (name === "FROM") stages.push([]);
    const stage = stages.at(-1);
    if (stage === undefined) throw new Error(`${name} before the first FROM`);
    stage.push({ name, text });
  }
  return stages;
}

/** Texts of all instructions of one name. */
export function textsOf(stage: readonly Instruction[], name: string): readonly string[] {
  return stage.filter((instruction) => instruction.name === name).map(({ text }) => text);
}

/** The one instruction of this name. */
export function onlyText(stage: readonly Instruction[], name: string): string {
  const texts = textsOf(stage, name);
  const [text] = texts;
  if (texts.length !== 1 || text === undefined)
    throw new Error(`expected one ${name}, found ${texts.length}`);
  return text;
}

/** The words of an instruction in JSON form, such as CMD ["serve"]. */
export function words(json: string): readonly string[] {
  const list: unknown = JSON.parse(json);
  if (!Array.isArray(list) || list.some((word) => typeof word !== "string"))
    throw new Error(`not a list: ${json}`);
  return list as string[];
}

export interface Copy {
  readonly from: string | undefined;
  readonly sources: readonly string[];
  readonly target: string;
}

export function parseCopy(text: string): Copy {
  const parts = text.split(/\s+/);
  const from = parts[0]?.startsWith("--from=") === true ? parts.shift()?.slice("--from=".length) : undefined;
  const target = parts.pop();
  if (target === undefined || parts.length === 0) throw new Error(`COPY needs sources and a target: ${text}`);
  return { from, sources: parts, target };
}

/** Whether a path at the top of the build context is sent to the builder. */
export function isSent(dockerignore: string, path: string): boolean {
  let sent = true;
  for (const line of dockerignore.split("\n").map((each) => each.trim())) {
    if (line === "" || line.startsWith("#")) continue;
    const pattern = line.replace(/^!/, "");
    if (pattern === "*" || pattern === path) sent = line.startsWith("!");
  }
  return sent;
}
