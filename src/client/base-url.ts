/** The base URL of a node in the one form in which it is compared: no trailing slash, host in lower case. */

/** Undefined if `text` is no URL of http or https, or has a query or a fragment. */
export function baseUrlOf(text: string): string | undefined {
  if (!URL.canParse(text)) return undefined;
  const { protocol, search, hash, href } = new URL(text);
  const web = protocol === "http:" || protocol === "https:";
  return web && search === "" && hash === "" ? href.replace(/\/+$/, "") : undefined;
}
