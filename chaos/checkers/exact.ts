/** Whole numbers that are fast where they are small and exact where they are not. */

/** Within one computation either all are number (and safe) or all are bigint. */
export type Exact = number | bigint;

/** Decimal text of at most so many characters is a safe integer, and so is the sum of 9,000 of them. */
const SAFE_CHARACTERS = 12;

/** How the numbers of one computation are read, given all the text that will be read. */
export function parserFor(texts: Iterable<string>): (text: string) => Exact {
  for (const text of texts) if (text.length > SAFE_CHARACTERS) return BigInt;
  return Number;
}

export function minus(a: Exact, b: Exact): Exact {
  return typeof a === "number" && typeof b === "number" ? a - b : BigInt(a) - BigInt(b);
}

export function plus(a: Exact, b: Exact): Exact {
  return typeof a === "number" && typeof b === "number" ? a + b : BigInt(a) + BigInt(b);
}

/** Different numbers in ascending order. All must lie in the signed 64-bit range. */
export function sortedUnique(list: readonly Exact[]): readonly Exact[] {
  const sorted = list.some((value) => typeof value === "bigint")
    ? BigInt64Array.from(list, BigInt).sort()
    : Float64Array.from(list, Number).sort();
  const unique: Exact[] = [];
  for (const value of sorted) if (unique.at(-1) !== value) unique.push(value);
  return unique;
}
