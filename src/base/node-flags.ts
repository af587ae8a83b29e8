/**
 * Flags of Node.js for the process of a node. They cannot be set once it runs: the first line of bin/raftally.js has them for
 * whoever starts it by its name, and Dockerfile and examples for containers. src/cli/serve-memory.ts has what can be set later.
 *
 * What a request leaves behind is garbage at once, and V8 lets the space for young objects grow up to 128 MiB before it
 * looks. In 64 MiB (two halves of 32) everything fits that a thousand callers at a time hold; in 16, it would be moved to
 * the old objects before it is garbage, for a third fewer increments a second (docs/performance.md).
 */
export const NODE_FLAGS: readonly string[] = ["--max-semi-space-size=32"];
