/** What each error code means to whoever meets it: the text of the pages below /docs/errors and of docs/api.md. */

import type { ErrorCode } from "../base/index.ts";

export interface Explanation {
  /** When it happens, in one or two sentences. */
  readonly when: string;
  /** What to do, in one or two sentences. */
  readonly todo: string;
  /** A detail as such a refusal may have it. */
  readonly example: string;
}

function explain(when: string, todo: string, example: string): Explanation {
  return { when, todo, example };
}

const SAME_KEY = "Send it again, the write with the same idempotency key or place in the session.";

export const EXPLANATIONS: Readonly<Record<ErrorCode, Explanation>> = {
  INVALID_JSON: explain(
    "The body cannot be parsed as JSON in UTF-8, is nested too deeply, or gives a name twice.",
    "Correct the body; `detail` says where the parser stopped.",
    'the field "by" is given twice',
  ),
  INVALID_BODY: explain(
    "The body is JSON, but a field is missing, unknown, of the wrong type or out of range.",
    "Correct the field that `detail` names. Fields that are not known are refused, so that a typing error does not pass.",
    "by must be an integer; got 1.5",
  ),
  INVALID_KEY: explain(
    "The key is empty, longer than 512 bytes, `.` or `..`, holds a control character, or is wrongly percent-encoded.",
    "Percent-encode the key as one segment of the path, with its slashes as `%2F`.",
    'the key must not be "."',
  ),
  INVALID_QUERY: explain(
    "A query parameter is unknown to this route, given twice, out of range or wrongly encoded.",
    "Correct the parameter that `detail` names.",
    'unknown query parameter "limt"; known: prefix, limit',
  ),
  INVALID_HEADER: explain(
    "A header that carries meaning cannot be understood, or does not apply to this route, which therefore cannot honour it.",
    "Correct the header that `detail` names, or leave it out.",
    "give either Idempotency-Key or Raftally-Session, not both",
  ),
  MALFORMED_REQUEST: explain(
    "What arrived is not an HTTP/1.1 request, or did not arrive whole in time.",
    "Look at what sends it: a proxy that speaks another protocol, a raw character in the URL, a connection that breaks off.",
    "the request target must be percent-encoded ASCII",
  ),
  INVALID_BATCH: explain(
    "A batch holds no operation or more than 1,000.",
    "Split it. Each part is then all or nothing for itself.",
    "a batch takes 1 to 1,000 operations; got 1,001",
  ),
  BODY_TOO_LARGE: explain(
    "The body is longer than 1 MiB. It is refused without being read to its end.",
    "Send less at a time.",
    "the body is longer than 1048576 bytes",
  ),
  UNSUPPORTED_MEDIA_TYPE: explain(
    "There is a body, and its Content-Type is not application/json in UTF-8, or it is compressed.",
    "Send `Content-Type: application/json`, as `curl --json` does.",
    "a body needs Content-Type: application/json; got text/plain",
  ),
  ROUTE_NOT_FOUND: explain(
    "No route has this path. Paths are compared as they were sent: a slash at the end makes another path.",
    "Compare the path with /docs.",
    "there is no /v1/counter; GET / lists the routes",
  ),
  METHOD_NOT_ALLOWED: explain(
    "The path is right, the method is not. No GET ever changes a counter (but for badges, where they are switched on).",
    "Use one of the methods in the header `Allow`.",
    "GET does not fit /v1/counters/visits/increment; allowed: POST",
  ),
  QUERY_TOO_LARGE: explain(
    "The question has to look at so many counters that it would have taken too long.",
    "Narrow the prefix or the glob, or list in order of the keys, page by page.",
    "the question took longer than 2 s; narrow it by a prefix",
  ),
  FOREIGN_ORIGIN: explain(
    "A page of another origin has its reader's browser ask for a change. Only pages of the cluster's own nodes may, and those that `--allow-origin` names.",
    "Ask from a server, serve the page under the origin of a node, or name its URL with `--allow-origin`.",
    "https://example.org is not the origin of a node of this cluster",
  ),
  TOO_MANY_REQUESTS: explain(
    "This client has used up its share (`--rate-limit`); `RateLimit` says how much is left, `RateLimit-Policy` what the share is.",
    "Wait as long as `Retry-After` says, or put many increments into one batch.",
    "more than 100 requests in 10 s",
  ),
  COUNTER_NOT_FOUND: explain(
    "The counter was never written, or was deleted. A counter that was set to 0 exists.",
    "Take it for 0 where that is what you mean: an increment does so.",
    '"visits" has never been written, or was deleted',
  ),
  COUNTER_OVERFLOW: explain(
    "The result would leave the range of a signed 64-bit integer. Counters never wrap around.",
    "Set or delete the counter, or count under another key.",
    "The counter is at 9223372036854775807; adding 1 would pass the largest 64-bit integer.",
  ),
  LIMIT_REACHED: explain(
    "The result would pass the `min` or `max` of this very request: the stock is out, the quota is used up.",
    'This is the answer. To take what is left instead, send `"onLimit":"saturate"`.',
    "The counter is at 10; adding -100 would bring it to -90, below the minimum of 0.",
  ),
  REVISION_MISMATCH: explain(
    "The condition on the revision (`If-Match`, `If-None-Match: *`, `ifRevision`) does not hold: somebody was faster.",
    "Read the counter again and decide anew; often an increment needs no condition at all.",
    "The counter is at revision 13, not 12.",
  ),
  IDEMPOTENCY_KEY_REUSED: explain(
    "This idempotency key or place in a session was sent before with another request.",
    "Make a new key for each request that is to count, and keep it only for retries of that one.",
    "this idempotency key was used for another request",
  ),
  IDEMPOTENCY_CAPACITY: explain(
    "So many keyed writes arrived within a minute that no further key can be remembered for as long as is promised.",
    "Wait and send it again with the same key, or use a session, which needs far less room.",
    "no room for another idempotency key",
  ),
  SESSION_EXPIRED: explain(
    "The session was not used for too long, or its outcomes below `first` are forgotten. What was asked has not been carried out by this attempt.",
    "Open a new session. Whether an earlier attempt of this write counted has to be looked up: it is not repeated blindly.",
    "session 12 has expired",
  ),
  NOT_LEADER: explain(
    "This node does not lead, and writes go to the leader. `Location` has the same request there.",
    "Follow the redirect with the same method and body (`curl -L`), or start the nodes with `--writes forward`.",
    "n2 leads: ask it at http://127.0.0.1:4001",
  ),
  NO_LEADER: explain(
    "No leader was found within three seconds: an election is under way, or no majority of the nodes is connected.",
    `${SAME_KEY} If it stays like this, look at /readyz?verbose of each node.`,
    "no leader is known; an election may be under way",
  ),
  OVERLOADED: explain(
    "More requests are waiting than the node keeps in memory. Nothing of this one was begun.",
    "Wait as long as `Retry-After` says, with some randomness, and send less at a time; batches carry up to 1,000 increments.",
    "too many writes are waiting",
  ),
  SHUTTING_DOWN: explain(
    "The node is about to stop and takes nothing new.",
    "Ask another node.",
    "this node is shutting down",
  ),
  READ_TIMEOUT: explain(
    "A linearizable read needs word from a majority, or had to wait for `minIndex`, and that took more than three seconds.",
    "Ask again or another node; with `consistency=stale` the node answers with what it has.",
    "no majority confirmed the read within 3 s",
  ),
  STATE_DIVERGED: explain(
    "The counters of this node differ from those of the majority, so it does not serve. This should never happen.",
    "Ask another node. Replace this one (docs/operations.md) and keep its data directory: it is the evidence.",
    "the digest at entry 2048 differs from that of n1 and n3",
  ),
  OUTCOME_UNKNOWN: explain(
    "The write was handed to the log, and its end was not seen in time: the leader changed or the majority was lost meanwhile.",
    "Send it again with the same idempotency key: it counts once. Without a key, read the counter before you decide.",
    "the write was not confirmed by a majority within 5 s",
  ),
  MEMBER_NOT_FOUND: explain(
    "The cluster has no member of this id.",
    "GET /v1/cluster/members lists them.",
    "n9 is no member; the members are n1, n2, n3",
  ),
  ID_USED: explain(
    "The id belongs to a member or once belonged to one that was removed; ids are never given twice.",
    "Start the new node with a fresh id and an empty data directory.",
    "n2 was a member and has been removed",
  ),
  ALREADY_CHANGING: explain(
    "One change of the membership is made at a time, and one is under way, or leadership is just being handed over.",
    "Wait and send it again; GET /v1/cluster/members shows how far the other change is.",
    "another change is under way",
  ),
  WOULD_LOSE_QUORUM: explain(
    "After this change fewer voters than a majority could be reached, and nothing could be decided any more.",
    "Bring back or replace the nodes that are down first; `dryRun=true` shows the figures.",
    "of 2 voters 1 can be reached, which is no majority",
  ),
  NOT_CAUGHT_UP: explain(
    "A learner gets a vote only when it holds the log almost to its end; until then it would only hold up the others.",
    "Wait until `catchUp` in GET /v1/cluster/members?from=leader is gone, then send it again.",
    "n4 has 80 % of the log",
  ),
  INVALID_CHANGE: explain(
    "The change contradicts the membership as it is: a voter cannot be promoted, the last voter cannot leave.",
    "Look at GET /v1/cluster/members and ask for what is possible.",
    "n1 is a voter already",
  ),
  TRANSFER_FAILED: explain(
    "The node that was to lead did not take over within an election timeout. The old leader goes on.",
    "Look whether that node is reachable and has caught up, and send it again.",
    "n2 did not take over in time; n1 leads on",
  ),
  INTERNAL: explain(
    "The node met with an error that it does not know. Its log has the details under the request id in `instance`.",
    "Look into the log and report it. A write may or may not have counted: send it again only with the same idempotency key.",
    "an unexpected error; the node's log has it under this request id",
  ),
};
