/** What the tests of the interface share: an application over a real state machine, and raw sockets. */

import { connect, type Socket } from "node:net";
import { expect } from "vitest";
import { type Api, type ApiOptions, createApi } from "../../src/api/index.ts";
import { ERRORS, type ErrorCode } from "../../src/base/index.ts";
import { holdToContract, problemViolations } from "./contract.ts";
import { MemoryService } from "./memory-service.ts";

export interface Bench {
  readonly service: MemoryService;
  readonly api: Api;
  readonly fatal: unknown[];
  readonly errors: unknown[];
}

export function makeBench(options: Partial<ApiOptions> = {}): Bench {
  const service = new MemoryService();
  const fatal: unknown[] = [];
  const errors: unknown[] = [];
  const api = createApi(service, {
    onFatal: (error) => fatal.push(error),
    onError: (error) => errors.push(error),
    ...options,
  });
  holdToContract(api);
  return { service, api, fatal, errors };
}

export type Headers = Readonly<Record<string, string>>;

/** POST in process; a body is sent as JSON unless the headers say otherwise. */
export async function post(
  bench: Bench,
  path: string,
  { body, headers = {} }: { body?: string | Uint8Array; headers?: Headers } = {},
): Promise<Response> {
  const type: Headers = body === undefined ? {} : { "Content-Type": "application/json" };
  const init: RequestInit = { method: "POST", headers: { ...type, ...headers } };
  if (body !== undefined) init.body = Buffer.from(body);
  return bench.api.request(path, init);
}

export async function get(bench: Bench, path: string, headers: Headers = {}): Promise<Response> {
  return bench.api.request(path, { headers });
}

/** What the tests look at in an answer; absent where the answer has no such field. */
export interface AnswerBody {
  readonly session?: number;
  readonly position?: number;
  readonly results?: readonly { readonly key: string; readonly value: number; readonly changed: boolean }[];
  readonly counters?: readonly { readonly key: string }[];
  readonly next?: string;
}

export async function bodyOf(response: Response): Promise<AnswerBody> {
  return (await response.json()) as AnswerBody;
}

export const INCREMENT = "/v1/counters/hits/increment";

/** Whether `document` is the complete problem document of `code`, and returns it. */
export function expectProblem(
  document: unknown,
  code: ErrorCode,
  detail?: string | RegExp,
): Readonly<Record<string, unknown>> {
  const info = ERRORS[code];
  expect(document).toMatchObject({
    type: `/docs/errors#${code.toLowerCase().replaceAll("_", "-")}`,
    title: info.title,
    status: info.status,
    code,
    outcome: info.outcome,
    instance: expect.stringMatching(/^\S+$/),
    detail: detail === undefined ? expect.any(String) : expect.stringMatching(asPattern(detail)),
  });
  return document as Readonly<Record<string, unknown>>;
}

function asPattern(detail: string | RegExp): RegExp {
  if (typeof detail !== "string") return detail;
  return new RegExp(`^${detail.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")}$`, "u");
}

/** The same for an answer, with its status and headers. */
export async function expectRefusal(
  response: Response,
  code: ErrorCode,
  detail?: string | RegExp,
): Promise<Readonly<Record<string, unknown>>> {
  const document = expectProblem(await response.json(), code, detail);
  expect(response.status).toBe(ERRORS[code].status);
  expect(response.headers.get("content-type")).toBe("application/problem+json");
  expect(response.headers.get("x-request-id")).toBe(document["instance"]);
  return document;
}

export interface RawAnswer {
  readonly status: number;
  readonly head: string;
  readonly body: string;
}

/** One connection that sends bytes as they are and reads answers with a Content-Length. */
export class RawConnection {
  readonly socket: Socket;
  #received = Buffer.alloc(0);
  #closed = false;
  #wake: () => void = () => {};

  constructor(port: number) {
    this.socket = connect(port, "127.0.0.1");
    this.socket.on("data", (chunk) => {
      this.#received = Buffer.concat([this.#received, chunk]);
      this.#wake();
    });
    this.socket.on("error", () => {});
    this.socket.on("close", () => {
      this.#closed = true;
      this.#wake();
    });
  }

  get closed(): boolean {
    return this.#closed;
  }

  send(bytes: string | Uint8Array): this {
    this.socket.write(bytes);
    return this;
  }

  /** The next answer; fails if the connection closes first. */
  async answer(): Promise<RawAnswer> {
    for (;;) {
      const text = this.#received.toString("latin1");
      const end = text.indexOf("\r\n\r\n");
      const length = Number(/^content-length: (\d+)\r?$/im.exec(text.slice(0, end + 2))?.[1] ?? "0");
      if (end !== -1 && text.length >= end + 4 + length) {
        const head = text.slice(0, end);
        const body = this.#received.subarray(end + 4, end + 4 + length).toString("utf8");
        this.#received = this.#received.subarray(end + 4 + length);
        if (/^content-type: application\/problem\+json/im.test(head)) {
          expect(problemViolations(body)).toEqual([]);
        }
        return { status: Number(head.slice(9, 12)), head, body };
      }
      if (this.#closed) throw new Error(`closed after ${JSON.stringify(text)}`);
      await this.#next();
    }
  }

  async untilClosed(): Promise<void> {
    while (!this.#closed) await this.#next();
  }

  #next(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }
}
