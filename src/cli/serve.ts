/** `raftally serve`: one node, from its configuration to its end. */

import type { Logger } from "pino";
import { type ApiServer, createApi, serveApi } from "../api/index.ts";
import {
  type Live,
  type NodeNotice,
  type NodeOptions,
  type RunningNode,
  StartingService,
  startNode,
  TICK_MS,
} from "../node/index.ts";
import { showAddress } from "./address.ts";
import { EXIT } from "./commands.ts";
import { makeDataDirectory } from "./data-directory.ts";
import { checkFounding } from "./founding.ts";
import { openLog } from "./log.ts";
import type { OptionValues } from "./options.ts";
import type { Terminal } from "./output.ts";
import { pageOptions } from "./page.ts";
import type { Parsed } from "./parse.ts";
import { isSupervised, sendReport } from "./report.ts";
import type { Adapt } from "./run.ts";
import { type ServeConfig, serveConfig } from "./serve-config.ts";
import { keepMemoryLow } from "./serve-memory.ts";
import { onStopSignal } from "./signals.ts";
import { version } from "./version.ts";

/** Runs until it is told to stop, or something breaks. Throws UsageError if the configuration is not right. */
export async function serve(parsed: Parsed, terminal: Terminal, adapt?: Adapt): Promise<number> {
  const config = serveConfig(parsed.values);
  keepMemoryLow();
  const { logLevel: level, logFormat: format } = parsed.values;
  // Lines are said before there is a server, and while there is none of a node yet.
  let server: Server | undefined;
  const log = openLog({ level, format, node: config.id, about: () => server?.standing ?? {} });
  server = new Server(config, parsed.values, { log, adapt });
  const exitCode = await server.run();
  if (server.refusal !== undefined) terminal.error(`raftally: ${server.refusal}`);
  // A channel to a launcher would keep the process alive.
  if (process.connected === true) process.disconnect();
  return exitCode;
}

/** What ends a running node. */
type End =
  | { readonly kind: "asked"; readonly why: string }
  | { readonly kind: "broken"; readonly error: unknown };

class Server {
  /** Why it did not start: one sentence. */
  refusal: string | undefined;
  readonly #config: ServeConfig;
  readonly #values: OptionValues;
  readonly #log: Logger;
  readonly #adapt: Adapt;
  readonly #ended: Promise<End>;
  #end: (end: End) => void = () => {};
  /** The first thing that broke, also while stopping. */
  #broken: { readonly error: unknown } | undefined;
  readonly #stopping = new AbortController();
  #live: Live | undefined;

  constructor(
    config: ServeConfig,
    values: OptionValues,
    { log, adapt = (options) => options }: { readonly log: Logger; readonly adapt: Adapt | undefined },
  ) {
    this.#config = config;
    this.#values = values;
    this.#log = log;
    this.#adapt = adapt;
    this.#ended = new Promise((resolve) => {
      this.#end = (end) => {
        if (!this.#stopping.signal.aborted) setTimeout(() => this.#exitLate(), values.stopTimeout).unref();
        resolve(end);
        this.#stopping.abort();
      };
    });
  }

  /** What the node is, for every line of the log. */
  get standing(): Live["standing"] {
    return this.#live?.standing;
  }

  async run(): Promise<number> {
    const ignore = this.#watch();
    let node: RunningNode | undefined;
    let api: ApiServer | undefined;
    try {
      const service = new StartingService({ ...this.#config, version: version() });
      this.#live = service.early;
      // It listens before the data directory is touched, so that a port in use leaves nothing behind.
      api = await this.#listen(service);
      await this.#checkFounding();
      makeDataDirectory(this.#config.data);
      const { join } = this.#config;
      if (join !== undefined)
        this.#log.debug({ as: join.as, told: join.told }, "joins, if it has not joined yet");
      node = await this.#startNode(service);
      service.become(node.service);
      this.#log.info(
        { pid: process.pid, url: this.#ownUrl(), listen: showAddress(this.#config.listen) },
        "ready",
      );
      sendReport({ kind: "listening" });
      const end = await this.#ended;
      if (end.kind === "broken") return await this.#breakDown(end.error, api);
      return await this.#stopGracefully(end.why, node, api);
    } catch (error) {
      if (this.#broken !== undefined) return await this.#breakDown(this.#broken.error, api);
      if (this.#stopping.signal.aborted) return await this.#stopEarly(api);
      if (!isRefusal(error)) return await this.#breakDown(error, api);
      this.refusal = error.message;
      sendReport({ kind: "stopping", sentence: error.message });
      await api?.close(0);
      return EXIT.refused;
    } finally {
      ignore();
    }
  }

  /** Listens for everything that can end this process from outside or inside. */
  #watch(): () => void {
    const asked = (why: string): void => this.#end({ kind: "asked", why });
    const broken = (error: unknown): void => this.#break(error);
    // Ctrl-C in a terminal reaches every process: with a launcher, it is the launcher who decides.
    const ignoreSignals = onStopSignal((signal) => {
      if (signal !== "SIGTERM" && isSupervised()) return;
      // Whoever asks twice does not want to wait; what was acknowledged is on disk.
      if (this.#stopping.signal.aborted) this.#exitNow(signal);
      asked(signal);
    });
    const orphaned = (): void => asked("the launcher is gone");
    process.on("disconnect", orphaned);
    process.on("uncaughtException", broken);
    process.on("unhandledRejection", broken);
    return () => {
      ignoreSignals();
      process.off("disconnect", orphaned);
      process.off("uncaughtException", broken);
      process.off("unhandledRejection", broken);
    };
  }

  #listen(service: StartingService): Promise<ApiServer> {
    const { writes, writeTimeout, badges, allowOrigin, rateLimit, exportCounters } = this.#values;
    const api = createApi(service, {
      writes,
      badges,
      origins: allowOrigin,
      rateLimit,
      exportCounters,
      page: pageOptions(process.env),
      forwardAnswerMs: writeTimeout + FORWARD_GRACE_MS,
      onFatal: (error) => this.#break(error),
      onError: (err, requestId) => this.#log.error({ err, requestId }, "a request failed unexpectedly"),
      ...(this.#log.isLevelEnabled("debug")
        ? { onRequest: (about) => this.#log.debug(about, "request") }
        : {}),
    });
    const { host, port } = this.#config.listen;
    return serveApi(api, { host, port, onError: (err) => this.#log.error({ err }, "listening") });
  }

  async #checkFounding(): Promise<void> {
    const { idle } = await checkFounding(this.#config);
    if (!idle) return;
    this.#log.warn(
      "--new-cluster did nothing, because the data directory holds a node: leave it out from now on, so that this " +
        "node is refused and not begun anew if its disk is ever lost",
    );
  }

  #startNode(service: StartingService): Promise<RunningNode> {
    const { id, clusterId, members, join, autoremoveMs, wantedVoters, data, listenPeer, detours, secret } =
      this.#config;
    const { foundingWait, heartbeatInterval, electionTimeout, writeTimeout, readTimeout } = this.#values;
    const options: NodeOptions = {
      id,
      clusterId,
      members,
      ...(join === undefined ? {} : { join: { as: join.as, seeds: join.seeds } }),
      ...(autoremoveMs === undefined ? {} : { autoremoveMs, wantedVoters }),
      foundingMs: foundingWait,
      directory: data,
      listenPeer,
      detours,
      secret,
      version: version(),
      settings: {
        raft: { electionTicks: ticks(electionTimeout), heartbeatTicks: ticks(heartbeatInterval) },
        node: { writeMs: writeTimeout, readMs: readTimeout },
      },
      live: service.early,
      onNotice: (notice) => this.#note(notice),
      onBeginning: (beginning) => service.began(beginning),
      onFatal: (error) => this.#break(error),
      signal: this.#stopping.signal,
    };
    return startNode(this.#adapt(options));
  }

  #break(error: unknown): void {
    this.#broken ??= { error };
    this.#end({ kind: "broken", error });
  }

  #note({ level, event, detail, term }: NodeNotice): void {
    this.#log[level](term === undefined ? { event } : { event, term }, detail);
  }

  #ownUrl(): string {
    return this.#config.members.find(({ id }) => id === this.#config.id)?.api ?? "";
  }

  /** Not ready, hand over, finish what is in flight, close. */
  async #stopGracefully(why: string, node: RunningNode, api: ApiServer): Promise<number> {
    const { stopTimeout } = this.#values;
    this.#log.info({ why }, "stopping");
    // Half of the time is for handing over, a quarter for the last answers, and the rest for closing files.
    await node.drain(stopTimeout / 2);
    await api.close(stopTimeout / 4);
    await node.close();
    if (this.#broken !== undefined) return await this.#breakDown(this.#broken.error, api);
    this.#log.info("stopped");
    return EXIT.done;
  }

  /** Asked to stop before it took part. */
  async #stopEarly(api: ApiServer | undefined): Promise<number> {
    this.#log.info("stopped before it had started");
    await api?.close(0);
    return EXIT.done;
  }

  /** What is on disk is the truth: nothing is tidied up that a restart would read anyway. */
  async #breakDown(error: unknown, api: ApiServer | undefined): Promise<number> {
    const err = error instanceof Error ? error : new Error(String(error));
    // Who was removed has nothing to be repaired: one sentence, no stack.
    if (isFarewell(err)) this.#log.warn(err.message);
    else this.#log.fatal({ err }, err.message);
    sendReport({ kind: "stopping", sentence: err.message });
    // Whoever waits for an answer was told "unknown"; that needs a moment to leave.
    await api?.close(BREAKDOWN_GRACE_MS);
    if (isFarewell(err)) process.stderr.write(`raftally: ${err.message}\n`);
    process.exit(isFarewell(err) ? EXIT.refused : EXIT.failed);
  }

  #exitNow(signal: string): void {
    this.#log.warn({ signal }, "asked again; exiting at once");
    process.exit(EXIT.failed);
  }

  #exitLate(): void {
    this.#log.error({ stopTimeout: this.#values.stopTimeout }, "could not stop in time; exiting anyway");
    process.exit(EXIT.failed);
  }
}

const BREAKDOWN_GRACE_MS = 200;
/** What is passed on to the leader may take so much longer than the leader itself. */
const FORWARD_GRACE_MS = 1_000;

function ticks(ms: number): number {
  return Math.max(1, Math.round(ms / TICK_MS));
}

/** A running node learnt that its cluster has removed it: starting it again would be in vain. */
function isFarewell(error: Error): boolean {
  return error.name === "RemovedFromCluster" || error.name === "RefusedByPeer";
}

/** Errors whose message is a sentence for whoever configured the node. */
const REFUSALS: ReadonlySet<string> = new Set([
  "StartRefusal",
  "ListenError",
  "IdentityError",
  "CorruptionError",
  "NewerFormatError",
  "TransportError",
  "RefusedByPeer",
  "RemovedFromCluster",
]);

function isRefusal(error: unknown): error is Error {
  return error instanceof Error && REFUSALS.has(error.name);
}
