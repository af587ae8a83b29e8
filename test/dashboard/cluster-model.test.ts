import { describe, expect, it } from "vitest";
import { ClusterModel } from "../../src/dashboard/index.ts";
import { configurationOf, pictureOf, START, sceneView, urlOf } from "./pictures.ts";

const THREE = configurationOf(["n1", "n2", "n3"]);
const LEADS = { role: "leader" } as const;

describe("the model of the page", () => {
  it("follows who belongs to the cluster, and asks its own origin first", () => {
    const model = new ClusterModel("http://localhost:4000", START);
    model.heard("http://localhost:4000", pictureOf("n2", THREE, LEADS), START);
    expect(model.wanted()).toEqual(["http://localhost:4000", urlOf("n1"), urlOf("n3")]);
  });

  it("believes the leader about who belongs to it, not a node that was left behind", () => {
    const { nodes } = sceneView({
      configuration: configurationOf(["n1", "n2", "n4"]),
      nodes: { n1: LEADS, n2: {}, n4: {}, n3: { configuration: THREE, term: 6 } },
    });
    expect(nodes.map(({ id, membership }) => [id, membership])).toEqual([
      ["n1", "voter"],
      ["n2", "voter"],
      ["n3", "outside"],
      ["n4", "voter"],
    ]);
  });

  it("says whether the node that it came from still answers", () => {
    const scene = { configuration: THREE, nodes: { n2: LEADS, n3: {} }, gone: { n1: 5_000 } };
    expect(sceneView(scene).home).toEqual({ id: "n1", url: urlOf("n1"), answers: false });
    expect(sceneView({ ...scene, home: "n2" }).home.answers).toBe(true);
  });

  it("forgets what it knew of another cluster at the same addresses", () => {
    const model = new ClusterModel(urlOf("n1"), START);
    model.heard(urlOf("n1"), pictureOf("n1", THREE, { ...LEADS, commit: 9_000, digest: 5 }), START);
    model.heard(urlOf("n1"), pictureOf("n1", THREE, { ...LEADS, commit: 3, clusterId: "d" }), START + 1_000);
    expect(model.view(START + 1_000).commit).toBe(3);
  });

  it("keeps so many events and no more, each once, in order of their time", () => {
    const model = new ClusterModel(urlOf("n1"), START);
    for (let seq = 1; seq <= 600; seq++) {
      const event = { seq, atMs: seq === 600 ? 1 : seq * 10, node: "n1", kind: "role", term: 1, text: "" };
      model.happened(event, "run", START);
      model.happened(event, "run", START);
    }
    const { events } = model.view(START);
    expect(events).toHaveLength(500);
    expect(events.at(-1)?.seq).toBe(599);
  });

  it("forgets a node that was replaced, a while after it was heard last", () => {
    const model = new ClusterModel(urlOf("n1"), START);
    model.heard(urlOf("n3"), pictureOf("n3", THREE), START);
    model.heard(urlOf("n1"), pictureOf("n1", configurationOf(["n1", "n2", "n4"]), LEADS), START + 70_000);
    expect(model.view(START + 70_000).nodes.map(({ id }) => id)).toEqual(["n1", "n2", "n4"]);
  });

  it("takes a line on which nothing came for a while for no news, not for the present", () => {
    const model = new ClusterModel(urlOf("n1"), START);
    model.heard(urlOf("n1"), pictureOf("n1", THREE, LEADS), START);
    expect(model.view(START + 1_000).nodes[0]).toMatchObject({ fresh: true, link: "live" });
    expect(model.view(START + 2_000).nodes[0]).toMatchObject({ fresh: false, link: "silent", ageMs: 2_000 });
  });

  it("believes the first node that answers about those that it has only just begun to ask", () => {
    const model = new ClusterModel(urlOf("n1"), START);
    model.line(urlOf("n1"), "connecting", START);
    model.heard(urlOf("n1"), pictureOf("n1", THREE, { leader: "n2" }), START + 100);
    for (const id of ["n2", "n3"]) model.line(urlOf(id), "connecting", START + 110);
    expect(model.view(START + 120).verdict).toMatchObject({
      tone: "good",
      sentence: "3 of 3 nodes, n2 leads term 7, can lose 1 more",
      notes: [],
    });
  });

  it("believes no word of a node's health that is older than the break of the line to it", () => {
    const model = new ClusterModel(urlOf("n1"), START);
    for (const id of ["n1", "n2", "n3"]) {
      model.heard(urlOf(id), pictureOf(id, THREE, id === "n2" ? LEADS : {}), START);
    }
    model.line(urlOf("n2"), "connecting", START + 100);
    expect(model.view(START + 110).verdict.sentence).toMatch(/^Electing: 2 of 3 nodes are up/);
    model.heard(urlOf("n1"), pictureOf("n1", THREE), START + 250);
    expect(model.view(START + 250).nodes[1]?.reachedBy).toEqual(["n1"]);
  });
});
