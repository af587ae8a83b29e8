/** Turns of phrase that the sentences share. */

/** "n1", "n1 and n2", "n1, n2 and n3". */
export function listed(names: readonly string[]): string {
  if (names.length < 2) return names.join("");
  return `${names.slice(0, -1).join(", ")} and ${names.at(-1)}`;
}

/** 12345 as 12,345. */
export function numbered(value: number): string {
  return String(value).replace(/\B(?=(?:\d{3})+$)/g, ",");
}

/** A sentence without its full stop, for use within another one. */
export function plain(sentence: string): string {
  return sentence.replace(/[.\s]+$/, "");
}

/** "just now", "4 s ago". */
export function ago(ms: number): string {
  return ms < 1_000 ? "just now" : `${span(ms)} ago`;
}

/** 4 s, 3 min, 2 h 5 min, 3 d 4 h. */
export function span(ms: number): string {
  const seconds = Math.floor(ms / 1_000);
  if (seconds < 120) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  if (hours < 48) return minutes % 60 === 0 ? `${hours} h` : `${hours} h ${minutes % 60} min`;
  return `${Math.floor(hours / 24)} d ${hours % 24} h`;
}
