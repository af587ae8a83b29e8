/** What the client says of pictures and events is what nodes send: held by the compiler. */

import { expectTypeOf, it } from "vitest";
import type * as client from "../../src/client/index.ts";
import type * as node from "../../src/node/index.ts";

/** What is undefined is absent in JSON. */
type AsJson<T> = T extends string | number | boolean
  ? T
  : T extends readonly (infer Item)[]
    ? readonly AsJson<Item>[]
    : { readonly [Name in keyof T as undefined extends T[Name] ? never : Name]: AsJson<T[Name]> } & {
        readonly [Name in keyof T as undefined extends T[Name] ? Name : never]?: AsJson<
          Exclude<T[Name], undefined>
        >;
      };

it("a picture, as a client reads it", () => {
  expectTypeOf<AsJson<node.NodePicture>>().toExtend<client.NodePicture>();
});

it("an event, as a client reads it", () => {
  expectTypeOf<AsJson<node.ClusterEvent>>().toExtend<client.ClusterEvent>();
});
