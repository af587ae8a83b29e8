/** examples/kubernetes as far as the tests look at it, and its shell lines run with stand-ins for what they call. */

import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseAllDocuments } from "yaml";

const FOLDER = fileURLToPath(new URL("../../examples/kubernetes/", import.meta.url));

export type Labels = Readonly<Record<string, string>>;

interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly labels: Labels };
}

export interface Service extends Manifest {
  readonly spec: {
    readonly clusterIP?: string;
    readonly publishNotReadyAddresses?: boolean;
    readonly selector: Labels;
    readonly ports: readonly { readonly name: string; readonly port: number; readonly targetPort: string }[];
  };
}

export interface Budget extends Manifest {
  readonly spec: { readonly maxUnavailable: number; readonly selector: { readonly matchLabels: Labels } };
}

export interface Secret extends Manifest {
  readonly stringData: Readonly<Record<string, string>>;
}

export interface ConfigMap extends Manifest {
  readonly data: Readonly<Record<string, string>>;
}

export interface Variable {
  readonly name: string;
  readonly value?: string;
  readonly valueFrom?: {
    readonly fieldRef?: { readonly fieldPath: string };
    readonly secretKeyRef?: { readonly name: string; readonly key: string };
  };
}

interface Probe {
  readonly httpGet: { readonly path: string; readonly port: string };
  readonly periodSeconds: number;
  readonly failureThreshold: number;
}

export interface Container {
  readonly command: readonly string[];
  readonly args?: readonly string[];
  readonly env: readonly Variable[];
  readonly ports: readonly { readonly name: string; readonly containerPort: number }[];
  readonly startupProbe: Probe;
  readonly livenessProbe: Probe;
  readonly readinessProbe: Probe;
  readonly lifecycle: { readonly preStop: { readonly exec: { readonly command: readonly string[] } } };
  readonly volumeMounts: readonly { readonly name: string; readonly mountPath: string }[];
}

export interface StatefulSet extends Manifest {
  readonly spec: {
    readonly serviceName: string;
    readonly replicas: number;
    readonly podManagementPolicy: string;
    readonly selector: { readonly matchLabels: Labels };
    readonly template: {
      readonly metadata: { readonly labels: Labels };
      readonly spec: {
        readonly enableServiceLinks: boolean;
        readonly terminationGracePeriodSeconds: number;
        readonly topologySpreadConstraints: readonly {
          readonly labelSelector: { readonly matchLabels: Labels };
        }[];
        readonly containers: readonly Container[];
        readonly volumes: readonly {
          readonly name: string;
          readonly configMap: { readonly name: string; readonly optional: boolean };
        }[];
      };
    };
    readonly volumeClaimTemplates: readonly { readonly metadata: { readonly name: string } }[];
  };
}

export function textOf(file: string): string {
  return readFileSync(join(FOLDER, file), "utf8");
}

/** Every object of a file. @throws {Error} if one cannot be read, also where YAML only warns. */
export function manifestsOf(file: string): readonly Manifest[] {
  return parseAllDocuments(textOf(file)).map((document) => {
    const [problem] = [...document.errors, ...document.warnings];
    if (problem !== undefined) throw problem;
    return document.toJS() as Manifest;
  });
}

/** As Kubernetes puts variables into later ones; what names no variable stays as it is written. */
export function expand(text: string, known: Readonly<Record<string, string>>): string {
  return text.replace(/\$\(([^)]*)\)/g, (all, name: string) => known[name] ?? all);
}

export interface ShellRun {
  readonly exitCode: number | null;
  readonly error: string;
  /** Each command that was called, with its arguments. */
  readonly calls: readonly (readonly string[])[];
}

export interface ShellOptions {
  readonly environment?: Readonly<Record<string, string>>;
  /** Exit codes of the commands that the lines may call, one for each call, in order; then 0. */
  readonly answers?: Readonly<Record<string, readonly number[]>>;
  /** Files below a folder that takes the place of `/ids`. */
  readonly ids?: Readonly<Record<string, string>>;
}

/** Runs shell lines in a real shell that knows no command but `cat` and the stand-ins `node` and `sleep`. */
export function runShell(command: readonly string[], options: ShellOptions = {}): ShellRun {
  const { environment = {}, answers = {}, ids = {} } = options;
  const directory = mkdtempSync(join(tmpdir(), "raftally-shell-"));
  try {
    const bin = join(directory, "bin");
    for (const folder of [bin, join(directory, "ids")]) mkdirSync(folder);
    for (const name of ["node", "sleep"]) {
      const codes = (answers[name] ?? []).map((code, at) => `[ "$n" = ${at} ] && exit ${code}`);
      const lines = [
        "#!/bin/sh",
        `n=$(/bin/cat "${directory}/${name}.n" 2>/dev/null || echo 0)`,
        `echo $((n + 1)) > "${directory}/${name}.n"`,
        `printf '%s\\0' "${name}" "$@" >> "${directory}/calls"`,
        `printf '\\1' >> "${directory}/calls"`,
        ...codes,
        "exit 0",
      ];
      writeFileSync(join(bin, name), `${lines.join("\n")}\n`, { mode: 0o755 });
    }
    writeFileSync(join(bin, "cat"), '#!/bin/sh\nexec /bin/cat "$@"\n', { mode: 0o755 });
    for (const [name, text] of Object.entries(ids)) writeFileSync(join(directory, "ids", name), text);
    writeFileSync(join(directory, "calls"), "");
    const [shell = "", ...rest] = command.map((word) => word.replaceAll("/ids/", `${directory}/ids/`));
    const { status, stderr } = spawnSync(shell, rest, {
      env: { ...environment, PATH: bin },
      encoding: "utf8",
    });
    const calls = readFileSync(join(directory, "calls"), "utf8").split("\u0001").slice(0, -1);
    return { exitCode: status, error: stderr, calls: calls.map((call) => call.split("\0").slice(0, -1)) };
  } finally {
    rmSync(directory, { recursive: true });
  }
}
