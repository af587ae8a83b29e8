/** A node of one, in memory: the real state machine behind the real interface, without a log or peers. */

import {
  applyPayload,
  Combiner,
  type Command,
  type CounterRow,
  decodePayload,
  encodePayload,
  LIMITS,
  MemoryTable,
  type Outcome,
  outcomeOf,
} from "../../src/counter/index.ts";
import {
  type BackupResult,
  type Check,
  type ClusterOperations,
  type Consistency,
  Live,
  type MemberStatus,
  type MembershipRequest,
  type MembershipResult,
  type NodeId,
  type NodeRefusal,
  type NodeService,
  type NodeStatus,
  type PlanResult,
  type ReadResult,
  type TransferResult,
  type WriteResult,
} from "../../src/node/index.ts";
import { nodeId } from "../../src/raft/index.ts";
import { ChangeHistory, type Query, type QueryAnswer } from "../../src/store/index.ts";
import { answerMany } from "./memory-queries.ts";

const TERM = 3;
const ID = nodeId("n1");

/** The cluster as the node of one sees it until a test says otherwise. */
export const OWN: MemberStatus = {
  id: ID,
  incarnation: "0".repeat(32),
  peer: "127.0.0.1:4100",
  api: "http://127.0.0.1:4000",
  role: "voter",
  leads: true,
  reachable: true,
  match: 0,
  catchUp: undefined,
};

/** Remembers what changed, as state.db does. */
class TableWithHistory extends MemoryTable {
  history: ChangeHistory = new ChangeHistory(0);

  override putCounter(row: CounterRow): void {
    super.putCounter(row);
    this.history.note({ ...row, deleted: false });
  }

  override deleteCounter(key: string, revision: number): void {
    super.deleteCounter(key);
    this.history.note({ key, value: 0n, revision, deleted: true });
  }
}

export class MemoryService implements NodeService, ClusterOperations {
  #table = new TableWithHistory();
  #index = 0;
  /** How many commands were applied. */
  get index(): number {
    return this.#index;
  }
  /** The digest of everything: equal digests mean that nothing has changed. */
  get digest(): number {
    return this.#table.totals().digest;
  }
  /** When set, writes end like this instead. */
  instead: WriteResult | (() => Promise<WriteResult>) | undefined;
  /** When set, reads are refused like this. */
  refuseReads: NodeRefusal | undefined;
  ageMs: number | undefined = 41.6;
  readiness: Check[] = [
    { name: "leader", ok: true, detail: "" },
    { name: "applied", ok: true, detail: "0 entries behind" },
  ];
  reads: { readonly query: Query; readonly consistency: Consistency; readonly minIndex?: number }[] = [];
  /** When set, questions about many counters are answered like this. */
  insteadOfAnswers: QueryAnswer | undefined;
  /** Overrides parts of the status. */
  about: Partial<NodeStatus> = {};
  known: MemberStatus[] = [OWN];
  /** What was asked of the membership, and how it ends. */
  changes: MembershipRequest[] = [];
  changeResult: MembershipResult = {
    kind: "changed",
    index: 9,
    configuration: { voters: [ID], outgoing: [], learners: [], members: [], removed: [] },
  };
  plans: MembershipRequest[] = [];
  planResult: PlanResult = {
    kind: "planned",
    plan: {
      before: { voters: 3, mayFail: 1, reachable: 3 },
      after: { voters: 2, mayFail: 0, reachable: 2 },
      refusal: undefined,
    },
  };
  transfers: (NodeId | undefined)[] = [];
  /** What each of {@link transfers} was asked to be from. */
  transfersFrom: (NodeId | undefined)[] = [];
  transferResult: TransferResult = { kind: "transferred", leader: ID, url: "http://127.0.0.1:4000" };
  /** When set, backups end like this. */
  backupResult: BackupResult | undefined;
  readonly live: Live = new Live(ID);

  constructor() {
    this.live.attach({ status: () => this.status(), checks: () => this.checks() });
  }

  async write(command: Command): Promise<WriteResult> {
    if (typeof this.instead === "function") return this.instead();
    if (this.instead !== undefined) return this.instead;
    return { kind: "applied", outcome: this.#apply(command), index: this.#index, term: TERM };
  }

  /** Through the bytes of the log and back, as in a real node. */
  #apply(command: Command): Outcome {
    this.#index += 1;
    const combiner = new Combiner();
    const ticket = combiner.add(command);
    const payload = decodePayload(encodePayload(combiner.take(1)));
    const outcomes = applyPayload(this.#table, payload, LIMITS);
    this.#table.history.commit();
    return outcomeOf(outcomes, ticket);
  }

  async read(query: Query, consistency: Consistency, minIndex?: number): Promise<ReadResult> {
    this.reads.push({ query, consistency, ...(minIndex === undefined ? {} : { minIndex }) });
    if (this.refuseReads !== undefined) return this.refuseReads;
    const ageMs = consistency === "stale" ? this.ageMs : 0;
    return { kind: "answer", answer: this.#answer(query), index: this.#index, term: TERM, ageMs };
  }

  #answer(query: Query): QueryAnswer {
    if (query.kind === "get") return { kind: "get", row: this.#table.counter(query.key) };
    if (query.kind === "changes") {
      return this.#table.history.after(query.after, query.limit, this.#table.totals().revision);
    }
    return this.insteadOfAnswers ?? answerMany(this.#table.counters(), query);
  }

  /** Forgets what changed so far, as a node does that was restarted or got a snapshot. */
  forgetChanges(): void {
    this.#table.history = new ChangeHistory(this.#table.totals().revision);
  }

  /** A counter as the state machine has it, past the interface. */
  counter(key: string): CounterRow | undefined {
    return this.#table.counter(key);
  }

  status(): NodeStatus {
    const totals = this.#table.totals();
    return {
      id: ID,
      incarnation: "0".repeat(32),
      clusterId: "c-test",
      peerAddress: "127.0.0.1:4100",
      apiUrl: "http://127.0.0.1:4000",
      state: "running",
      version: "0.0.0",
      role: "leader",
      term: TERM,
      leader: { id: ID, url: "http://127.0.0.1:4000" },
      commit: this.#index,
      applied: this.#index,
      last: this.#index,
      first: 1,
      snapshot: 0,
      revision: totals.revision,
      counters: totals.counters,
      digest: totals.digest,
      rememberedKeys: totals.rememberedKeys,
      idempotencyWindowMs: LIMITS.windowMs,
      configuration: { voters: [ID], outgoing: [], learners: [], members: [], removed: [] },
      peers: [],
      alarm: undefined,
      uptimeMs: 1_000,
      ...this.about,
    };
  }

  members(): readonly MemberStatus[] {
    return this.known;
  }

  async changeMembership(request: MembershipRequest): Promise<MembershipResult> {
    this.changes.push(request);
    return this.changeResult;
  }

  planMembership(request: MembershipRequest): PlanResult {
    this.plans.push(request);
    return this.planResult;
  }

  async transferLeadership(to: NodeId | undefined, from?: NodeId): Promise<TransferResult> {
    this.transfers.push(to);
    this.transfersFrom.push(from);
    return this.transferResult;
  }

  async backup(): Promise<BackupResult> {
    if (this.backupResult === undefined) throw new Error("this test has no backup");
    return this.backupResult;
  }

  checks(): readonly Check[] {
    return this.readiness;
  }
}
