/** No container engine is needed: the files are read and held against the program's own tables. */

import { existsSync, globSync, readFileSync } from "node:fs";
import { builtinModules } from "node:module";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { NODE_FLAGS } from "../../src/base/index.ts";
import { OPTIONS, parseCommandLine } from "../../src/cli/index.ts";
import { type Parsed, strayVariables } from "../../src/cli/parse.ts";
import { type ServeConfig, serveConfig } from "../../src/cli/serve-config.ts";
import { type Copy, isSent, onlyText, parseCopy, parseDockerfile, textsOf, words } from "./dockerfile.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const read = (path: string): string => readFileSync(`${ROOT}/${path}`, "utf8");

const stages = parseDockerfile(read("Dockerfile"));
const final = stages.at(-1) ?? [];
const imageEnvironment: Readonly<Record<string, string>> = Object.fromEntries(
  textsOf(final, "ENV").map((text) => {
    const [name = "", ...value] = text.split("=");
    return [name, value.join("=")];
  }),
);
const manifest = JSON.parse(read("package.json")) as {
  readonly dependencies: Readonly<Record<string, string>>;
  readonly devDependencies: Readonly<Record<string, string>>;
  readonly engines: { readonly node: string };
  readonly scripts: Readonly<Record<string, string>>;
};

interface Service {
  readonly build: string;
  readonly restart: string;
  readonly stop_grace_period: string;
  readonly environment: Readonly<Record<string, string>>;
  readonly ports: readonly string[];
  readonly volumes: readonly string[];
  /** Started only when asked for. */
  readonly profiles?: readonly string[];
}

const compose = parse(read("docker-compose.yml"), { merge: true }) as {
  readonly services: Readonly<Record<string, Service>>;
  readonly volumes: Readonly<Record<string, unknown>>;
};
const all = Object.entries(compose.services);
/** Those that `docker compose up` starts. */
const services = all.filter(([, { profiles }]) => profiles === undefined);
/** Those that can be added later. */
const more = all.filter(([, { profiles }]) => profiles !== undefined);

/** What a container runs, as the program itself understands it. */
function understand(argv: readonly string[], environment: Readonly<Record<string, string>>): Parsed {
  const [program, ...words] = argv;
  expect(program).toBe("node");
  const [script, ...rest] = words.slice(words.findIndex((word) => !NODE_FLAGS.includes(word)));
  expect(existsSync(`${ROOT}/${script}`)).toBe(true);
  const request = parseCommandLine(rest, environment);
  if (request.kind !== "run") throw new Error("expected a command to run");
  return request.parsed;
}

/** `${NAME:-default}` with nothing set. */
function interpolate(text: string): string {
  return text.replace(/\$\{[A-Z_]+:-([^}]*)\}/g, "$1");
}

function environmentOf(service: Service): Record<string, string> {
  const own = Object.entries(service.environment).map(([name, value]) => [name, interpolate(value)] as const);
  return { ...imageEnvironment, ...Object.fromEntries(own) };
}

function parsedOf(service: Service): Parsed {
  const command = [...words(onlyText(final, "ENTRYPOINT")), ...words(onlyText(final, "CMD"))];
  return understand(command, environmentOf(service));
}

function configOf(service: Service): ServeConfig {
  return serveConfig(parsedOf(service).values);
}

describe("the Dockerfile", () => {
  it("runs on the Node.js line that the project is developed with", () => {
    const major = /\d+/.exec(manifest.devDependencies["node"] ?? "")?.[0];
    for (const stage of stages)
      expect(onlyText(stage, "FROM")).toMatch(new RegExp(`^node:${major}-slim(?: AS \\w+)?$`));
  });

  it("copies only what exists and is sent to the builder", () => {
    const ignore = read(".dockerignore");
    const copies: readonly Copy[] = stages.flatMap((stage) => textsOf(stage, "COPY")).map(parseCopy);
    const local = copies.filter(({ from }) => from === undefined).flatMap(({ sources }) => sources);
    expect(local.length).toBeGreaterThan(3);
    for (const source of local) {
      expect(existsSync(`${ROOT}/${source}`), source).toBe(true);
      expect(isSent(ignore, source), source).toBe(true);
    }
    expect(isSent(ignore, "data")).toBe(false);
    expect(isSent(ignore, "node_modules")).toBe(false);
  });

  it("copies from stages that exist", () => {
    const names = stages.flatMap((stage) => / AS (\w+)$/.exec(onlyText(stage, "FROM"))?.[1] ?? []);
    const copies = stages.flatMap((stage) => textsOf(stage, "COPY")).map(parseCopy);
    const from = copies.flatMap((copy) => copy.from ?? []);
    expect(from.length).toBeGreaterThan(0);
    for (const name of from) expect(names).toContain(name);
  });

  it("copies every file that the program reads when it starts", () => {
    const sources = textsOf(final, "COPY")
      .map(parseCopy)
      .flatMap((copy) => copy.sources);
    for (const needed of ["package.json", "bin", "src"]) expect(sources).toContain(needed);
    expect(words(onlyText(final, "ENTRYPOINT")).at(-1)?.split("/")[0]).toBe("bin");
  });

  it("brings the dashboard, built in a stage of its own, to where the program looks for it", () => {
    const page = stages.find((stage) => onlyText(stage, "FROM").endsWith(" AS page")) ?? [];
    const script = /npm run (\S+)/.exec(textsOf(page, "RUN").at(-1) ?? "")?.[1] ?? "";
    expect((manifest.scripts[script] ?? "").startsWith("vite build")).toBe(true);
    const sources = textsOf(page, "COPY").flatMap((text) => parseCopy(text).sources);
    for (const needed of ["package-lock.json", "vite.config.ts", "src"]) expect(sources).toContain(needed);
    const copy = textsOf(final, "COPY")
      .map(parseCopy)
      .find(({ from }) => from === "page");
    expect(copy).toEqual({ from: "page", sources: ["/app/dist/dashboard"], target: "./dist/dashboard" });
    expect(read("vite.config.ts")).toContain('const PLACE = join(DIST, "dashboard")');
    expect(read("src/cli/page.ts")).toMatch(/"dist", "dashboard"/);
    // What builds it is installed there only.
    expect(Object.keys(manifest.devDependencies)).toContain("vite");
    expect(Object.keys(manifest.dependencies)).not.toContain("vite");
  });

  it("can install: the lock file holds every package that another one names, also those of other platforms", () => {
    // Where a registry lacks one, npm leaves it out of the lock file, and later `npm ci` refuses that file.
    const lock = JSON.parse(read("package-lock.json")) as {
      readonly packages: Readonly<
        Record<string, { readonly optionalDependencies?: Readonly<Record<string, string>> }>
      >;
    };
    const named = Object.values(lock.packages).flatMap((each) =>
      Object.keys(each.optionalDependencies ?? {}),
    );
    expect(named.length).toBeGreaterThan(10);
    expect(named.filter((name) => lock.packages[`node_modules/${name}`] === undefined)).toEqual([]);
  });

  it("installs every package that the sources import", () => {
    const files = globSync("src/**/*.ts", { cwd: ROOT, exclude: ["src/dashboard/**"] });
    const imported = new Set<string>();
    for (const file of files) {
      for (const [, name = ""] of read(file).matchAll(/^(?:import|export)\b[^;]*?from "([^."][^"]*)";/gm)) {
        if (name.startsWith("node:") || builtinModules.includes(name)) continue;
        imported.add(
          name
            .split("/")
            .slice(0, name.startsWith("@") ? 2 : 1)
            .join("/"),
        );
      }
    }
    expect(imported.has("pino")).toBe(true);
    for (const name of imported) expect(Object.keys(manifest.dependencies)).toContain(name);
  });

  it("sets only variables that the program knows, to values that it takes", () => {
    const ours = Object.entries(imageEnvironment).filter(([name]) => name.startsWith("RAFTALLY_"));
    expect(ours.length).toBeGreaterThan(0);
    for (const [name, value] of ours) {
      const option = Object.values(OPTIONS).find(({ env }) => env === name);
      expect(option?.read(value).ok, name).toBe(true);
    }
  });

  it("exposes the ports on which the node listens", () => {
    const ports = ["RAFTALLY_LISTEN", "RAFTALLY_LISTEN_PEER"].map((name) =>
      imageEnvironment[name]?.split(":").at(-1),
    );
    expect(onlyText(final, "EXPOSE").split(" ")).toEqual(ports);
  });

  it("keeps its data on a volume that belongs to the user it runs as, who is not root", () => {
    const data = imageEnvironment["RAFTALLY_DATA"];
    const user = onlyText(final, "USER");
    expect(onlyText(final, "VOLUME")).toBe(data);
    expect(user).toBe("node");
    expect(onlyText(final, "RUN")).toContain(`chown ${user}:${user} ${data}`);
    const order = final.map(({ name }) => name);
    expect(order.indexOf("RUN")).toBeLessThan(order.indexOf("VOLUME"));
    expect(order.indexOf("VOLUME")).toBeLessThan(order.indexOf("USER"));
  });

  it("stops with the signal that the program takes for a graceful stop", () => {
    expect(onlyText(final, "STOPSIGNAL")).toBe("SIGTERM");
    expect(read("src/cli/signals.ts")).toContain('"SIGTERM"');
  });

  it("asks the program itself for its health, where it listens, and gives it the time to answer", () => {
    const text = onlyText(final, "HEALTHCHECK");
    const [options = "", command = ""] = text.split(/\s*CMD\s*/);
    const parsed = understand(words(command), imageEnvironment);
    expect(parsed.command.name).toBe("health");
    const port = imageEnvironment["RAFTALLY_LISTEN"]?.split(":").at(-1);
    expect(parsed.values.url).toEqual([`http://127.0.0.1:${port}`]);
    const timeoutMs = Number(/--timeout=(\d+)s/.exec(options)?.[1]) * 1_000;
    expect(parsed.values.timeout).toBeLessThan(timeoutMs);
  });
});

describe("docker-compose.yml", () => {
  it("runs three nodes, each of which the program would start", () => {
    expect(services.map(([name]) => name)).toEqual(["n1", "n2", "n3"]);
    for (const [name, service] of services) {
      expect(configOf(service).id).toBe(name);
      expect(strayVariables(environmentOf(service))).toEqual([]);
      expect(existsSync(`${ROOT}/${service.build}/Dockerfile`)).toBe(true);
    }
  });

  it("tells all nodes the same cluster id, members and secret", () => {
    const shared = services.map(([, service]) => {
      const { clusterId, members, secret } = configOf(service);
      return { clusterId, members, secret };
    });
    expect(shared[0]?.secret.length).toBeGreaterThanOrEqual(16);
    for (const each of shared) expect(each).toEqual(shared[0]);
  });

  it("lists every service as a member, under its name and the peer port on which it listens", () => {
    for (const [name, service] of services) {
      const { members, listenPeer } = configOf(service);
      expect(members.map(({ id }) => id)).toEqual(services.map(([each]) => each));
      expect(members.find(({ id }) => id === name)?.peer).toBe(`${name}:${listenPeer.port}`);
    }
  });

  it("publishes each node where its advertised URL says, on 4000 to 4002, and no peer port", () => {
    for (const [at, [name, service]] of services.entries()) {
      const { members, listen } = configOf(service);
      expect(service.ports).toEqual([`127.0.0.1:${4000 + at}:${listen.port}`]);
      expect(members.find(({ id }) => id === name)?.api).toBe(`http://127.0.0.1:${4000 + at}`);
    }
  });

  it("gives each node a named volume of its own where it keeps its data", () => {
    for (const [name, service] of all) {
      expect(service.volumes).toEqual([`${name}:${configOf(service).data}`]);
      expect(Object.keys(compose.volumes)).toContain(name);
    }
  });

  it("has a fourth node to be added, which joins the others by their peer ports and with their secret", async () => {
    expect(more.map(([name]) => name)).toEqual(["n4"]);
    const [first] = services.map(([, service]) => configOf(service));
    for (const [at, [name, service]] of more.entries()) {
      const { id, members, listen, listenPeer, join, secret } = configOf(service);
      expect(id).toBe(name);
      const api = `http://127.0.0.1:${4000 + services.length + at}`;
      expect(members).toEqual([{ id, peer: `${name}:${listenPeer.port}`, api }]);
      expect(service.ports).toEqual([`127.0.0.1:${4000 + services.length + at}:${listen.port}`]);
      expect(await join?.seeds()).toEqual(first?.members.map(({ peer }) => peer));
      expect(secret).toBe(first?.secret);
      expect(strayVariables(environmentOf(service))).toEqual([]);
      expect(existsSync(`${ROOT}/${service.build}/Dockerfile`)).toBe(true);
    }
  });

  it("shows commands beside it that the program understands", () => {
    const found = [...read("docker-compose.yml").matchAll(/npx raftally ([a-z0-9 ]+)/g)];
    const requests = found.map(([, line = ""]) => parseCommandLine(line.split(" "), {}));
    expect(requests.map((request) => request.kind === "run" && request.parsed.command.name)).toEqual([
      "member list",
      "member replace",
    ]);
    expect(read("docker-compose.yml")).toContain(`--profile ${more[0]?.[1].profiles?.[0]} up`);
  });

  it("starts nodes again, and lets them stop in their own time", () => {
    for (const [, service] of all) {
      expect(service.restart).toBe("unless-stopped");
      const graceMs = Number(/^(\d+)s$/.exec(service.stop_grace_period)?.[1]) * 1_000;
      expect(graceMs).toBeGreaterThan(parsedOf(service).values.stopTimeout);
    }
  });

  it("says beside the secret that it has to be changed", () => {
    expect(read("docker-compose.yml")).toMatch(
      /# CHANGE THIS:[^\n]*RAFTALLY_SECRET[\s\S]*?\n {2}RAFTALLY_SECRET:/,
    );
  });
});
