/** Makes an input that breaks a promise as short and as plain as it can be while it still breaks the same one. */

/** Whether an input still fails in the same way. */
export type Fails = (input: Buffer) => Promise<boolean>;

export interface ShrinkLimits {
  readonly triesMax: number;
  readonly msMax: number;
}

/** Removes parts, large ones first, then sets bytes to zero, until nothing more can go or a limit is reached. */
export async function shrink(input: Buffer, fails: Fails, limits: ShrinkLimits): Promise<Buffer> {
  const deadline = performance.now() + limits.msMax;
  let tries = 0;
  const still = async (candidate: Buffer): Promise<boolean> => {
    tries += 1;
    return await fails(candidate);
  };
  const isOver = (): boolean => tries >= limits.triesMax || performance.now() > deadline;
  let best = input;
  for (let part = Math.max(1, best.length >> 1); part >= 1 && !isOver(); ) {
    const shorter = await withoutPart(best, part, { still, isOver });
    if (shorter === undefined) part >>= 1;
    else best = shorter;
    part = Math.min(part, Math.max(best.length, 1));
  }
  for (let at = 0; at < best.length && !isOver(); at++) {
    if (best[at] === 0) continue;
    const plainer = Buffer.from(best);
    plainer[at] = 0;
    if (await still(plainer)) best = plainer;
  }
  return best;
}

/** The first input without one part of this length that still fails. */
async function withoutPart(
  input: Buffer,
  part: number,
  { still, isOver }: { still: Fails; isOver: () => boolean },
): Promise<Buffer | undefined> {
  for (let at = 0; at < input.length && !isOver(); at += part) {
    const candidate = Buffer.concat([input.subarray(0, at), input.subarray(at + part)]);
    if (await still(candidate)) return candidate;
  }
  return undefined;
}

/** The kind of a failure: two with the same one are taken for the same. */
export function kindOf(what: string): string {
  return what.replace(/[0-9]+/g, "#").slice(0, 120);
}
