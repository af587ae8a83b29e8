/**
 * Who takes whose messages: what the handshake of the transport decides, by what each side knows of the
 * configuration. A message from a data directory that is not the one known under its id, or to one that is not the
 * one meant, is refused, and so is whoever was removed by a change that the receiver knows to be committed. Whoever
 * is not known at all is heard: a node that was away learns of new members from themselves.
 */

import type { Configuration, NodeId } from "../../src/raft/index.ts";
import { hasRemoved, memberOf } from "./checkers/configurations.ts";
import type { Coverage } from "./coverage.ts";
import type { Network } from "./network.ts";
import type { SimNode } from "./sim-node.ts";
import type { View, Views } from "./views.ts";

export interface LinksOptions {
  readonly network: Network;
  readonly coverage: Coverage;
  readonly views: Views;
  /** The process that answers to this id now. */
  readonly node: (id: NodeId) => SimNode | undefined;
}

export class Links {
  readonly #options: LinksOptions;

  /** Whether links to removed nodes stand that no handshake has ended yet. */
  #lenient = false;

  constructor(options: LinksOptions) {
    this.#options = options;
  }

  /** From now on nobody is refused for having been removed: the core alone has to cope with them. */
  keepRemoved(): void {
    this.#lenient = true;
  }

  /** `arrive` is told who takes it, if anybody does. */
  send(from: SimNode, to: NodeId, arrive: (receiver: SimNode) => void, isAnswer: boolean = false): void {
    const deliver = this.#delivery(from, to, arrive);
    this.#options.network.send(from.id, to, deliver, isAnswer);
  }

  /** What was held back on its way arrives now. */
  arrive(from: SimNode, to: NodeId, arrive: (receiver: SimNode) => void): void {
    this.#delivery(from, to, arrive)();
  }

  #delivery(from: SimNode, to: NodeId, arrive: (receiver: SimNode) => void): () => void {
    const { coverage, views, node } = this.#options;
    // A link is to one data directory: that which its dialler knows when it dials.
    const meant = incarnationIn(views.of(from), to);
    const { boot } = from;
    return () => {
      const receiver = node(to);
      if (receiver === undefined) return;
      const view = views.of(receiver);
      const known = incarnationIn(view, from.id);
      const isOther = meant !== undefined && meant !== receiver.incarnation;
      if (isOther || (known !== undefined && known !== from.incarnation)) {
        coverage.count("wiped disks refused");
      } else if (!this.#lenient && hasRemoved(view.committed, from)) coverage.count("removed nodes refused");
      else {
        if (from.boot !== boot) coverage.count("messages of an earlier process");
        arrive(receiver);
      }
    };
  }
}

function incarnationIn({ effective, committed }: View, id: NodeId): string | undefined {
  return (memberOf(effective, id) ?? memberOf(committed, id))?.incarnation;
}

/** Everyone whom a node with this view talks to. */
export function peersIn({ effective, committed }: View, self: NodeId): readonly NodeId[] {
  const ids = [...members(effective), ...members(committed)];
  return [...new Set(ids)].filter((id) => id !== self);
}

function members(configuration: Configuration): readonly NodeId[] {
  return configuration.members.map(({ id }) => id);
}
