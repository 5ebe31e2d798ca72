// Drives the page in Chromium: every view, by keyboard alone, at 390 px, in the dark; screenshots, no console error, no
// request to another host, no serious fault by axe-core.
//
//   node tests/page/drive.mjs PROGRAM OUT
//
// Needs a chromium (CHROMIUM, else /usr/bin/chromium) and the folder GRADUS_PAGE_MODULES (else OUT/modules) with
// playwright-core and axe-core: npm install --prefix OUT/modules playwright-core axe-core. Where they are missing it is
// skipped and says so.
import { createRequire } from "node:module";
import { cpSync, existsSync, mkdirSync, readFileSync, mkdtempSync, rmSync } from "node:fs";
import { spawn, spawnSync } from "node:child_process";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";

const [program, out] = process.argv.slice(2).map((p) => resolve(p));
const chromiumPath = process.env.CHROMIUM || "/usr/bin/chromium";

function skip(reason) {
  console.log("SKIPPED: drive.mjs: " + reason);
  process.exit(77);
}

function modules() {
  const require = createRequire(join(process.env.GRADUS_PAGE_MODULES || join(out, "modules"), "drive.mjs"));
  try {
    return [require("playwright-core").chromium, readFileSync(require.resolve("axe-core/axe.min.js"), "utf8")];
  } catch {
    return skip("playwright-core and axe-core are not installed");
  }
}

if (!existsSync(chromiumPath)) skip("chromium is not installed");
const [chromium, axeSource] = modules();
mkdirSync(out, { recursive: true });
const work = mkdtempSync(join(tmpdir(), "gradus-page-"));
const data = join(work, "data");
const watched = join(work, "runs");
const faults = [];
const check = (truth, what) => { if (!truth) { faults.push(what); console.log("FAULT  " + what); } };

// Rows whose answers are short, one of them hostile.
const kHostile = "<img src=x onerror=\"window.broken=1\"><script>window.broken=1</script>";
const rows = Array.from({ length: 16 }, (_, i) => ({ messages: [{ role: "user", content: i === 0 ? kHostile : `What is ${i} + ${i + 1}?` }], answer: String(i % 3 === 0 ? 2 * i + 1 : i) }));

function serve() {
  return new Promise((done, fail) => {
    const server = spawn(program, ["serve", "--data", data, "--listen", "127.0.0.1:0", "--watch", watched], { stdio: ["ignore", "pipe", "ignore"] });
    server.stdout.once("data", (text) => done([server, String(text).trim().split(" ").pop()]));
    server.once("exit", () => fail(new Error("the server ended")));
  });
}

async function api(url, key, method, path, body) {
  const form = body instanceof FormData;
  const answer = await fetch(url + path, { method, headers: { authorization: "Bearer " + key, ...(body && !form ? { "content-type": "application/json" } : {}) }, body: body && !form ? JSON.stringify(body) : body });
  if (!answer.ok) throw new Error(path + ": " + await answer.text());
  return answer.json();
}

async function makeJob(url, key) {
  const form = new FormData();
  form.append("purpose", "fine-tune");
  form.append("file", new Blob([rows.map((r) => JSON.stringify(r)).join("\n") + "\n"]), "sums.jsonl");
  const file = await api(url, key, "POST", "/v1/files", form);
  return api(url, key, "POST", "/v1/fine_tuning/jobs", { model: "nano", training_file: file.id, validation_file: file.id, suffix: "sums", seed: 3,
    method: { type: "reinforcement", reinforcement: { grader: { type: "string_check", name: "g", input: "{{sample.output_text}}", reference: "5", operation: "like" }, hyperparameters: { batch_size: 4, n_epochs: 40, eval_interval: 20 } } },
    gradus: { "run.samples_every": 20 } });
}

async function waitForJob(url, key, id) {
  for (let i = 0; i < 600; ++i) {
    const job = await api(url, key, "GET", "/v1/fine_tuning/jobs/" + id);
    if (["succeeded", "failed", "cancelled"].includes(job.status)) return job;
    await new Promise((r) => setTimeout(r, 200));
  }
  throw new Error("the job does not end");
}

async function watch(page, name, origin) {
  page.on("dialog", (dialog) => dialog.accept());
  page.on("console", (message) => { if (message.type() === "error" && !(name === "few scopes" ? /status of 40[13]/ : /status of 401/).test(message.text())) check(false, name + ": console: " + message.text()); });
  page.on("pageerror", (error) => check(false, name + ": " + error.message));
  page.on("request", (request) => check(request.url().startsWith(origin), name + ": asks " + request.url()));
}

async function audit(page, name) {
  if (!(await page.evaluate(() => Boolean(window.axe)))) await page.evaluate(axeSource);
  const found = await page.evaluate(async () => (await window.axe.run(document, { resultTypes: ["violations"] })).violations
    .map((v) => [v.impact, v.id, v.nodes.slice(0, 2).map((n) => n.html.slice(0, 160)).join(" | ")]));
  for (const [impact, id, where] of found) check(!["serious", "critical"].includes(impact), `${name}: axe ${impact} ${id}: ${where}`);
}

async function settle(page) {
  await page.waitForFunction(() => !document.getElementById("main").textContent.startsWith("Loading"), null, { timeout: 20000 });
  await page.waitForTimeout(400);
}

async function seeAll(browser, url, key, job, theme, width) {
  const name = theme + "-" + width;
  const context = await browser.newContext({ colorScheme: theme, viewport: { width, height: 860 }, hasTouch: width < 500 });
  const page = await context.newPage();
  await watch(page, name, url);
  await page.goto(url + "/");
  await page.fill("input[type=password]", "tml-gr-this-is-no-key");
  await page.keyboard.press("Enter");
  await page.waitForSelector("[role=alert] .tag");
  await page.screenshot({ path: join(out, name + "-login.png") });
  await audit(page, name + " login");
  await page.fill("input[type=password]", key);
  await page.keyboard.press("Enter");
  await page.waitForSelector("nav#nav a");
  await page.waitForFunction(() => document.querySelector("main").textContent.includes("by-hand"));
  const run = "#/run/" + job.id;
  for (const [view, hash] of [["runs", "#/runs"], ["run", run], ["groups", run + "/groups"], ["evaluations", run + "/evaluations"], ["time", run + "/time"], ["recipe", run + "/recipe"],
    ["chat", "#/chat"], ["graders", "#/graders"], ["files", "#/files"], ["models", "#/models"], ["keys", "#/keys"]]) {
    await page.evaluate((h) => { location.hash = h; }, hash);
    await settle(page);
    await kActs[view]?.(page, name, job);
    check(await page.evaluate(() => document.documentElement.scrollWidth <= window.innerWidth + 1), `${name} ${view}: is wider than the window`);
    check(!(await page.evaluate(() => window.broken)), name + " " + view + ": hostile text ran");
    await page.screenshot({ path: join(out, `${name}-${view}.png`), fullPage: true });
    await audit(page, name + " " + view);
  }
  await context.close();
}

/** What is done in a view before it is looked at. */
const kActs = {
  async groups(page, name) {
    await page.click("button:has-text('Tokens')");
    await page.waitForSelector(".strip span", { timeout: 60000 });
    for (const figure of ["ratio", "entropy", "learned"]) {
      await page.locator("article select").first().selectOption(figure);
      await page.waitForFunction(() => !document.querySelector(".strip").textContent.startsWith("…"), null, { timeout: 60000 });
      check(!(await page.locator(".strip .tag.bad").count()), name + ": a figure of tokens fails: " + figure);
    }
    await page.focus(".strip");
    await page.keyboard.press("ArrowRight");
    await page.keyboard.press("ArrowRight");
    check((await page.textContent("article p[aria-live]")).startsWith("Token 2 of"), name + ": the strip does not say its tokens");
    await page.click("button:has-text('Ask this of')");
    await page.waitForFunction(() => document.querySelectorAll("section .pair article").length === 2, null, { timeout: 60000 });
  },
  async graders(page) {
    await page.click("button:has-text('Grade')");
    await page.waitForSelector("[role=status] .card");
  },
  async keys(page, name) {
    const shown = "made on the page " + name;
    await page.getByLabel("Name").fill(shown);
    await page.click("button:has-text('Make a key')");
    await page.waitForSelector("[role=status] code");
    check((await page.textContent("[role=status] code")).startsWith("tml-gr-"), name + ": a made key is not shown");
    await page.click(`button[aria-label="Revoke ${shown}"]`);
    await page.waitForFunction((n) => [...document.querySelectorAll("tr")].some((r) => r.textContent.includes(n) && r.textContent.includes("revoked")), shown);
  },
  async files(page, name) {
    const before = await page.locator("tbody tr").count();
    await page.setInputFiles("input[type=file]", { name: name + ".jsonl", mimeType: "application/jsonl", buffer: Buffer.from(JSON.stringify(rows[1]) + "\n") });
    await page.click("button:has-text('Upload')");
    await page.waitForFunction((n) => document.querySelectorAll("tbody tr").length > n, before);
    await page.click(`button[aria-label="Delete ${name}.jsonl"]`);
    await page.waitForFunction((n) => document.querySelectorAll("tbody tr").length === n, before);
  },
  async chat(page, name, job) {
    await page.getByLabel("Beside it").selectOption(job.fine_tuned_model);
    await page.getByLabel("Longest answer").fill("24");
    await page.getByLabel("Longest answer").press("Tab");
    await page.getByLabel("Message", { exact: true }).fill("What is 2 + 3?");
    await page.getByLabel("Message", { exact: true }).press("Enter");
    const answered = (text) => page.waitForFunction((t) => document.querySelectorAll(".columns .card").length === 2 && document.body.textContent.includes(t) &&
      !document.querySelector("form button.main").disabled, text, { timeout: 60000 });
    await answered("Answered.");
    await page.click("button:has-text('Ask again')");
    await answered("2 / 2");
    await page.click("button:has-text('Edit')");
    await page.getByLabel("Edit the message").fill("What is 4 + 4?");
    await page.click("button:has-text('Send as a new branch')");
    await answered("3 / 3");
    await page.click("button[aria-label='Previous branch']");
    await page.waitForFunction(() => document.body.textContent.includes("2 / 3"));
  },
};

/** A run's curves grow while it runs. */
async function live(browser, url, key, id) {
  const page = await (await browser.newContext({ viewport: { width: 1280, height: 860 } })).newPage();
  await watch(page, "live", url);
  await page.goto(url + "/#/run/" + id);
  await page.fill("input[type=password]", key);
  await page.keyboard.press("Enter");
  const step = async () => Number((await page.textContent(".facts dd")).split(" ")[0]);
  await page.waitForFunction(() => Number(document.querySelector(".facts dd")?.textContent.split(" ")[0]) >= 1, null, { timeout: 60000 });
  const before = await step();
  await page.waitForFunction((b) => Number(document.querySelector(".facts dd").textContent.split(" ")[0]) > b, before, { timeout: 60000 });
  await page.waitForSelector(".plot canvas");
  await page.screenshot({ path: join(out, "live.png") });
  const state = (wanted) => page.waitForFunction((w) => w.includes(document.querySelector("main .tag")?.textContent), wanted, { timeout: 60000 });
  await page.click("button:has-text('Pause')");
  await state(["paused"]);
  await page.click("button:has-text('Resume')");
  await state(["queued", "running", "succeeded"]);
  await page.context().close();
}

/** A key that may only ask models is offered no more than that. */
async function fewScopes(browser, url, key) {
  const made = await api(url, key, "POST", "/api/gradus/v1/keys", { name: "asks", scopes: ["infer"] });
  const page = await (await browser.newContext()).newPage();
  await watch(page, "few scopes", url);
  await page.goto(url + "/#/run/%zz");
  await page.fill("input[type=password]", made.key);
  await page.keyboard.press("Enter");
  await page.waitForSelector("nav#nav a");
  check((await page.locator("nav#nav a").allTextContents()).join() === "Chat,Models", "few scopes: other views are offered");
  await page.context().close();
}

/** From the address line to a run's curve by keys alone. */
async function byKeyboard(browser, url, key) {
  const page = await (await browser.newContext({ viewport: { width: 1200, height: 860 } })).newPage();
  await watch(page, "keyboard", url);
  await page.goto(url + "/");
  await page.waitForSelector("input[type=password]");
  await page.keyboard.type(key);
  await page.keyboard.press("Enter");
  await page.waitForSelector("td a");
  const focus = async (selector) => {
    for (let i = 0; i < 60; ++i) {
      await page.keyboard.press("Tab");
      const at = await page.evaluate((s) => ({ is: document.activeElement.matches(s), seen: document.activeElement === document.body || getComputedStyle(document.activeElement).outlineStyle !== "none" }), selector);
      check(at.seen, "keyboard: a focus that is not seen on the way to " + selector);
      if (at.is) return true;
    }
    check(false, "keyboard: " + selector + " is not reached");
    return false;
  };
  await focus("td a");
  await page.keyboard.press("Enter");
  await page.waitForSelector(".plot canvas");
  await focus(".plot");
  await page.keyboard.press("End");
  await page.keyboard.press("ArrowLeft");
  await page.keyboard.press("+");
  check((await page.textContent(".chart:not([hidden]) p[aria-live]")).startsWith("Step "), "keyboard: a curve's values are not said");
  await page.screenshot({ path: join(out, "keyboard-run.png") });
  await page.context().close();
}

async function report(browser, run) {
  spawnSync(program, ["runs", "report", run]);
  for (const [theme, width] of [["light", 1200], ["dark", 390]]) {
    const page = await (await browser.newContext({ colorScheme: theme, viewport: { width, height: 860 } })).newPage();
    await watch(page, "report", "file://");
    await page.goto(pathToFileURL(join(run, "report.html")).href);
    check(await page.evaluate(() => document.documentElement.scrollWidth <= window.innerWidth + 1), `report ${width}: is wider than the window`);
    await page.screenshot({ path: join(out, `report-${theme}-${width}.png`), fullPage: true });
    await page.context().close();
  }
}

let server;
let browser;
try {
  mkdirSync(watched);
  const made = spawnSync(program, ["keys", "add", "--data", data, "--name", "page", "--scope", "admin", "--json"]);
  const key = JSON.parse(made.stdout).key;
  let url;
  [server, url] = await serve();
  browser = await chromium.launch({ executablePath: chromiumPath, args: ["--no-sandbox"] });
  const begun = await makeJob(url, key);
  await live(browser, url, key, begun.id);
  const job = await waitForJob(url, key, begun.id);
  check(job.status === "succeeded", "the job ended as " + job.status + ": " + JSON.stringify(job.error));
  cpSync(join(data, "jobs", job.id, "run"), join(watched, "by-hand"), { recursive: true });
  await byKeyboard(browser, url, key);
  await fewScopes(browser, url, key);
  for (const [theme, width] of [["light", 1280], ["dark", 1280], ["light", 390], ["dark", 390]]) await seeAll(browser, url, key, job, theme, width);
  await report(browser, join(data, "jobs", job.id, "run"));
} catch (error) {
  check(false, error.stack);
  const pages = (browser?.contexts() || []).flatMap((context) => context.pages());
  for (const [i, page] of pages.entries()) await page.screenshot({ path: join(out, `at-the-fault-${i}.png`) });
} finally {
  await browser?.close();
  server?.kill("SIGTERM");
  rmSync(work, { recursive: true, force: true });
}
console.log(faults.length ? faults.length + " faults" : "no faults; pictures in " + out);
process.exit(faults.length ? 1 : 0);
