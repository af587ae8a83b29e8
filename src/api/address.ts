/** How members of the cluster are named in a request: ids, peer addresses, URLs. */

/** What an id looks like, as the end of a sentence. */
export const NODE_ID_FORM = "1 to 32 of a-z, 0-9 and - (not first or last)";

const HOST_PORT = /^(?:\[[0-9a-fA-F:.]+\]|[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?):([0-9]{1,5})$/;
/** A host name has at most 253 characters. */
const ADDRESS_CHARACTERS_MAX = 262;
const URL_CHARACTERS_MAX = 1_024;

/** `text` if it is host:port, an IPv6 host in brackets, with a port that can be connected to; else undefined. */
export function peerAddressOf(text: string): string | undefined {
  const port = Number(HOST_PORT.exec(text)?.[1] ?? "0");
  return text.length <= ADDRESS_CHARACTERS_MAX && port >= 1 && port <= 65_535 ? text : undefined;
}

/** The base URL of a node without trailing slashes; undefined if `text` is none, or holds more than a base. */
export function baseUrlOf(text: string): string | undefined {
  if (text.length > URL_CHARACTERS_MAX || !URL.canParse(text)) return undefined;
  const { protocol, username, password, search, hash, href } = new URL(text);
  const web = protocol === "http:" || protocol === "https:";
  const bare = username === "" && password === "" && search === "" && hash === "" && !/[?#]/.test(text);
  return web && bare ? href.replace(/\/+$/, "") : undefined;
}
