import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { brotliCompressSync, brotliDecompressSync, gunzipSync } from "node:zlib";
import { request } from "undici";
import { afterAll, describe, expect, it } from "vitest";
import { type ApiServer, type PageOptions, serveApi } from "../../src/api/index.ts";
import { nodeId } from "../../src/raft/index.ts";
import { type Bench, makeBench } from "./kit.ts";

const HTML = "<!doctype html><html><head><title>Raftally</title></head><body></body></html>";
const SCRIPT = "console.log('counting');\n".repeat(50);
const BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";
const CONTROL = { url: "http://127.0.0.1:4200", token: "0123456789abcdef" };

const folders: string[] = [];
const servers: ApiServer[] = [];
afterAll(async () => {
  for (const server of servers) await server.close(0);
  for (const folder of folders) rmSync(folder, { recursive: true });
});

/** What a build leaves behind. */
function builtPage(): string {
  const folder = mkdtempSync(join(tmpdir(), "raftally-page-"));
  folders.push(folder);
  mkdirSync(join(folder, "assets"));
  writeFileSync(join(folder, "index.html"), HTML);
  writeFileSync(join(folder, "assets", "index-AbC123.js"), SCRIPT);
  writeFileSync(join(folder, "assets", "index-AbC123.js.br"), brotliCompressSync(SCRIPT));
  writeFileSync(join(folder, "assets", "style-XyZ.css"), "a{}");
  writeFileSync(join(folder, "assets", "secret.key"), "not a part of the page");
  return folder;
}

function pageBench(page: Partial<PageOptions> = {}): Bench {
  return makeBench({ page: { directory: builtPage(), ...page } });
}

function ask(bench: Bench, path: string, headers: Readonly<Record<string, string>> = {}): Promise<Response> {
  return Promise.resolve(bench.api.request(path, { headers }));
}

/** Over a real socket, which is what tells who is asking. */
async function fetchPage(
  bench: Bench,
  host: string,
): Promise<{ readonly html: string; readonly policy: string }> {
  const server = await serveApi(bench.api, { host: "127.0.0.1", port: 0 });
  servers.push(server);
  const { body, headers } = await request(`http://127.0.0.1:${server.port}/`, {
    headers: { accept: BROWSER, host },
  });
  return { html: await body.text(), policy: String(headers["content-security-policy"]) };
}

describe("the root", () => {
  it("is the page for a browser", async () => {
    const response = await ask(pageBench(), "/", { accept: BROWSER });
    expect(response.status).toBe(200);
    expect(response.headers.get("content-type")).toBe("text/html; charset=utf-8");
    expect(response.headers.get("vary")).toContain("Accept");
    expect(await response.text()).toBe(HTML);
  });

  it.each([["*/*"], ["text/plain"], ["application/json"], ["text/html;q=0, */*"]])(
    "is help for who accepts %s",
    async (accept) => {
      const response = await ask(pageBench(), "/", { accept });
      expect(response.headers.get("content-type")).toContain("text/plain");
      expect(await response.text()).toContain("counters that do not lose a count");
    },
  );

  it("is help for everybody where no page was built", async () => {
    const bench = makeBench({ page: { directory: join(tmpdir(), "raftally-no-such-page") } });
    expect(await (await ask(bench, "/", { accept: BROWSER })).text()).toContain("POST /v1/counters");
    expect((await ask(bench, "/assets/index-AbC123.js")).status).toBe(404);
  });

  it("is not kept without asking, and is not sent again to who has it", async () => {
    const bench = pageBench();
    const first = await ask(bench, "/", { accept: BROWSER });
    expect(first.headers.get("cache-control")).toBe("no-cache");
    const etag = first.headers.get("etag") ?? "";
    const again = await ask(bench, "/", { accept: BROWSER, "if-none-match": `"other", ${etag}` });
    expect(again.status).toBe(304);
    expect(await again.text()).toBe("");
    expect((await ask(bench, "/", { accept: BROWSER, "if-none-match": '"other"' })).status).toBe(200);
  });
});

describe("the page's policy", () => {
  it("lets nothing run, nothing be framed and nothing be sent elsewhere", async () => {
    const response = await ask(pageBench(), "/", { accept: BROWSER });
    const policy = response.headers.get("content-security-policy") ?? "";
    for (const part of [
      "default-src 'none'",
      "script-src 'self'",
      "style-src 'self'",
      "base-uri 'none'",
      "form-action 'none'",
      "frame-ancestors 'none'",
    ]) {
      expect(policy.split("; ")).toContain(part);
    }
    expect(policy).not.toContain("unsafe");
    expect(response.headers.get("x-content-type-options")).toBe("nosniff");
    expect(response.headers.get("referrer-policy")).toBe("no-referrer");
  });

  it("lets the page speak to the members as they are now, and to nobody else", async () => {
    const bench = pageBench();
    const status = bench.service.status();
    const member = (id: string, api: string) => ({ id: nodeId(id), incarnation: "", peer: "", api });
    const members = [member("n1", "https://a.example:4000"), member("n2", "https://b.example/base")];
    const configuration = { ...status.configuration, members };
    bench.service.status = () => ({ ...status, apiUrl: "https://a.example:4000", configuration });
    const response = await ask(bench, "/", { accept: BROWSER });
    expect(response.headers.get("content-security-policy")?.split("; ")).toContain(
      "connect-src 'self' https://a.example:4000 https://b.example",
    );
  });

  it("lets it speak to any port of this machine where the members are here: one that is replaced has another", async () => {
    const bench = pageBench();
    const status = bench.service.status();
    bench.service.status = () => ({ ...status, apiUrl: "http://127.0.0.1:4001" });
    const response = await ask(bench, "/", { accept: BROWSER });
    expect(response.headers.get("content-security-policy")).toContain("http://127.0.0.1:*");
  });
});

describe("the control of a local cluster", () => {
  it("is in the page that this machine asks for, token and all", async () => {
    const { html, policy } = await fetchPage(pageBench({ control: CONTROL }), "127.0.0.1:4000");
    expect(html).toContain(
      `<meta name="raftally-control" content="${CONTROL.url}" data-token="${CONTROL.token}" /></head>`,
    );
    expect(policy).toContain("http://127.0.0.1:4200");
  });

  it("is not in it where the name is a foreign one, which a foreign page may have had resolved to here", async () => {
    const { html, policy } = await fetchPage(pageBench({ control: CONTROL }), "evil.example:4000");
    expect(html).not.toContain(CONTROL.token);
    expect(policy).not.toContain("4200");
  });

  it("is not in it where nobody knows who asks", async () => {
    const response = await ask(pageBench({ control: CONTROL }), "/", { accept: BROWSER, host: "localhost" });
    expect(await response.text()).not.toContain(CONTROL.token);
  });

  it("is not in it where there is none", async () => {
    const { html } = await fetchPage(pageBench(), "localhost");
    expect(html).toBe(HTML);
  });

  it("cannot break out of its attribute", async () => {
    const control = { url: "http://127.0.0.1:4200", token: '"><script>' };
    const { html } = await fetchPage(pageBench({ control }), "localhost");
    expect(html).not.toContain("<script>");
  });
});

describe("the files of the page", () => {
  it("are kept for good: their names change with what is in them", async () => {
    const response = await ask(pageBench(), "/assets/index-AbC123.js");
    expect(response.headers.get("cache-control")).toBe("public, max-age=31536000, immutable");
    expect(response.headers.get("content-type")).toBe("text/javascript; charset=utf-8");
    expect(await response.text()).toBe(SCRIPT);
  });

  it.each([
    ["br, gzip", "br", brotliDecompressSync],
    ["gzip, deflate", "gzip", gunzipSync],
    ["br;q=0, gzip", "gzip", gunzipSync],
  ])("come compressed for who accepts %s", async (accepted, encoding, expand) => {
    const response = await ask(pageBench(), "/assets/index-AbC123.js", { "accept-encoding": accepted });
    expect(response.headers.get("content-encoding")).toBe(encoding);
    const bytes = Buffer.from(await response.arrayBuffer());
    expect(response.headers.get("content-length")).toBe(String(bytes.length));
    expect(expand(bytes).toString("utf8")).toBe(SCRIPT);
  });

  it("have a tag for each form, so that a cache mixes up none", async () => {
    const bench = pageBench();
    const tags = await Promise.all(
      ["br", "gzip", "identity"].map(async (encoding) => {
        const response = await ask(bench, "/assets/index-AbC123.js", { "accept-encoding": encoding });
        expect(response.headers.get("vary")).toBe("Accept-Encoding");
        return response.headers.get("etag");
      }),
    );
    expect(new Set(tags).size).toBe(3);
  });

  it.each([
    "/assets/secret.key",
    "/assets/index-AbC123.js.br",
    "/assets/..%2Findex.html",
    "/assets/%2e%2e%2fpackage.json",
    "/assets/gone.js",
  ])("are all there is under /assets: %s is not found", async (path) => {
    const response = await ask(pageBench(), path);
    expect(response.status).toBe(404);
    expect(await response.json()).toMatchObject({ code: "ROUTE_NOT_FOUND" });
  });

  it("take no writes", async () => {
    const response = await pageBench().api.request("/assets/style-XyZ.css", { method: "POST" });
    expect(response.status).toBe(405);
  });
});
