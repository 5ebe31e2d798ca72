// One run: overview with advice and curves, groups, evaluations, time, recipe.
import { el, put, number, share, duration, facts, stateTag, select, table, time, timeOf } from "./dom.js";
import { get } from "./api.js";
import { Chart, figuresOf } from "./charts.js";
import { repeat, runLink, actionButtons } from "./runs.js";
import { showGroups } from "./groups.js";
import { showEvaluations } from "./evaluations.js";
import { showTimeline } from "./timeline.js";

const kTabs = [["overview", "Overview"], ["groups", "Groups"], ["evaluations", "Evaluations"], ["time", "Time"], ["recipe", "Recipe"]];

function adviceList(detail) {
  if (!detail.advice || !detail.advice.length) return null;
  return el("ul.notes", { "aria-label": "Advice" }, detail.advice.map((one) => el("li.note-" + one.level,
    one.level === "alarm" ? el("strong", "Alarm: ") : null, one.text,
    one.setting ? [" Setting: ", el("code", one.setting), "."] : null)));
}

function money(value, currency) {
  return value === null || value === undefined ? null : value.toFixed(value < 1 ? 4 : 2) + " " + currency;
}

function factList(detail) {
  const evals = detail.evaluations || [];
  const first = evals[0], last = evals[evals.length - 1];
  const interval = (e) => "step " + e.step + (e.low !== null ? "; 95 %: " + share(e.low) + " to " + share(e.high) : "");
  const cost = detail.cost && detail.cost.total;
  const expected = detail.cost && detail.cost.expected;
  const isOver = ["succeeded", "finished", "failed", "cancelled"].includes(detail.state);
  return facts([
    ["Step", detail.step + " of " + detail.steps, timeOf(detail.updated)],
    first && ["Accuracy before", share(first.accuracy), interval(first)],
    evals.length > 1 && ["Accuracy now", share(last.accuracy), interval(last)],
    detail.reward !== null && ["Reward", number(detail.reward), "last step"],
    cost && ["Cost so far", money(cost.money, detail.cost.currency) || duration(cost.device_seconds),
      duration(cost.wall_seconds) + " of clock, " + number(cost.tokens, 3) + " tokens" + (cost.money === null && detail.kind === "run" ? "; no price is set (ledger.device_price_per_hour)" : "")],
    expected && !isOver && ["Expected at the end", money(expected.money, detail.cost.currency) || duration(expected.device_seconds),
      duration(expected.left_seconds) + " to go"],
  ]);
}

function warningList(detail) {
  const list = detail.warnings || [];
  if (!list.length) return null;
  return el("details", el("summary", list.length + (list.length === 1 ? " warning" : " warnings")),
    el("ul.notes", list.slice().reverse().map((w) => el("li.note-advice", el("span.tag", "step " + w.step), " ", w.message))));
}

async function showOverview(place, id, signal, detail, refresh) {
  const grid = el("div.charts");
  const others = el("div.charts");
  let charts = [];
  const chosen = [];  // further figures that were asked for
  let known = "";
  let data = { steps: [], series: {} };
  let smoothing = 0;
  const head = el("div");
  const drawHead = (now) => put(head, factList(now), adviceList(now), warningList(now));
  const smooth = select("Smoothing (from 50 steps on)", [[0, "none"], [0.6, "some"], [0.9, "strong"]], 0, (v) => { smoothing = Number(v); feed(); });
  const feed = () => { for (const chart of [...charts, ...chosen]) chart.update(data, smoothing); };
  const makeCharts = () => {
    const names = Object.keys(data.series).sort();
    if (names.join() === known) return;
    known = names.join();
    charts.forEach((c) => c.end());
    const figures = figuresOf(names);
    charts = figures.map((f) => new Chart(f));
    put(grid, charts.map((c) => c.root));
    const used = new Set(figures.flatMap((f) => f.series.map((s) => s[1])));
    const rest = el("select", { "aria-label": "Another figure", onchange: () => {
      if (!rest.value) return;
      const chart = new Chart({ title: rest.value, series: [["value", rest.value]] });
      chosen.push(chart);
      others.append(chart.root);
      chart.update(data, smoothing);
      rest.value = "";
    } }, el("option", { value: "" }, "Show another figure …"), names.filter((n) => !used.has(n)).map((n) => el("option", { value: n }, n)));
    put(tools, smooth, el("label", "All " + names.length + " figures", rest));
  };
  const tools = el("div.row.ends");
  put(place, head, el("h2", "Curves"), tools, grid, others);
  drawHead(detail);
  if (!detail.has_run) {
    put(grid, el("p.faint", "Its curves show once its first step is done."));
  }
  let lastStep = -1, isFirst = true;
  await repeat(signal, 2.5, async () => {
    const now = isFirst ? detail : await get("/api/gradus/v1/runs/" + encodeURIComponent(id));
    isFirst = false;
    if (now.step < lastStep) { lastStep = -1; data = { steps: [], series: {} }; }  // it went on from a checkpoint
    refresh(now);
    drawHead(now);
    if (!now.has_run) return;
    const more = await get("/api/gradus/v1/runs/" + encodeURIComponent(id) + "/metrics?after=" + lastStep);
    if (signal.aborted || !more.steps.length) return;
    append(data, more);
    lastStep = data.steps[data.steps.length - 1];
    makeCharts();
    feed();
  });
  signal.addEventListener("abort", () => [...charts, ...chosen].forEach((c) => c.end()));
}

function append(data, more) {
  const before = data.steps.length;
  for (const name of Object.keys(more.series)) if (!(name in data.series)) data.series[name] = Array(before).fill(null);
  for (const name of Object.keys(data.series)) data.series[name].push(...(more.series[name] || Array(more.steps.length).fill(null)));
  data.steps.push(...more.steps);
}

function showRecipe(place, detail) {
  const recipe = detail.recipe || { rules: [] };
  put(place,
    recipe.rules.length ? [el("h2", "Reward rules"), table(["Name", "Type", "Weight"], recipe.rules.map((r) => [r.name, r.type, { num: number(r.weight) }]), "Reward rules")] : null,
    detail.models.length ? [el("h2", "Models"), table(["Step", "Model", ""], detail.models.map((m) => [{ num: m.step }, el("code", m.model),
      m.step === 0 ? "" : el("a", { href: "#/chat", onclick: () => sessionStorage.setItem("chat-models", JSON.stringify([detail.model, m.model])) }, "Chat beside its base")]), "Models")] : null,
    detail.method_spec ? [el("h2", "Method"), el("pre.box", { tabindex: 0 }, JSON.stringify(detail.method_spec, null, 2))] : null,
    recipe.text ? [el("h2", "Recipe as resolved"), el("pre.box", { tabindex: 0 }, recipe.text)] : null);
}

export async function showRun(main, id, tab, signal, may) {
  const detail = await get("/api/gradus/v1/runs/" + encodeURIComponent(id));
  document.title = detail.name + " · Gradus";
  const line = el("p.row");
  const refresh = (now) => put(line, stateTag(now.state),
    el("span.faint", now.kind === "job" ? now.method + " of " + now.model + ", made " + time(now.created) : "a run of gradus train"),
    now.reason ? el("span", now.reason) : null,
    actionButtons(now, async () => refresh(await get("/api/gradus/v1/runs/" + encodeURIComponent(id)))),
    detail.files && detail.files.results.length ? el("a", { href: "/v1/files/" + detail.files.results[0] + "/content", download: "step_metrics.csv" }, "Figures as CSV") : null);
  refresh(detail);
  const place = el("div");
  put(main, el("h1", detail.name), line,
    el("nav.tabs", { "aria-label": "Parts of the run" }, kTabs.map(([name, title]) =>
      el("a", { href: runLink(id, name), "aria-current": name === tab ? "page" : null }, title))),
    place);
  if (tab === "groups") await showGroups(place, id, detail, signal, may);
  else if (tab === "evaluations") await showEvaluations(place, id, detail, signal);
  else if (tab === "time") await showTimeline(place, id, detail);
  else if (tab === "recipe") showRecipe(place, detail);
  else await showOverview(place, id, signal, detail, refresh);
}
