/** The one table of all options. Parsing, environment, help and the checks of Dockerfile and documents read it. */

import type { RateLimit } from "../api/index.ts";
import {
  type Address,
  address,
  addresses,
  detours,
  id,
  type MemberAddress,
  members,
  showAddress,
  url,
  urls,
} from "./address.ts";
import { COUNTER_OPTIONS, type CounterOptionValues } from "./counter-options.ts";
import { type DnsName, dnsName } from "./discovery.ts";
import {
  choice,
  defaulted,
  duration,
  name,
  type Option,
  off,
  optional,
  text,
  time,
  wholeNumber,
} from "./option.ts";
import { rate } from "./rate.ts";

/** Members that run dial whoever they miss at least once a second (`reconnectMsMax` of src/transport). */
const FOUNDING_WAIT_MS = 2_000;

/** The value of each option once parsed: the default where nothing was given. */
export interface OptionValues extends CounterOptionValues {
  readonly help: boolean;
  readonly version: boolean;
  readonly nodes: number;
  readonly data: string;
  readonly port: number;
  readonly chaos: boolean;
  readonly oneWay: boolean;
  readonly id: string | undefined;
  readonly members: readonly MemberAddress[] | undefined;
  readonly newCluster: boolean;
  readonly clusterId: string | undefined;
  readonly listen: Address;
  readonly listenPeer: Address;
  readonly advertise: string | undefined;
  readonly advertisePeer: Address | undefined;
  readonly dial: ReadonlyMap<string, string> | undefined;
  readonly join: readonly Address[] | undefined;
  readonly discover: DnsName | undefined;
  readonly joinAs: JoinAs;
  readonly foundingWait: number;
  readonly autoremoveAfter: number | undefined;
  readonly wantedVoters: number;
  readonly writes: "redirect" | "forward";
  readonly badges: boolean;
  readonly rateLimit: RateLimit | undefined;
  readonly allowOrigin: readonly string[] | undefined;
  readonly exportCounters: boolean;
  readonly secret: string | undefined;
  readonly secretFile: string | undefined;
  readonly heartbeatInterval: number;
  readonly electionTimeout: number;
  readonly writeTimeout: number;
  readonly readTimeout: number;
  readonly stopTimeout: number;
  readonly logLevel: LogLevel;
  readonly logFormat: LogFormat;
  readonly url: readonly string[];
  readonly timeout: number;
  readonly json: boolean;
  readonly live: boolean;
  readonly dryRun: boolean;
  readonly yesLoseData: boolean;
}

export type OptionName = keyof OptionValues;
/** What a joining node wants to be: let in by a person, a learner, or a learner that becomes a voter. */
export type JoinAs = "wait" | "learner" | "voter";
export type LogLevel = "debug" | "info" | "warn" | "error";
export type LogFormat = "auto" | "json" | "text";
export type OptionTable = { readonly [Name in OptionName]: Option<OptionValues[Name]> };

/** Shorter secrets could be guessed. */
export const SECRET_CHARACTERS_MIN = 16;

const LISTEN: Address = { host: "127.0.0.1", port: 4000 };
const LISTEN_PEER: Address = { host: "127.0.0.1", port: 4100 };
const URL: readonly string[] = ["http://127.0.0.1:4000"];

export const OPTIONS: OptionTable = {
  help: off("help", "Show this text."),
  version: off("version", "Print the version of raftally and of Node.js."),

  nodes: defaulted("nodes", 3, {
    env: "RAFTALLY_NODES",
    placeholder: "N",
    shown: "3",
    help: "How many nodes to run, 1 to 9. Odd numbers make sense: 3 nodes can lose 1, 5 can lose 2.",
    read: wholeNumber(1, 9),
  }),
  data: defaulted("data", "./data", {
    env: "RAFTALLY_DATA",
    placeholder: "DIR",
    shown: "./data",
    help: "The directory that holds everything to be remembered. What starts or restores a node makes it.",
    read: text,
  }),
  port: defaulted("port", 4000, {
    env: "RAFTALLY_PORT",
    placeholder: "PORT",
    shown: "4000",
    help: "Where the first node answers; the others follow one by one. Nodes talk to each other 100 above.",
    read: wholeNumber(1, 65_400),
  }),

  chaos: off(
    "chaos",
    "Let the nodes be killed, paused, wiped and cut off from each other, by raftally local and by the page that they " +
      "serve to this machine. Their links then lead through proxies in the launcher.",
  ),
  oneWay: off(
    "one-way",
    "Cut only what the nodes of a group say to those of later groups; what these say still arrives.",
  ),

  id: optional("id", {
    env: "RAFTALLY_ID",
    placeholder: "ID",
    help: "The name of this node: 1 to 32 of a-z, 0-9 and -. Never reuse a name within a cluster.",
    read: id,
  }),
  members: optional("members", {
    env: "RAFTALLY_MEMBERS",
    placeholder: "LIST",
    help:
      "All members, this one included: ID=HOST:PORT@URL, separated by commas. HOST:PORT is where the other " +
      "nodes reach it, URL where clients do. Left out, the node is the only one (--new-cluster) or joins.",
    read: members,
  }),
  newCluster: off(
    "new-cluster",
    "Make a new cluster whose only member is this node. Say it once, at its first start, and never in a unit file: " +
      "without it a node whose disk was lost is refused, instead of beginning again with no counts. It has no variable " +
      "for that reason, and does nothing on a directory that holds a node.",
  ),
  clusterId: optional("cluster-id", {
    env: "RAFTALLY_CLUSTER_ID",
    placeholder: "NAME",
    help: "The name of the cluster, the same on every member: nodes of different clusters never mix.",
    read: name,
  }),
  listen: defaulted("listen", LISTEN, {
    env: "RAFTALLY_LISTEN",
    placeholder: "HOST:PORT",
    shown: showAddress(LISTEN),
    help: "Where to answer clients. 0.0.0.0:4000 is every IPv4 interface.",
    read: address,
  }),
  listenPeer: defaulted("listen-peer", LISTEN_PEER, {
    env: "RAFTALLY_LISTEN_PEER",
    placeholder: "HOST:PORT",
    shown: showAddress(LISTEN_PEER),
    help: "Where to answer the other nodes.",
    read: address,
  }),
  advertise: optional("advertise", {
    env: "RAFTALLY_ADVERTISE",
    placeholder: "URL",
    help: "Where clients reach this node. Comes from --members, or else from --listen.",
    read: url,
  }),
  advertisePeer: optional("advertise-peer", {
    env: "RAFTALLY_ADVERTISE_PEER",
    placeholder: "HOST:PORT",
    help: "Where the other nodes reach this node. Comes from --members, or else from --listen-peer.",
    read: address,
  }),
  dial: optional("dial", {
    env: "RAFTALLY_DIAL",
    placeholder: "ADDRESS=WAY[,…]",
    help:
      "Reach the peer that is said to be at ADDRESS by connecting to WAY, both HOST:PORT: through a tunnel, a proxy, " +
      "or NAT. Only what this node dials changes, not what the cluster knows of its members.",
    read: detours,
  }),
  join: optional("join", {
    env: "RAFTALLY_JOIN",
    placeholder: "HOST:PORT[,…]",
    help:
      "Peer addresses of members of a cluster that runs already: a node with an empty data directory asks them " +
      "to be let in. One that belongs to a cluster goes on there, and does not ask again.",
    read: addresses,
  }),
  discover: optional("discover", {
    env: "RAFTALLY_DISCOVER",
    placeholder: "dns:NAME:PORT",
    help:
      "Like --join, with every address (A or AAAA) that the name server knows for NAME, looked up again at each " +
      "attempt: for the headless service of Kubernetes, or a network alias of compose.",
    read: dnsName,
  }),
  joinAs: defaulted("join-as", "learner", {
    env: "RAFTALLY_JOIN_AS",
    placeholder: "WHAT",
    shown: "learner",
    help:
      "wait: until somebody lets it in with raftally member add. learner: comes in by itself, copies everything, " +
      "and has no vote. voter: a learner that is given a vote as soon as it has caught up.",
    read: choice<JoinAs>("wait", "learner", "voter"),
  }),
  foundingWait: defaulted("founding-wait", FOUNDING_WAIT_MS, {
    env: "RAFTALLY_FOUNDING_WAIT",
    placeholder: "TIME",
    shown: "2s",
    help:
      "How long the very first start listens, before a new cluster is made, for members of an older one of the same " +
      "name: where the disks of its founders were lost, they are stopped instead of counting from zero.",
    read: duration(0, 600_000),
  }),
  autoremoveAfter: optional("autoremove-after", {
    env: "RAFTALLY_AUTOREMOVE_AFTER",
    placeholder: "TIME",
    help:
      "While this node leads: remove a member that has not been heard of for so long, a voter only if more than " +
      "--wanted-voters vote and a majority is reached. It comes back only under a new id. Without this, nobody is " +
      "ever removed.",
    read: duration(1_000, 2_592_000_000),
  }),
  wantedVoters: defaulted("wanted-voters", 3, {
    env: "RAFTALLY_WANTED_VOTERS",
    placeholder: "N",
    shown: "3",
    help: "How many voters --autoremove-after leaves in any case, 1 to 9.",
    read: wholeNumber(1, 9),
  }),
  writes: defaulted("writes", "redirect", {
    env: "RAFTALLY_WRITES",
    placeholder: "HOW",
    shown: "redirect",
    help:
      "What a node that does not lead does with a write. redirect: answers 307 with the leader's URL. forward: " +
      "passes it on to the leader, for clients that reach only a load balancer. The forms of other services (POST " +
      "/increment and so on), whose scripts know of no redirect, are passed on in any case.",
    read: choice("redirect", "forward"),
  }),
  badges: {
    ...off(
      "badges",
      "Count visitors: GET /hit/KEY.svg adds 1 to KEY and answers with a picture of the number. Without this, no GET " +
        "ever changes anything.",
    ),
    env: "RAFTALLY_BADGES",
  },
  exportCounters: {
    ...off(
      "export-counters",
      "Give Prometheus also the values of counters, as raftally_counter{key=...}: of the first 1,000 in order of key.",
    ),
    env: "RAFTALLY_EXPORT_COUNTERS",
  },
  allowOrigin: optional("allow-origin", {
    env: "RAFTALLY_ALLOW_ORIGIN",
    placeholder: "URL[,URL]",
    help:
      "Pages at these URLs may read and write counters from a browser, as those of the members may: your own site, or " +
      "the name under which a proxy serves the nodes. Without this, a browser on any other page changes nothing.",
    read: urls,
  }),
  rateLimit: optional("rate-limit", {
    env: "RAFTALLY_RATE_LIMIT",
    placeholder: "N/TIME",
    help:
      "Refuse what one client, an address or a bearer token, asks of this node beyond N requests in TIME: 100/10s, " +
      "5000/m. Behind a proxy all have its address. Health checks, metrics and what members pass on do not count. " +
      "Without this, nobody is limited.",
    read: rate,
  }),
  secret: optional("secret", {
    env: "RAFTALLY_SECRET",
    placeholder: "TEXT",
    help:
      "What the nodes of a cluster know and nobody else does, the same on every member, at least " +
      `${SECRET_CHARACTERS_MIN} characters. Needed as soon as a peer address is not loopback. Others on this ` +
      "machine can read flags: better use the variable, or --secret-file.",
    read: text,
  }),
  secretFile: optional("secret-file", {
    env: "RAFTALLY_SECRET_FILE",
    placeholder: "FILE",
    help: "The file that holds the secret (white space around it does not count). Not together with --secret.",
    read: text,
  }),
  heartbeatInterval: time(
    "heartbeat-interval",
    50,
    [10, 5_000],
    "How often a leader shows itself. Longer for nodes far apart.",
  ),
  electionTimeout: time(
    "election-timeout",
    300,
    [30, 60_000],
    "A leader not heard from for this to twice this long is replaced. At least 3 heartbeats.",
  ),
  writeTimeout: time("write-timeout", 5_000, [100, 60_000], "No write waits longer for its outcome."),
  readTimeout: time("read-timeout", 3_000, [100, 60_000], "No read waits longer to be confirmed."),
  stopTimeout: time(
    "stop-timeout",
    8_000,
    [500, 300_000],
    "How long a graceful stop may take, before the process exits anyway.",
  ),
  logLevel: defaulted("log-level", "info", {
    env: "RAFTALLY_LOG_LEVEL",
    placeholder: "LEVEL",
    shown: "info",
    help: "The least that is logged: debug, info, warn or error.",
    read: choice("debug", "info", "warn", "error"),
  }),
  logFormat: defaulted("log-format", "auto", {
    env: "RAFTALLY_LOG_FORMAT",
    placeholder: "FORMAT",
    shown: "auto",
    help: "json, text, or auto: text on a terminal, JSON lines elsewhere.",
    read: choice("auto", "json", "text"),
  }),

  url: defaulted("url", URL, {
    env: "RAFTALLY_URL",
    placeholder: "URL[,URL]",
    shown: URL.join(","),
    help: "Which nodes to ask. Of several, one that is down does not matter (health asks only the first).",
    read: urls,
  }),
  timeout: defaulted("timeout", 5_000, {
    env: "RAFTALLY_TIMEOUT",
    placeholder: "TIME",
    shown: "5s",
    help: "When to give up, all attempts included.",
    read: duration(10, 86_400_000),
  }),
  json: off("json", "Print JSON, for programs."),
  ...COUNTER_OPTIONS,
  live: off("live", "Ask only whether the process runs, not whether it can serve right now."),
  dryRun: off(
    "dry-run",
    "Change nothing, and say what the change would mean for the failures that can be borne.",
  ),
  yesLoseData: off("yes-lose-data", "Do it without asking. What may be lost stands above."),
};
