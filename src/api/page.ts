/** The dashboard: files that were built before, given to browsers under a strict policy. */

import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { extname, join } from "node:path";
import { brotliCompressSync, gzipSync } from "node:zlib";
import type { NodeService } from "../node/index.ts";
import { type ApiContext, type ApiHandler, Call } from "./call.ts";
import { problemResponse } from "./problem.ts";
import type { Route } from "./route.ts";
import { pathOf } from "./target.ts";

export interface PageOptions {
  /** Where the build put `index.html` and `assets/`. If there is no page, `GET /` stays help for people. */
  readonly directory: string;
  /** The control server of a local cluster. Its token goes only into pages that this machine itself asks for. */
  readonly control?: PageControl;
}

export interface PageControl {
  /** `http://127.0.0.1:port`. */
  readonly url: string;
  readonly token: string;
}

type Encoding = "br" | "gzip" | "identity";

/** A file in each form in which it is given. */
interface Asset {
  readonly type: string;
  readonly etag: string;
  readonly bytes: Readonly<Record<Encoding, Buffer<ArrayBuffer>>>;
}

const TYPES: Readonly<Record<string, string>> = {
  ".css": "text/css; charset=utf-8",
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".svg": "image/svg+xml",
};

/** Where the build leaves the forms of a file that it has compressed already. */
const SUFFIXES: Readonly<Record<Encoding, string>> = { br: ".br", gzip: ".gz", identity: "" };

/** The page, if it was built. `GET /` answers with `help` whoever does not ask for HTML. */
export function pageRoutes(
  service: NodeService,
  page: PageOptions | undefined,
  help: ApiHandler,
): readonly Route[] {
  const html = page === undefined ? undefined : readIfThere(join(page.directory, "index.html"));
  const assets = page === undefined ? undefined : readAssets(join(page.directory, "assets"));
  if (page === undefined || html === undefined || assets === undefined) return [];
  const plain = assetOf(".html", html);
  const controlled = page.control === undefined ? plain : assetOf(".html", withControl(html, page.control));
  return [
    {
      method: "GET",
      path: "/",
      handler: (context) => {
        const call = new Call(context);
        if (!acceptsHtml(call.header("accept"))) return help(context);
        const control = isFromHere(context, call) ? page.control : undefined;
        return give(call, control === undefined ? plain : controlled, {
          "Cache-Control": "no-cache",
          "Content-Security-Policy": policy(originsOf(service), control),
          "Referrer-Policy": "no-referrer",
          "Cross-Origin-Opener-Policy": "same-origin",
          Vary: "Accept, Accept-Encoding",
        });
      },
    },
    { method: "GET", path: "/assets/:name", handler: assetHandler(assets) },
  ];
}

/** A name holds the hash of what is in it, so that a browser never has to ask again. */
function assetHandler(assets: ReadonlyMap<string, Asset>): ApiHandler {
  return function giveAsset(context): Response {
    const call = new Call(context);
    const path = pathOf(call.target);
    const asset = assets.get(path.slice(path.lastIndexOf("/") + 1));
    if (asset === undefined) {
      const detail = "there is no such file; a page that was loaded before an update has to be loaded again";
      return problemResponse("ROUTE_NOT_FOUND", { detail }, call.requestId());
    }
    return give(call, asset, {
      "Cache-Control": "public, max-age=31536000, immutable",
      Vary: "Accept-Encoding",
    });
  };
}

function give(call: Call, asset: Asset, headers: Readonly<Record<string, string>>): Response {
  const encoding = encodingOf(call.header("accept-encoding"));
  const etag = `"${asset.etag}-${encoding}"`;
  const all: Record<string, string> = {
    ...headers,
    ETag: etag,
    "X-Content-Type-Options": "nosniff",
    "X-Request-Id": call.requestId(),
  };
  if (named(call.header("if-none-match")).some((tag) => tag.replace(/^W\//, "") === etag)) {
    return new Response(null, { status: 304, headers: all });
  }
  const bytes = asset.bytes[encoding];
  all["Content-Type"] = asset.type;
  all["Content-Length"] = String(bytes.length);
  if (encoding !== "identity") all["Content-Encoding"] = encoding;
  return new Response(bytes, { status: 200, headers: all });
}

/** Undefined if there is no such directory. */
function readAssets(directory: string): ReadonlyMap<string, Asset> | undefined {
  if (!existsSync(directory)) return undefined;
  const names = readdirSync(directory).filter((name) => TYPES[extname(name)] !== undefined);
  return new Map(
    names.map((name) => {
      const path = join(directory, name);
      const [br, gzip] = [readIfThere(path + SUFFIXES.br), readIfThere(path + SUFFIXES.gzip)];
      return [name, assetOf(extname(name), readFileSync(path), { br, gzip })];
    }),
  );
}

/** @param made what the build has compressed; the rest is compressed now, once. */
function assetOf(
  extension: string,
  bytes: Buffer<ArrayBuffer>,
  made: {
    readonly br?: Buffer<ArrayBuffer> | undefined;
    readonly gzip?: Buffer<ArrayBuffer> | undefined;
  } = {},
): Asset {
  return {
    type: TYPES[extension] ?? "application/octet-stream",
    etag: createHash("sha256").update(bytes).digest("base64url").slice(0, 22),
    bytes: {
      br: made.br ?? brotliCompressSync(bytes),
      gzip: made.gzip ?? gzipSync(bytes),
      identity: bytes,
    },
  };
}

function readIfThere(path: string): Buffer<ArrayBuffer> | undefined {
  try {
    return readFileSync(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

/** The page of whoever sits at this machine knows where the local cluster is controlled, and with which token. */
function withControl(html: Buffer, { url, token }: PageControl): Buffer<ArrayBuffer> {
  const meta = `<meta name="raftally-control" content="${escaped(url)}" data-token="${escaped(token)}" />`;
  return Buffer.from(html.toString("utf8").replace("</head>", () => `${meta}</head>`));
}

function escaped(text: string): string {
  return text.replace(/[&<>"']/g, (letter) => `&#${letter.charCodeAt(0)};`);
}

/** What the page may do: run and style itself, and talk to the nodes. */
function policy(origins: readonly string[], control: PageControl | undefined): string {
  const connect = ["'self'", ...origins, ...(control === undefined ? [] : [new URL(control.url).origin])];
  return [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self' data:",
    `connect-src ${[...new Set(connect)].join(" ")}`,
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join("; ");
}

const LOOPBACK: ReadonlySet<string> = new Set(["127.0.0.1", "localhost", "[::1]"]);

/**
 * Where the page may connect to: the members' origins. On this machine alone, any port of the address: a member that is
 * replaced comes back on another one, and the page is to go on without being loaded again.
 */
function originsOf(service: NodeService): readonly string[] {
  const { apiUrl, configuration } = service.status();
  const urls = [apiUrl, ...configuration.members.map(({ api }) => api)].filter((url) => URL.canParse(url));
  return urls.map((url) => {
    const { protocol, hostname, origin } = new URL(url);
    return LOOPBACK.has(hostname) ? `${protocol}//${hostname}:*` : origin;
  });
}

/**
 * Whether the request comes from this machine and was meant for it. By the name alone it could come from anywhere, and
 * by the address alone a foreign page could have had its own name resolved to this machine.
 */
function isFromHere(context: ApiContext, call: Call): boolean {
  const env: Partial<ApiContext["env"]> | undefined = context.env;
  const address = env?.incoming?.socket.remoteAddress;
  const here = address !== undefined && /^(?:::ffff:)?127\.|^::1$/.test(address);
  const host = (call.header("host") ?? "").replace(/:\d+$/, "").toLowerCase();
  return here && LOOPBACK.has(host);
}

interface Preference {
  readonly name: string;
  readonly quality: number;
}

/** What a list such as `text/html, *\/*;q=0.8` holds, in lower case. */
function preferences(header: string | undefined): readonly Preference[] {
  return named(header).map((item) => {
    const [name = "", ...parameters] = item.toLowerCase().split(/\s*;\s*/);
    const quality = parameters.find((parameter) => parameter.startsWith("q="))?.slice(2);
    return { name, quality: quality === undefined ? 1 : Number(quality) || 0 };
  });
}

function named(list: string | undefined): readonly string[] {
  return (list ?? "").split(",").flatMap((item) => (item.trim() === "" ? [] : [item.trim()]));
}

/** Only who names it: `*\/*`, which is what curl sends, is answered in plain text. */
function acceptsHtml(accept: string | undefined): boolean {
  return preferences(accept).some(({ name, quality }) => name === "text/html" && quality > 0);
}

function encodingOf(acceptEncoding: string | undefined): Encoding {
  const wanted = preferences(acceptEncoding);
  const accepts = (encoding: string): boolean =>
    wanted.some(({ name, quality }) => name === encoding && quality > 0);
  if (accepts("br")) return "br";
  return accepts("gzip") ? "gzip" : "identity";
}
