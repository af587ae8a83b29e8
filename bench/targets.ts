/** The targets of the benchmark that compare Raftally with its peers. Those of Raftally alone are in `rows/`. */

import type { Bar, FigureName, FigureRef, Target } from "./types.ts";

function rate(series: string): FigureRef {
  return { series, figure: "rate" };
}

/** The rate of a series of Raftally, at least so many times that of another. */
function faster(series: string, times: string, least: number, aim?: number): Bar {
  return {
    figure: rate(`raftally/${series}`),
    is: "at least",
    times: rate(times),
    least,
    ...(aim === undefined ? {} : { aim }),
  };
}

function reaches(series: string, least: number, aim: number): Bar {
  return { figure: rate(`raftally/${series}`), is: "at least", least, aim };
}

/** The latency of one caller alone, at most so many times that of etcd. */
function sooner(figure: FigureName, least: number, aim: number): Bar {
  return {
    figure: { series: "raftally/alone", figure },
    is: "at most",
    times: { series: "etcd/put-alone", figure },
    least,
    aim,
  };
}

export const PEER_TARGETS: readonly Target[] = [
  {
    id: "hot-key",
    about: "single increments over HTTP, one hot key, 64 connections, to the leader",
    bars: [
      faster("hot-key", "etcd/put", 3.5, 5),
      faster("hot-key", "postgres/hot-row", 15),
      faster("hot-key", "bare/http", 0.45, 0.65),
    ],
  },
  {
    id: "keys-1000",
    about: "the same over 1,000 keys",
    bars: [faster("keys-1000", "etcd/put-1000", 3, 4.5), faster("keys-1000", "postgres/rows-1000", 1.4, 2)],
  },
  {
    id: "keyed",
    about: "the same with an idempotency key on each, for 60 s at the default window",
    bars: [faster("keyed", "raftally/hot-key", 0.6, 0.8)],
  },
  {
    id: "sessions",
    about: "the same in client sessions",
    // By the same generator: wrk, which the other rows have, cannot speak for sessions (load/http.ts).
    bars: [faster("sessions", "raftally/hot-key-sockets", 0.8, 0.95)],
  },
  {
    id: "read-leader",
    about: "linearizable reads over HTTP, leader",
    bars: [faster("read-leader", "etcd/read", 4, 6), faster("read-leader", "bare/http", 0.5, 0.7)],
  },
  {
    id: "read-spread",
    about: "linearizable reads, 64 connections spread over the three nodes",
    bars: [faster("read-spread", "raftally/read-leader", 1, 1.3)],
  },
  {
    id: "batch",
    about: "increments through /v1/batch (1,000 each, 100 keys)",
    bars: [reaches("batch", 1_500_000, 3_000_000)],
  },
  {
    id: "combining",
    about: "increments through the TypeScript client's combining mode",
    bars: [reaches("combining", 1_500_000, 4_000_000)],
  },
  {
    id: "alone",
    about: "latency of one client alone, p50 and p99",
    bars: [sooner("p50", 0.7, 0.5), sooner("p99", 1, 0.7)],
  },
];
