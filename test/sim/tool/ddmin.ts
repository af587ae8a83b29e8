/**
 * Delta debugging (Zeller and Hildebrandt, "Simplifying and Isolating Failure-Inducing Input", 2002): of a list that
 * fails, a part that still fails and of which no single element can be left out.
 */

/**
 * @param fails whether this part of the list, in the order of the list, still fails; the whole list does.
 * @param mayGoOn asked before each attempt; once it says no, the smallest part so far is the answer.
 */
export function ddmin<T>(
  list: readonly T[],
  fails: (part: readonly T[]) => boolean,
  mayGoOn: () => boolean = () => true,
): readonly T[] {
  if (list.length === 0 || (mayGoOn() && fails([]))) return [];
  let failing = list;
  let parts = 2;
  while (failing.length > 1 && mayGoOn()) {
    const chunks = split(failing, parts);
    const smaller = smallerOf(chunks, fails, mayGoOn);
    if (smaller !== undefined) {
      // One chunk is split anew; what is left without one keeps the size of its chunks.
      parts = chunks.includes(smaller) ? 2 : Math.max(2, chunks.length - 1);
      failing = smaller;
    } else if (chunks.length === failing.length) return failing;
    else parts = Math.min(failing.length, 2 * chunks.length);
  }
  return failing;
}

/** A chunk that fails by itself, or the list without a chunk that is not needed. */
function smallerOf<T>(
  chunks: readonly (readonly T[])[],
  fails: (part: readonly T[]) => boolean,
  mayGoOn: () => boolean,
): readonly T[] | undefined {
  for (const chunk of chunks) if (mayGoOn() && fails(chunk)) return chunk;
  // Of two chunks each is the complement of the other.
  if (chunks.length === 2) return undefined;
  for (const chunk of chunks) {
    const rest = chunks.filter((one) => one !== chunk).flat();
    if (mayGoOn() && fails(rest)) return rest;
  }
  return undefined;
}

function split<T>(list: readonly T[], parts: number): readonly (readonly T[])[] {
  const count = Math.min(parts, list.length);
  return Array.from({ length: count }, (_, at) =>
    list.slice(Math.floor((at * list.length) / count), Math.floor(((at + 1) * list.length) / count)),
  );
}
