/** Routes that explain the interface: the OpenAPI document, and pages made of it. All work without a network. */

import type { NodeService } from "../node/index.ts";
import { type ApiHandler, Call } from "./call.ts";
import { apiPage, errorsPage } from "./docs-page.ts";
import { DOCS_STYLE } from "./docs-style.ts";
import { openApiDocument } from "./openapi.ts";
import type { OpenApiDocument } from "./openapi-document.ts";
import { ERRORS_PATH } from "./problem.ts";
import type { Route } from "./route.ts";
import { refuseParameters } from "./target.ts";

const POLICY =
  "default-src 'none'; style-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

const HOST = /^[A-Za-z0-9.:[\]-]{1,255}$/;

/** The table of routes of this part. Nothing is made before somebody asks. */
export function docsRoutes(service: NodeService): readonly Route[] {
  let made: OpenApiDocument | undefined;
  const document = (): OpenApiDocument => {
    made ??= openApiDocument(service.status().version);
    return made;
  };
  const get = (path: string, handler: ApiHandler): Route => ({ method: "GET", path, handler });
  return [
    get(
      "/openapi.json",
      answering("application/json", () => JSON.stringify(document())),
    ),
    get(
      "/docs",
      answering("text/html; charset=utf-8", (call) => apiPage(document(), baseOf(call))),
    ),
    get(
      ERRORS_PATH,
      answering("text/html; charset=utf-8", () => errorsPage(document())),
    ),
    get(
      "/docs/style.css",
      answering("text/css; charset=utf-8", () => DOCS_STYLE),
    ),
  ];
}

function answering(type: string, make: (call: Call) => string): ApiHandler {
  return function answerPage(context): Response {
    const call = new Call(context);
    refuseParameters(call.target);
    const headers = {
      "Content-Type": type,
      // Another version of the program may answer differently.
      "Cache-Control": "no-cache",
      "Content-Security-Policy": POLICY,
      "X-Content-Type-Options": "nosniff",
      "X-Request-Id": call.requestId(),
    };
    return new Response(make(call), { status: 200, headers });
  };
}

/** The node's URL as its reader knows it. */
function baseOf(call: Call): string {
  const host = call.header("host");
  return host !== undefined && HOST.test(host) ? `http://${host}` : "http://127.0.0.1:4000";
}
