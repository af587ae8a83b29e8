import { describe, expect, it } from "vitest";
import type { ClusterView } from "../../src/dashboard/index.ts";
import { urlsOf, Writer } from "../../src/dashboard/live/writer.ts";
import { configurationOf, sceneView, urlOf } from "./pictures.ts";

const VIEW: ClusterView = sceneView({
  configuration: configurationOf(["n1", "n2", "n3"]),
  nodes: { n1: {}, n2: { role: "leader" } },
  gone: { n3: 9_000 },
});

type Answer = (url: string, key: string | null) => Response | Error;

interface Sent {
  readonly url: string;
  readonly key: string | null;
}

/** A writer whose sends are answered one after the other; the last answer goes on for ever. */
function writerFor(...answers: readonly Answer[]): {
  readonly writer: Writer;
  readonly sent: readonly Sent[];
} {
  const sent: Sent[] = [];
  const send: typeof fetch = async (input, init) => {
    const url = String(input);
    // What the client asks beside the writes, to learn who belongs to the cluster.
    if (!url.endsWith("/increment")) return new Response("{}", { status: 503 });
    const key = new Headers(init?.headers).get("idempotency-key");
    const answer = answers[Math.min(sent.length, answers.length - 1)];
    sent.push({ url, key });
    const given = answer?.(url, key) ?? new Error("no answer was prepared");
    if (given instanceof Error) throw given;
    return given;
  };
  const store = { get: () => VIEW, subscribe: () => () => undefined };
  return { writer: new Writer(store, send), sent };
}

/** As fetch gives it, with the URL that answered. */
function from(url: string, response: Response, type?: string): Response {
  Object.defineProperty(response, "url", { value: url });
  if (type !== undefined) Object.defineProperty(response, "type", { value: type });
  return response;
}

function counted(revision: number, { replayed = false }: { readonly replayed?: boolean } = {}): Answer {
  const body = { key: "visits", value: 40 + revision, revision, changed: true, index: 9, term: 7 };
  const headers = {
    "content-type": "application/json",
    ...(replayed ? { "idempotency-replayed": "true" } : {}),
  };
  return (url) => from(url, new Response(JSON.stringify(body), { status: 200, headers }));
}

const lost: Answer = () => new TypeError("Failed to fetch");

describe("a click", () => {
  it("is sent to the leader, once, and says who answered", async () => {
    const { writer, sent } = writerFor(counted(2));
    const result = await writer.increment("visits", 1n);
    expect(result).toMatchObject({ kind: "counted", value: 42n, retries: 0, replayed: false, node: "n2" });
    expect(sent.map(({ url }) => url)).toEqual([`${urlOf("n2")}/v1/counters/visits/increment`]);
    expect(writer.tally).toMatchObject({ sent: 1, counted: 1, retried: 0, replayed: 0, unknown: 0 });
  });

  it("is sent again under the same key when no answer comes, and counts once", async () => {
    const { writer, sent } = writerFor(lost, lost, counted(2, { replayed: true }));
    const result = await writer.increment("visits", 1n);
    expect(result).toMatchObject({ kind: "counted", retries: 2, replayed: true });
    expect(new Set(sent.map(({ key }) => key)).size).toBe(1);
    expect(writer.tally).toMatchObject({ sent: 1, counted: 1, retried: 1, replayed: 1 });
  });

  it("has a key of its own", async () => {
    const { writer, sent } = writerFor(counted(1), counted(2));
    await writer.increment("visits", 1n);
    await writer.increment("visits", 1n);
    expect(new Set(sent.map(({ key }) => key)).size).toBe(2);
  });

  it("was not sent twice where it was only told where to go", async () => {
    const redirect: Answer = (url) => from(url, new Response(null, { status: 200 }), "opaqueredirect");
    const { writer, sent } = writerFor(redirect, counted(3));
    expect(await writer.increment("visits", 1n)).toMatchObject({ kind: "counted", retries: 0 });
    expect(sent).toHaveLength(2);
  });

  it("that a node had to repeat for it is one that was sent again, too", async () => {
    const { writer } = writerFor(counted(3, { replayed: true }));
    expect(await writer.increment("visits", 1n)).toMatchObject({ retries: 1, replayed: true });
  });

  it("that is refused is no count, and says why", async () => {
    const problem = {
      code: "LIMIT_REACHED",
      detail: "the value would be above 100",
      status: 409,
      outcome: "not-applied",
    };
    const headers = { "content-type": "application/problem+json" };
    const { writer } = writerFor((url) =>
      from(url, new Response(JSON.stringify(problem), { status: 409, headers })),
    );
    const result = await writer.increment("visits", 1n);
    expect(result).toMatchObject({ kind: "failed", unknown: false, text: "the value would be above 100" });
    expect(writer.tally).toMatchObject({ sent: 1, counted: 0, refused: 1, unknown: 0 });
  });

  it("that carries the revision of another one would be a count that was lost, and is noticed", async () => {
    const { writer } = writerFor(counted(5), counted(5));
    await writer.increment("visits", 1n);
    await writer.increment("visits", 1n);
    expect(writer.tally.sameRevision).toBe(1);
  });

  it("is under way until it is answered", async () => {
    const { writer } = writerFor(counted(5));
    const click = writer.increment("visits", 1n);
    expect(writer.waiting).toBe(1);
    await click;
    expect(writer.waiting).toBe(0);
  });
});

describe("where the page asks", () => {
  it("is the leader first, then who was heard just now, then the rest", () => {
    expect(urlsOf(VIEW, "leader")).toEqual([urlOf("n2"), urlOf("n1"), urlOf("n3")]);
  });

  it("is a follower first for what may lag a little", () => {
    expect(urlsOf(VIEW, "follower")).toEqual([urlOf("n1"), urlOf("n2"), urlOf("n3")]);
  });

  it("is no node that is cut off while another one is not", () => {
    const view = sceneView({
      configuration: configurationOf(["n1", "n2", "n3"]),
      nodes: { n1: { misses: ["n2", "n3"] }, n2: { role: "leader", misses: ["n1"] }, n3: { misses: ["n1"] } },
    });
    expect(urlsOf(view, "follower")).toEqual([urlOf("n3"), urlOf("n2"), urlOf("n1")]);
  });

  it("is the origin of the page where nothing is known yet", () => {
    expect(urlsOf({ ...VIEW, nodes: [] }, "leader")).toEqual([urlOf("n1")]);
  });
});
