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

/** A row may be shorter than the head: its last cell is then as wide as what is missing. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const body = rows.map((row) => {
    const cells = row.map((cell, at) => {
      const span = at === row.length - 1 && row.length < head.length ? ` colspan="${head.length - at}"` : "";
      return `<td${span}>${cell}</td>`;
    });
    return `<tr>${cells.join("")}</tr>`;
  });
  const titles = head.map((title) => `<th>${title}</th>`).join("");
  return `<div class="scroll"><table><thead><tr>${titles}</tr></thead><tbody>\n${body.join("\n")}\n</tbody></table></div>`;
}
