/** The base URL of a node in the one form in which it is compared: no trailing slash, host in lower case. */

/**
 * Undefined if `text` is no URL of http or https, or has a query, a fragment, or a user and password, with which fetch
 * sends nothing.
 */
export function baseUrlOf(text: string): string | undefined {
  if (!URL.canParse(text)) return undefined;
  const { protocol, username, password, search, hash, href } = new URL(text);
  const web = protocol === "http:" || protocol === "https:";
  const bare = username === "" && password === "" && search === "" && hash === "";
  return web && bare ? href.replace(/\/+$/, "") : undefined;
}
