/** What is said of the routes for whoever runs the cluster. */

import { z } from "zod";
import {
  ANY_REFUSALS,
  BODY_REFUSALS,
  CHANGE_REFUSALS,
  json,
  type Operation,
  type Parameter,
} from "./openapi-form.ts";
import { EVENTS_TEXT } from "./openapi-reads.ts";
import { DRY_RUN, MEMBER_ID } from "./openapi-shared.ts";

const REFUSALS = [
  ...ANY_REFUSALS,
  ...BODY_REFUSALS,
  ...CHANGE_REFUSALS,
  "MEMBER_NOT_FOUND",
  "ID_USED",
  "ALREADY_CHANGING",
  "WOULD_LOSE_QUORUM",
  "NOT_CAUGHT_UP",
  "INVALID_CHANGE",
] as const;

const INCARNATION = "0123456789abcdef0123456789abcdef";
const n1 = { id: "n1", incarnation: INCARNATION, peer: "127.0.0.1:4100", api: "http://127.0.0.1:4000" };
const configuration = { voters: ["n1"], outgoing: [], learners: [], members: [n1], removed: [] };
const leader = { id: "n1", url: "http://127.0.0.1:4000" };

const changed: Operation["answers"] = {
  200: {
    description: "The change is in force; with `dryRun=true`, what it would mean.",
    content: {
      "application/json": {
        schema: "MembershipAnswer",
        examples: {
          changed: { index: 9, configuration },
          dryRun: {
            dryRun: true,
            before: { voters: 3, mayFail: 1, reachable: 3 },
            after: { voters: 2, mayFail: 0, reachable: 2 },
          },
        },
      },
    },
  },
};

const status: Operation = {
  method: "GET",
  path: "/v1/cluster",
  id: "readCluster",
  tag: "Cluster",
  summary: "What this node knows of itself and the others",
  description: "Of the node that is asked, as it is now. What is not known is left out.",
  parameters: [],
  answers: {
    200: {
      description: "The node's state.",
      content: json("NodeStatus", {
        leader: {
          id: "n1",
          incarnation: INCARNATION,
          clusterId: "c1",
          peerAddress: "127.0.0.1:4100",
          apiUrl: "http://127.0.0.1:4000",
          state: "running",
          version: "0.1.0",
          role: "leader",
          term: 2,
          leader,
          commit: 42,
          applied: 42,
          last: 42,
          first: 1,
          snapshot: 0,
          revision: 40,
          counters: 5,
          digest: 1234,
          rememberedKeys: 1,
          idempotencyWindowMs: 600000,
          configuration,
          peers: [],
          uptimeMs: 40000,
        },
      }),
    },
  },
  refusals: ANY_REFUSALS,
  curl: { target: "/v1/cluster" },
};

const members: Operation = {
  method: "GET",
  path: "/v1/cluster/members",
  id: "listMembers",
  tag: "Cluster",
  summary: "The members, with the progress of learners",
  description: "As the node that is asked sees them; only the leader sees progress.",
  parameters: [
    {
      name: "from",
      in: "query",
      schema: z.enum(["leader"]),
      description: "As the leader sees them, while one is known.",
    },
  ],
  answers: {
    200: {
      description: "The members.",
      content: json("Members", {
        one: { members: [{ ...n1, role: "voter", leads: true, reachable: true }], seenBy: "n1", leader },
      }),
    },
  },
  refusals: [...ANY_REFUSALS, "NOT_LEADER", "NO_LEADER", "OUTCOME_UNKNOWN"],
  curl: { target: "/v1/cluster/members?from=leader" },
};

const IN_FORCE =
  "Goes to the leader, as writes do, and is answered once it is in force. With `dryRun=true` it only says what it would mean.";

const add: Operation = {
  method: "POST",
  path: "/v1/cluster/members",
  id: "addMember",
  tag: "Cluster",
  summary: "Add a node, as a learner",
  description: `It receives the log and has no vote until it is promoted. ${IN_FORCE}`,
  parameters: [DRY_RUN],
  body: {
    schema: "AddMemberBody",
    required: true,
    examples: {
      fourth: {
        id: "n4",
        incarnation: INCARNATION,
        peer: "10.0.0.4:4100",
        api: "http://10.0.0.4:4000",
      },
    },
  },
  answers: changed,
  refusals: REFUSALS,
  curl: {
    options: `--json '{"id":"n4","incarnation":"${INCARNATION}","peer":"10.0.0.4:4100","api":"http://10.0.0.4:4000"}'`,
    target: "/v1/cluster/members",
  },
};

const ONE = "/v1/cluster/members/:id";

const promote: Operation = {
  method: "POST",
  path: `${ONE}/promote`,
  id: "promoteMember",
  tag: "Cluster",
  summary: "Give a learner a vote",
  description: `Refused until it has caught up with the log. Takes no body. ${IN_FORCE}`,
  parameters: [MEMBER_ID, DRY_RUN],
  answers: changed,
  refusals: REFUSALS,
  curl: { options: "-X POST", target: "/v1/cluster/members/n4/promote?dryRun=true" },
};

const remove: Operation = {
  method: "DELETE",
  path: ONE,
  id: "removeMember",
  tag: "Cluster",
  summary: "Remove a member for good",
  description: `Neither its id nor its data directory can come back. ${IN_FORCE}`,
  parameters: [MEMBER_ID, DRY_RUN],
  answers: changed,
  refusals: REFUSALS,
  curl: { options: "-X DELETE", target: "/v1/cluster/members/n4?dryRun=true" },
};

const replace: Operation = {
  method: "POST",
  path: `${ONE}/replace`,
  id: "replaceMember",
  tag: "Cluster",
  summary: "Replace a member by a learner",
  description: `In one change the learner \`by\` gets the vote and the member leaves for good. ${IN_FORCE}`,
  parameters: [MEMBER_ID, DRY_RUN],
  body: { schema: "ReplaceMemberBody", required: true, examples: { by: { by: "n4" } } },
  answers: changed,
  refusals: REFUSALS,
  curl: { options: `--json '{"by":"n4"}'`, target: "/v1/cluster/members/n2/replace?dryRun=true" },
};

const move: Operation = {
  method: "PATCH",
  path: ONE,
  id: "moveMember",
  tag: "Cluster",
  summary: "Give a member new addresses",
  description: `For a member that is down; what a running node announces of itself wins. At least one of \`peer\` and \`api\`. ${IN_FORCE}`,
  parameters: [MEMBER_ID, DRY_RUN],
  body: {
    schema: "MoveMemberBody",
    required: true,
    examples: { moved: { peer: "10.0.0.9:4100", api: "http://10.0.0.9:4000" } },
  },
  answers: changed,
  refusals: REFUSALS,
  curl: {
    options: `-X PATCH --json '{"peer":"10.0.0.9:4100"}'`,
    target: "/v1/cluster/members/n2?dryRun=true",
  },
};

const transfer: Operation = {
  method: "POST",
  path: "/v1/cluster/transfer",
  id: "transferLeadership",
  tag: "Cluster",
  summary: "Hand leadership over",
  description:
    "To `to`, or to the voter whose log reaches furthest. With `from` only if that one leads, which makes it safe to " +
    "repeat when an answer was lost. Answered once the new leader leads.",
  parameters: [],
  body: {
    schema: "TransferBody",
    required: false,
    examples: { to: { to: "n2" }, from: { from: "n1" } },
  },
  answers: {
    200: { description: "It leads.", content: json("Transferred", { transferred: { leader } }) },
  },
  refusals: [
    ...ANY_REFUSALS,
    ...BODY_REFUSALS,
    ...CHANGE_REFUSALS,
    "MEMBER_NOT_FOUND",
    "INVALID_CHANGE",
    "TRANSFER_FAILED",
    "ALREADY_CHANGING",
    "NOT_CAUGHT_UP",
  ],
  curl: { options: "-X POST", target: "/v1/cluster/transfer" },
};

const backup: Operation = {
  method: "GET",
  path: "/v1/backup",
  id: "takeBackup",
  tag: "Cluster",
  summary: "A file with all counters, taken now",
  description:
    "A consistent copy of the state of the node that is asked, while it goes on. `raftally backup` verifies what it gets; " +
    "`raftally restore` makes a new cluster of it.",
  parameters: [],
  answers: {
    200: {
      description: "The file. If it breaks off, it is shorter than `Content-Length` says.",
      headers: [
        "Content-Length",
        "Content-Disposition",
        "Raftally-Backup-Index",
        "Raftally-Backup-Term",
        "Raftally-Backup-Digest",
        "Raftally-Backup-Sha256",
      ],
      content: { "application/octet-stream": {} },
    },
  },
  refusals: [
    ...ANY_REFUSALS,
    "NO_LEADER",
    "OVERLOADED",
    "SHUTTING_DOWN",
    "STATE_DIVERGED",
    "METHOD_NOT_ALLOWED",
  ],
  curl: { options: "-O -J", target: "/v1/backup" },
  noHead: true,
};

const PICTURES: Parameter = {
  name: "pictures",
  in: "query",
  schema: z.int().min(50).max(5_000),
  example: 250,
  description:
    "Also the node's picture (`event: picture`), every so many ms, and at once when the role or leader changes.",
};

const events: Operation = {
  method: "GET",
  path: "/v1/cluster/events",
  id: "watchCluster",
  tag: "Cluster",
  summary: "Watch elections, snapshots, links and faults",
  description:
    "Server-sent events of the node that is asked: `event: event` with a sentence for people. It begins with those that are " +
    "remembered. `id` is of this run of the process; a `Last-Event-ID` of it resumes, after another one comes `resync`.",
  parameters: [
    PICTURES,
    {
      name: "Last-Event-ID",
      in: "header",
      schema: z.string(),
      example: "3f2a-17",
      description: "Go on after this event.",
    },
    {
      name: "after",
      in: "query",
      schema: z.string(),
      example: "3f2a-17",
      description: "The same, for a page that opens the stream itself and cannot set the header.",
    },
  ],
  answers: {
    200: {
      description: "Events without end.",
      content: {
        "text/event-stream": {
          text: EVENTS_TEXT,
          events: { event: "ClusterEvent", picture: "NodePicture", resync: "ClusterResync" },
          examples: {
            event:
              'event: event\nid: 3f2a-17\ndata: {"seq":17,"atMs":1763728290000,"node":"n1","kind":"role","term":3,"text":"n1 leads term 3"}\n\n',
          },
        },
      },
    },
  },
  refusals: [...ANY_REFUSALS, "OVERLOADED", "METHOD_NOT_ALLOWED"],
  curl: { options: "-N", target: "/v1/cluster/events" },
  noHead: true,
};

export const CLUSTER_OPERATIONS: readonly Operation[] = [
  status,
  members,
  add,
  promote,
  remove,
  replace,
  move,
  transfer,
  events,
  backup,
];
