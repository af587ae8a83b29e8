/**
 * A node that can be made to die at an exact point of its work. `node.ts` is started in the place of `bin/raftally.js`,
 * with the same arguments: it runs the same code, and puts something around the store and the transport that a node is
 * given. The product knows nothing of it. Whoever hurts it writes to a file which point, and the how manyeth time:
 *
 *     const fuse = new Fuse(file);      // RAFTALLY_CHAOS_FUSE in the environment of the node
 *     fuse.arm("afterWrite", 7);
 *     … the process ends by SIGKILL …
 *     fuse.isBlown                      // and not for another reason
 */
export { FAULTY_NODE, FUSE_VARIABLE, Fuse, SMALL_VARIABLE } from "./fuse.ts";
export { NODE_POINTS, type NodePoint } from "./points.ts";
