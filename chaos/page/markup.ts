/** Text that is put into a page. */

export function escaped(text: string): string {
  return text.replace(/[&<>"]/g, (sign) => `&#${sign.charCodeAt(0)};`);
}

/** A number as people read it: 12,345. */
export function grouped(value: number): string {
  return Math.round(value).toLocaleString("en-US");
}

/** ms as people read them: 85 ms, 1.4 s. */
export function duration(ms: number): string {
  return ms < 1_000 ? `${Math.round(ms)} ms` : `${(ms / 1_000).toFixed(ms < 10_000 ? 2 : 1)} s`;
}

export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const cells = (tag: "th" | "td", row: readonly string[]): string =>
    row.map((cell) => `<${tag}>${cell}</${tag}>`).join("");
  const body = rows.map((row) => `<tr>${cells("td", row)}</tr>`).join("\n");
  return `<div class="scroll"><table><thead><tr>${cells("th", head)}</tr></thead><tbody>\n${body}\n</tbody></table></div>`;
}
