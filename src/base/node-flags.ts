/**
 * Flags of Node.js for the process of a node. They cannot be set once it runs: the first line of bin/raftally.js has them for
 * whoever starts it by its name, and Dockerfile and examples for containers.
 *
 * What a request leaves behind is garbage at once, and V8 lets the space for young objects grow up to 128 MiB in each thread
 * before it looks. In 16 MiB a node under load holds half the memory, and counts no slower for some
 * hundreds of callers at a time; a thousand hold more than that, and get a third less (docs/performance.md).
 */
export const NODE_FLAGS: readonly string[] = ["--max-semi-space-size=8"];
