/** GET /v1/backup: a consistent copy of this node's counters, taken now and sent while the node goes on. */

import { type Backup, type BackupStream, type NodeService, writeBackup } from "../node/index.ts";
import { type ApiHandler, Call } from "./call.ts";
import { problemResponse } from "./problem.ts";
import type { Route } from "./route.ts";
import { refuseParameters } from "./target.ts";

/** Makes the file of a backup. A parameter, so that the route can be tested without a store. */
export type BackupWriter = (backup: Backup, createdBy: string) => BackupStream;

/** The store's own format. */
export function writeBackupFile({ manifest, path }: Backup, createdBy: string): BackupStream {
  return writeBackup(manifest, path, createdBy);
}

export interface BackupOptions {
  readonly write: BackupWriter;
  /** The file could not be read to its end, under this request id. */
  readonly onError: (error: unknown, requestId: string) => void;
}

/** Takes no HEAD: nobody should have a node copy its state for nothing. */
export function backupRoutes(service: NodeService, options: BackupOptions): readonly Route[] {
  return [{ method: "GET", path: "/v1/backup", handler: backupHandler(service, options), noHead: true }];
}

function backupHandler(service: NodeService, { write, onError }: BackupOptions): ApiHandler {
  return async function sendBackup(context): Promise<Response> {
    const call = new Call(context);
    refuseParameters(call.target);
    if (call.method !== "GET") {
      const detail = `${call.method} does not fit /v1/backup; allowed: GET`;
      return problemResponse("METHOD_NOT_ALLOWED", { detail, allow: "GET" }, call.requestId());
    }
    const result = await service.backup();
    if (result.kind === "failed") return problemResponse(result.code, result, call.requestId());
    try {
      const file = write(result, service.status().version);
      const fail = (error: unknown): boolean => {
        onError(error, call.requestId());
        return call.breakOff();
      };
      const stream = streamOf(file, { release: result.release, gone: call.gone, fail });
      return new Response(stream, { headers: headersOf(call, file) });
    } catch (error) {
      result.release();
      throw error;
    }
  };
}

function headersOf(call: Call, { bytes, manifest }: BackupStream): Record<string, string> {
  const { clusterId, digest, meta, sha256 } = manifest;
  return {
    "Content-Type": "application/octet-stream",
    "Content-Length": String(bytes),
    "Content-Disposition": `attachment; filename="raftally-${clusterId}-${meta.index}.backup"`,
    "Cache-Control": "no-store",
    "Raftally-Backup-Index": String(meta.index),
    "Raftally-Backup-Term": String(meta.term),
    "Raftally-Backup-Digest": String(digest),
    "Raftally-Backup-Sha256": sha256,
    "X-Request-Id": call.requestId(),
  };
}

interface StreamDuties {
  release(): void;
  readonly gone: AbortSignal;
  /** Hears that the file cannot be read. Returns whether that has broken the connection off. */
  fail(error: unknown): boolean;
}

/**
 * The file, one chunk for each that the caller takes. The snapshot is let go of when the last one was taken, when
 * reading fails, which breaks the connection off, and when the caller is gone.
 */
function streamOf(file: BackupStream, { release, gone, fail }: StreamDuties): ReadableStream<Uint8Array> {
  const chunks = file[Symbol.asyncIterator]();
  let isOver = false;
  const end = (): void => {
    if (isOver) return;
    isOver = true;
    gone.removeEventListener("abort", leave);
    release();
  };
  const stop = async (): Promise<void> => {
    try {
      // Closes the file that the chunks are read from.
      await chunks.return?.();
    } finally {
      end();
    }
  };
  // Nobody is left to be told that even closing the file failed.
  const leave = (): void => void stop().catch(() => undefined);
  gone.addEventListener("abort", leave);
  if (gone.aborted) leave();
  const pull = async (controller: ReadableStreamDefaultController<Uint8Array>): Promise<void> => {
    try {
      const { done, value } = await chunks.next();
      if (done !== true) return controller.enqueue(value);
      end();
      controller.close();
    } catch (error) {
      end();
      if (fail(error)) controller.close();
      else controller.error(error);
    }
  };
  return new ReadableStream<Uint8Array>({ pull, cancel: stop }, { highWaterMark: 0 });
}
