/**
 * The HTTP interface of one node: routes over a `NodeService`.
 *
 *     const app = createApi(service, { onFatal: (error) => stopTheProcess(error) });
 *     const server = await serveApi(app, { host: "127.0.0.1", port: 4000 });
 *     …
 *     await server.close(3_000); // stop accepting, let requests in flight finish for 3 s, close
 *
 *     POST /v1/counters/{key}/increment   {"by":5,"min":0,"max":100,"onLimit":"reject|saturate","once":"member"}, all
 *          optional; no body adds 1   -> {"key":"hits","value":5,"revision":1,"changed":true,"index":7,"term":2}, and
 *          with saturate "applied": how much was added
 *     PUT    /v1/counters/{key} {"value":5}   -> the same
 *     DELETE /v1/counters/{key}               -> the same, with value 0 and the revision of the deletion; no ETag
 *     POST /v1/counters/{key}/allocate {"count":100,"max":…}: numbers that nobody else is given, 1 to 1,000,000,000
 *          -> {"key","from":1,"to":100,"count":100,"value":100,"revision","index","term"}
 *     POST /v1/batch    {"operations":[{"key":"a"},{"op":"set","key":"b","value":3,"ifRevision":7},
 *                                      {"op":"delete","key":"c"}]}
 *          -> {"results":[{"key","value","revision","changed"}, …],"index","term"}; 1 to 1,000, all or nothing;
 *          `op` is increment (when absent; it takes what the increment route takes), set or delete
 *     POST /v1/sessions -> 201 {"session":12,"index","term"}: opens a client session
 *     GET  /v1/counters/{key}?consistency=linearizable|stale&minIndex=   (all reads take these two)
 *          -> {"key","value","revision","index","term"}; 404 COUNTER_NOT_FOUND if it was never written
 *     GET  /v1/counters?prefix=&match=glob&order=key|value|-value&limit=1..1000&cursor=
 *          -> {"counters":[{"key","value","revision"}, …],"next":"cursor of the next page, absent on the last",
 *              "index","term"}; keys in order of their UTF-8 bytes
 *     GET  /v1/sum?prefix=&depth=0..8
 *          -> {"prefix","sum","counters","groups":[{"prefix","sum","counters"}, …],"more":false,"index","term"}; sums
 *          are exact integers of any size; at most 1,000 groups
 *     GET  /v1/query?expression=a,b,items:*   keys and globs; %2C is a comma of a key, a backslash escapes a wildcard
 *          -> {"counters":[…],"index","term"}, at most 1,000, and then "more":true
 *     GET  /hit/{key}.svg?label=&color=   with `badges` only: adds 1 and answers a picture of the number (badge.ts)
 *     POST /increment, /api/v1/increment, /items, /metrics and what reads them: other services' forms (compat.ts)
 *     GET  /v1/cluster  -> this node's `NodeStatus`; what is not known is absent
 *     GET  /v1/cluster/members, ?from=leader (the leader's view while one is known: only it sees progress)
 *          -> {"members":[{"id","incarnation","peer","api","role":"voter|learner|joining|leaving","leads","reachable",
 *              "match","catchUp":{"percent","msLeft"}}, …],"seenBy":"n1","leader":{"id","url"}}
 *     POST   /v1/cluster/members {"id","incarnation","peer","api"}        a new learner
 *     POST   /v1/cluster/members/{id}/promote                             the learner becomes a voter
 *     DELETE /v1/cluster/members/{id}                                     leaves for good
 *     POST   /v1/cluster/members/{id}/replace {"by":"n4"}                 n4 gets the vote, {id} leaves: one change
 *     PATCH  /v1/cluster/members/{id} {"peer","api"}                      new addresses, one or both
 *          each -> {"index","configuration":{"voters","outgoing","learners","members","removed"}} once it is in force;
 *          with ?dryRun=true -> {"dryRun":true,"before":{"voters","mayFail","reachable"},"after":{…},
 *          "refusal":{"code","detail","retryAfterMs"}}, the last only if it would be refused
 *     POST   /v1/cluster/transfer {"to":"n2"}, or without a body          -> {"leader":{"id","url"}} once it leads
 *            {"from":"n1"} hands over only if n1 leads, and is so safe to repeat when an answer was lost
 *     GET  /v1/cluster/events, ?pictures=250 (server-sent events; see events.ts)
 *          `event`: something that happened to this node, `id` <run>-<seq>; `picture`: all of it, at that interval (ms)
 *     GET  /metrics     -> Prometheus' text (metrics.ts); JSON for whoever names application/json (compat.ts)
 *     GET  /v1/backup   -> a backup file (application/octet-stream, of known length), taken now from this node;
 *          `Raftally-Backup-Index`, `-Term`, `-Digest` (of the counters), `-Sha256` (of the snapshot inside)
 *     GET  /livez /readyz, ?verbose   "ok", or "[+]leader ok" lines; readyz answers 503 while not ready, and with
 *          ?leader also on whoever does not lead: for a load balancer that sends writes to the leader only
 *     GET  /docs, /docs/errors, /openapi.json   all of this for people and for programs (openapi.ts): a route has to be
 *          described there, and the tests hold every answer against it
 *     GET  /            the dashboard for browsers (`Accept` names text/html), with its files under /assets; help for
 *          everybody else
 *
 *     GET  /v1/watch, ?key= or ?prefix=   server-sent events: `open`, then `change` {"key","value","revision","from","to",
 *          "deleted"} in order of revision, whose ranges tile; `Last-Event-ID` (or ?after=) goes on on any node; `resync`
 *          where that is not remembered (watch.ts, watch-hub.ts)
 *
 * Keys are one percent-encoded path segment, decoded strictly from the bytes on the wire: `%2F` is part of the
 * key. Integers are plain JSON integers, exact over 64 bits. `changed` is false when nothing changed, for
 * instance because the `once` member had been seen. With `Accept: text/plain` a counter is its bare number.
 *
 * Request headers: `Idempotency-Key: "…"` (RFC 8941 string, or bare) on any write, or a place in a session,
 * `Raftally-Session: id=12, seq=3, first=3` (RFC 8941 dictionary; `first` is the lowest number not yet
 * answered) on all but opening a session; `X-Request-Id`; `If-None-Match` on reading a counter; `If-Match: "12"` on PUT
 * and DELETE, or `*` (it must exist), and `If-None-Match: *` on PUT (it must not). What cannot be checked is refused.
 * Response headers: `X-Request-Id` always; `ETag: "<revision>"` for one counter; `Idempotency-Replayed: true`
 * when an earlier outcome is given again; `Raftally-Age-Ms` on stale reads: ms since this node last heard from a
 * leader (also `ageMs` in the body), or `unknown` (and no `ageMs`) if it has not since it started;
 * `Retry-After` and `Location` with the refusals that have them.
 *
 * An answer given again is that of the first attempt but for `index` and `term`: a retry is an entry of the log
 * like any other, and these two are the place of the retry's entry, not of the first one's.
 *
 * Refusals are `application/problem+json` (RFC 9457): type, title, status, detail, instance (the request id),
 * `code` and `outcome` from the table in base, and where they apply `retryAfterMs`, `position` (which
 * operation of a batch) and `leader` {id, url}. A write or a change of the cluster on a follower is answered 307 with
 * the leader's URL; with `writes: "forward"` it is passed on instead (forward.ts), and the request to the leader and
 * the answer carry `Raftally-Forwarded-By: <id>`. A request that has this header is never passed on again.
 *
 * Every request passes the gate (gate.ts). Pages that a member has served, and those in `origins`, may ask every node,
 * errors included; a page of any other origin changes nothing (403 FOREIGN_ORIGIN) and sees nothing (cors.ts). With `rateLimit`, `RateLimit` and
 * `RateLimit-Policy` say what is left to the client, and 429 TOO_MANY_REQUESTS that nothing is (rate-limit.ts).
 */
export { type ApiOptions, createApi } from "./app.ts";
export type { BackupWriter } from "./backup.ts";
export { BODY_BYTES_MAX } from "./body.ts";
export type { Api } from "./call.ts";
export { FORWARDED_BY } from "./forward.ts";
export type { PageControl, PageOptions } from "./page.ts";
export type { RateLimit } from "./rate-limit.ts";
export { PAGE_MAX } from "./reads.ts";
export { type BatchBody, batchBody, type IncrementBody, incrementBody } from "./schemas.ts";
export { type ApiServer, ListenError, type ServeOptions, type ServerLimits, serveApi } from "./server.ts";
