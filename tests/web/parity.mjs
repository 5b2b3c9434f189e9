// parity.mjs - the playground tells the same story as the program: for every scenario file, what the module's sessions
// tell, branch after branch, is byte for byte what `fairlead sim run FILE --json --trace` prints.
//
// And a session looks at its past without changing it, goes on where it was, and compares what it says it compares.
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync, readdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import assert from "node:assert/strict";

import { leaderOf } from "../../web/panels/logs.js";
import { PlaygroundSource, compareLogs, load } from "../../web/playground.js";

const root = fileURLToPath(new URL("../..", import.meta.url));
const build = `${root}/${process.env.FL_BUILD ?? "build"}`;
let passed = 0;
let failed = 0;

async function test(name, body) {
  try {
    await body();
    passed++;
  } catch (error) {
    failed++;
    console.log(`FAILED  ${name}: ${error.message}`);
  }
}

function scenarioFiles() {
  const folders = ["tests/scenarios", "web/scenarios"].map((folder) => `${root}/${folder}`).filter(existsSync);
  return folders.flatMap((folder) =>
    readdirSync(folder).filter((name) => name.endsWith(".txt")).sort().map((name) => `${folder}/${name}`));
}

/** The lines that the program prints, without what it says about expectations at its end. */
function native(file) {
  const ran = spawnSync(`${build}/fairlead`, ["sim", "run", file, "--json", "--trace"], { maxBuffer: 1 << 28 });
  assert.equal(ran.error, undefined);
  return ran.stdout.toString().split("\n").filter((line) => line !== "");
}

/** The lines that sessions of all branches tell. */
async function told(text) {
  const source = await PlaygroundSource.open(text);
  const lines = [];
  const branches = source.branches.length > 0 ? source.branches : [null];
  for (const branch of branches) {
    if (branch !== null) source.useBranch(branch);
    for (let k = 1; k < source.length; k++)
      lines.push(source.module.read(source.module.call("event", source.session, k)));
  }
  source.close();
  return lines;
}

/** A story in which something of everything happens. */
const STORY = `nodes A B C
at a campaign A; flow 200ms
at a write A x=1; flow 60ms
at b pause A; flow 3s
at b write B y=2; write C y=2; flow 100ms
at c resume A; flow 1s
`;

await load(readFileSync(`${build}/web/core.wasm`));

for (const file of scenarioFiles()) {
  await test(`${file} is told the same by both`, async () => {
    const text = readFileSync(file, "utf8");
    const [here, there] = [await told(text), native(file)];
    const differs = there.findIndex((line, k) => line !== here[k]);
    if (differs >= 0) assert.fail(`event ${differs + 1}\n  program: ${there[differs]}\n  module:  ${here[differs]}`);
    assert.equal(here.length, there.length);
  });
}

await test("a text that is not understood is refused with its line", async () => {
  await assert.rejects(
    PlaygroundSource.open("nodes A B\nat x explode A\n"),
    /line 2: nothing that can happen: explode/,
  );
  await assert.rejects(PlaygroundSource.open(""), /nobody takes part/);
  await assert.rejects(PlaygroundSource.open("bogus line here\n"), /line 1: a line cannot begin with bogus/);
});

await test("what is done one by one is what the whole text plays", async () => {
  const source = await PlaygroundSource.open("nodes A B C\n");
  const actions = [
    "campaign A",
    "settle",
    "write A x=1",
    "crash B",
    "write A y=1 times 2",
    "restart B",
    "cut A C",
    "write A z=1",
  ];
  for (const action of actions) {
    source.act(source.length - 1, action);
    for (let k = 0; k < 20; k++) source.flow(16667);
  }
  const again = await PlaygroundSource.open(source.text);
  assert.equal(again.length, source.length);
  for (let k = 1; k < source.length; k++) assert.deepEqual(again.events(k), source.events(k));
  assert.deepEqual(again.view(again.length - 1), source.view(source.length - 1));
});

await test("each step of the past is a view, and looking changes nothing", async () => {
  const source = await PlaygroundSource.open(STORY);
  const last = JSON.stringify(source.view(source.length - 1));
  let time = 0;
  for (let k = 0; k < source.length; k++) {
    const view = source.view(k);
    assert.equal(view.nodes.length, 3);
    assert.ok(view.time_us >= time, `step ${k} goes back in time`);
    if (k > 0) assert.equal(source.events(k).length, 1);
    time = view.time_us;
  }
  source.views.clear();
  assert.equal(JSON.stringify(source.view(source.length - 1)), last);
});

await test("acting in the past cuts what came after", async () => {
  const source = await PlaygroundSource.open(STORY);
  const changes = [];
  source.onchange = (replaced) => changes.push(replaced);
  const step = Array.from({ length: source.length }, (_, k) => k).findLast((k) => source.lineOf(k) === 3);
  const end = source.act(step, "crash A");
  assert.deepEqual(changes, [true]);
  assert.equal(end, source.length - 1);
  assert.equal(source.text, STORY.split("\n").slice(0, 3).join("\n") + "\nat you crash A\n");
  assert.equal(source.view(end).nodes[0].role, "down");
  source.act(end, "restart A");
  assert.deepEqual(changes, [true, false]);
});

await test("each view says how long messages take from then on", async () => {
  const source = await PlaygroundSource.open("nodes A B\nat a campaign A; flow 5ms\nat b flow 5ms latency 40ms\n");
  const said = Array.from({ length: source.length }, (_, k) => source.view(k).latency_us);
  assert.deepEqual([said[0], said.at(-1)], [10000, 40000]);
});

await test("an option is set at the head, and replaced there", async () => {
  const source = await PlaygroundSource.open(STORY);
  source.option("pre-vote", "off");
  source.option("pre-vote", "on");
  source.option("repair", "one");
  assert.equal(source.text, "option repair one\noption pre-vote on\n" + STORY);
  assert.equal(source.view(0).options.repair, "one");
  assert.throws(() => source.option("repair", "guess"), /no such option/);
  assert.equal(source.view(0).options.repair, "one");
});

await test("a write's word is seen in every log that holds it, after hundreds of writes too", async () => {
  const source = await PlaygroundSource.open("nodes A B C\nat a campaign A; settle\n");
  for (let k = 0; k < 300; k++) source.act(source.length - 1, `write A k${k % 7}=${k}`);
  source.act(source.length - 1, "settle");
  const view = source.view(source.length - 1);
  for (const node of view.nodes) {
    assert.deepEqual(node.log[300], [1, "c", "k5=299"]);
    assert.equal(node.commit, 301);
  }
});

await test("Figure 7's follower f needs seven rejections one by one, two by terms, one by outline, none if it answered", async () => {
  const source = await PlaygroundSource.open(readFileSync(`${root}/web/scenarios/figure-7.txt`, "utf8"));
  const start = source.view(0);
  const counts = (await compareLogs(start, "L", "f")).map(({ way, rejections }) => [way, rejections]);
  assert.deepEqual(counts, [
    ["one", 7],
    ["term", 2],
    ["outline", 1],
    ["vote", 0],
  ]);
});

await test("each of Figure 7's followers is repaired in every way, those with newer logs too, without a no if they answered", async () => {
  const source = await PlaygroundSource.open(readFileSync(`${root}/web/scenarios/figure-7.txt`, "utf8"));
  for (const follower of "abcdef") {
    const results = await compareLogs(source.view(0), "L", follower);
    for (const { way, messages } of results) {
      const last = messages.at(-1);
      assert.deepEqual([last.type, last.rejected, last.last], ["append-reply", false, 11], `${follower} ${way}`);
    }
    const { rejections, round_trips } = results.at(-1);
    assert.deepEqual([rejections, round_trips], [0, 1], follower);
  }
});

await test("a write or read by hand that a node declines is an answer; one of the story is a fault", async () => {
  const source = await PlaygroundSource.open("nodes A B C\nat a elect A term 1 with B C\nat b write B x=1\n");
  const last = () => source.events(source.length - 1)[0];
  assert.equal(last().event, "not-held");
  source.act(source.length - 1, "write B x=1");
  assert.deepEqual([last().event, last().outcome, last().node], ["answered", "not-leader", "B"]);
});

await test("of a live view only the part of the logs that it shows is compared, with its own indexes", async () => {
  const source = await PlaygroundSource.open(readFileSync(`${root}/web/scenarios/figure-7.txt`, "utf8"));
  const start = source.view(0);
  for (const node of start.nodes) Object.assign(node, { first: 1001, last: node.last + 1000 });
  const [one] = await compareLogs(start, "L", "f");
  assert.equal(one.rejections, 7);
  assert.equal(one.messages[0].prev, 1010);
  assert.deepEqual(one.messages[1].outline, [[1, 1001], [2, 1004], [3, 1007]]);
});

await test("a source compares with the leader of the moment", async () => {
  const source = await PlaygroundSource.open(readFileSync(`${root}/web/scenarios/figure-7.txt`, "utf8"));
  assert.equal(leaderOf(source.view(0)), null);
  assert.deepEqual(source.compare(0, "f"), []);
  const last = source.length - 1;
  assert.equal(leaderOf(source.view(last)).name, "L");
  assert.deepEqual(source.compare(last, "f").map(({ rejections }) => rejections), [0, 0, 0, 0]);
});

/* Words of the grammar in any order: some are understood, most are refused, none breaks the module. */
await test("random texts are played or refused, and never end the module", async () => {
  const words = (
    "nodes A B C D learners log term commit option at you elect with replicate index to write read deliver drop " +
    "hold copy release again fly cut heal all isolate crash kept torn restart damaged disk slow fast sync load " +
    "clock time run flow latency delay by pause resume campaign tick settle expect leader no some is follower " +
    "branch say title # #1 #3 ; 1 2 0 7 1x5 999999999 10ms 1s 900s pre-vote off repair one entry-size runs " +
    "window-messages heartbeat seed oldest newest nth append vote-reply from x times"
  ).split(" ");
  let state = 7;
  const draw = (below) => (state = (state * 1103515245 + 12345) % 2147483648) % below;
  let played = 0;
  for (let k = 0; k < 3000; k++) {
    const lines = ["nodes A B C"];
    for (let line = 0; line < 1 + draw(8); line++) {
      const length = 1 + draw(6);
      const start = draw(4) === 0 ? [] : ["at", "x"];
      lines.push([...start, ...Array.from({ length }, () => words[draw(words.length)])].join(" "));
    }
    try {
      const source = await PlaygroundSource.open(lines.join("\n"));
      source.view(0);
      source.view(source.length >> 1);
      source.view(source.length - 1);
      source.close();
      played++;
    } catch (error) {
      if (error.message.startsWith("bug:")) throw new Error(`${error.message} in\n${lines.join("\n")}`);
    }
  }
  assert.ok(played > 30, `only ${played} were played`);
});

console.log(`${passed} passed, ${failed} failed`);
process.exit(failed > 0 ? 1 : 0);
