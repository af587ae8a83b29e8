/**
 * I13, P13: a linearizable read is confirmed by answers that were sent after it had been registered, by a quorum of
 * the voters (thesis §6.4); an answer to an earlier round proves nothing for it, however late it arrives (T30). And a
 * follower never asks for a read index twice under the same number, not even as another process: the answer to the
 * earlier one would confirm the later.
 *
 * Seen from outside: by when which answer was sent, and not by how the leader numbers its rounds.
 */

import type { Configuration, Message, NodeId } from "../../../src/raft/index.ts";
import { type Attempt, type Observer, Violation } from "../observer.ts";
import type { SimNode } from "../sim-node.ts";
import { configurationIn, configurationsOf, hasQuorum } from "./configurations.ts";

/** What one process has heard, as a leader and as one that asks a leader. */
interface Heard {
  readonly boot: number;
  /** By term: when the latest answer of each peer that has arrived had left it. */
  readonly answers: Map<number, Map<NodeId, number>>;
  /** When the requests of others that this process is to confirm arrived first. */
  readonly requests: Map<string, Registered>;
  /** When the latest request of its own that was confirmed had left. */
  confirmed: number;
}

interface Registered {
  /** Counts everything that is seen: later is more. */
  readonly order: number;
  /** The configuration in force at the time; a later one may be by which the read is confirmed. */
  readonly configuration: Configuration;
}

/** A read may be confirmed in one reign and answered in a later one. */
const REIGNS_KEPT = 3;

export function readsAreFresh(): Partial<Observer> {
  let order = 0;
  const left = new WeakMap<Message, number>();
  const heard = new Map<SimNode, Heard>();
  const requested = new Map<string, { readonly boot: number; readonly order: number }>();
  const registered = new WeakMap<Attempt, Registered>();

  function ears(node: SimNode): Heard {
    const known = heard.get(node);
    if (known !== undefined && known.boot === node.boot) return known;
    const fresh = { boot: node.boot, answers: new Map(), requests: new Map(), confirmed: 0 };
    heard.set(node, fresh);
    return fresh;
  }

  function register({ disk }: SimNode): Registered {
    return { order: ++order, configuration: configurationIn(disk.latest).configuration };
  }

  /** Whether in some reign a quorum has answered this process with what it sent after the read was registered. */
  function isConfirmed(node: SimNode, since: Registered): boolean {
    const inForce = [
      since.configuration,
      ...configurationsOf(node.disk.latest).map((at) => at.configuration),
    ];
    const { answers } = ears(node);
    const reigns = answers.size === 0 ? [new Map<NodeId, number>()] : [...answers.values()];
    return reigns.some((reign) =>
      inForce.some((configuration) =>
        hasQuorum(configuration, ({ id }) => id === node.id || (reign.get(id) ?? 0) > since.order),
      ),
    );
  }

  return {
    sent(node, message) {
      if (message.kind === "heartbeatResponse") left.set(message, ++order);
      if (message.kind === "readIndex") {
        const name = `${node.id} ${node.incarnation} ${message.id}`;
        const before = requested.get(name);
        if (before !== undefined && before.boot !== node.boot)
          fail(`${node.id} asks for a read index as ${message.id}, as an earlier process of it did`);
        if (before !== undefined) fail(`${node.id} asks for two read indexes as ${message.id}`);
        requested.set(name, { boot: node.boot, order: ++order });
      }
      if (message.kind !== "readIndexResponse" || !message.ok) return;
      const since = ears(node).requests.get(`${message.to} ${message.id}`);
      if (since === undefined)
        fail(`${node.id} confirms read ${message.id} of ${message.to}, which did not ask`);
      if (!isConfirmed(node, since))
        fail(`${node.id} confirms read ${message.id} of ${message.to}, and no quorum has answered since`);
    },
    received(node, message) {
      const own = ears(node);
      if (message.kind === "heartbeatResponse") {
        const reign = own.answers.get(message.term) ?? new Map<NodeId, number>();
        if (!own.answers.has(message.term)) {
          own.answers.set(message.term, reign);
          const [oldest] = own.answers.keys();
          if (own.answers.size > REIGNS_KEPT && oldest !== undefined) own.answers.delete(oldest);
        }
        reign.set(message.from, Math.max(reign.get(message.from) ?? 0, left.get(message) ?? 0));
      } else if (message.kind === "readIndex") {
        const name = `${message.from} ${message.id}`;
        if (!own.requests.has(name)) own.requests.set(name, register(node));
      } else if (message.kind === "readIndexResponse" && message.ok) {
        const request = requested.get(`${node.id} ${node.incarnation} ${message.id}`);
        own.confirmed = Math.max(own.confirmed, request?.order ?? 0);
      }
    },
    asked(node, attempt) {
      if (isLinearizableRead(attempt)) registered.set(attempt, register(node));
    },
    answered(node, attempt, { result }) {
      if (attempt === undefined || result.kind !== "answer" || !isLinearizableRead(attempt)) return;
      const since = registered.get(attempt);
      if (since === undefined || ears(node).confirmed > since.order || isConfirmed(node, since)) return;
      fail(`${node.id} answers a read, and no quorum has answered since it was asked`);
    },
  };
}

function isLinearizableRead({ event }: Attempt): boolean {
  return event.kind === "read" && event.consistency === "linearizable";
}

function fail(text: string): never {
  throw new Violation("I13 reads are fresh", text);
}
