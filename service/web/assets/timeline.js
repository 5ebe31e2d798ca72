// Where the time goes: the whole, each step, and who is waited for.
import { el, svg, put, share, duration, table, number } from "./dom.js";
import { get } from "./api.js";

// In the order in which a step does them; each has its colour in style.css.
const kParts = [["load", "loading"], ["rollout", "sampling"], ["rewards", "grading"], ["graders", "graders' devices"], ["teacher", "the teacher"], ["update", "the update"],
  ["evaluate", "evaluation"], ["save", "saving checkpoints"], ["report", "the report"], ["idle", "none of these"], ["lost", "work that a kill undid"], ["killed", "a process that was killed"]];
const kWords = Object.fromEntries(kParts);

function color(name) {
  const i = kParts.findIndex((p) => p[0] === name);
  return "var(--t" + (i < 0 ? kParts.length : i + 1) + ")";
}

function lane(parts, names, whole, label) {
  let x = 0;
  const total = names.reduce((sum, n) => sum + (parts[n] || 0), 0);
  const picture = svg("svg", { viewBox: "0 0 1000 10", preserveAspectRatio: "none", role: "img", "aria-label": label + ": " + duration(total) });
  for (const name of names) {
    const width = 1000 * (parts[name] || 0) / whole;
    if (width <= 0) continue;
    const bar = svg("rect", { x, y: 0, width, height: 10, fill: color(name) });
    bar.append(svg("title", {}, label + ": " + (kWords[name] || name) + " " + duration(parts[name])));
    picture.append(bar);
    x += width;
  }
  return el("div.lane", picture);
}

/** Sentences of whom the newest steps waited for. */
function waitWords({ steps, seconds }) {
  const words = [];
  if (!steps) return words;
  if (seconds.slowest_completion && seconds.rollout)
    words.push("Sampling takes " + duration(seconds.rollout) + " a step. Its slowest completion is " + share(Math.min(1, seconds.slowest_completion / seconds.rollout)) + " of that: the others wait for it.");
  const rules = Object.entries(seconds).filter(([n]) => n.startsWith("rewards/")).sort((a, b) => b[1] - a[1]);
  if (rules.length && rules[0][1] > 0)
    words.push("Of the rules, " + rules[0][0].slice(8) + " is waited for most: " + duration(rules[0][1]) + " a step, summed over its threads.");
  if (seconds.update && seconds.forward_backward)
    words.push("The update takes " + duration(seconds.update) + " a step, " + share(Math.min(1, seconds.forward_backward / seconds.update)) + " of it forward and backward.");
  return words.length ? [el("h2", "Who is waited for"), el("ul.notes", { "aria-label": "Waits" }, words.map((w) => el("li.note-note", w))), el("p.small.faint", "Means of the last " + steps + " steps.")] : words;
}

function costRows(cost) {
  return cost.rows.map((row) => [row.name, { num: duration(row.wall_seconds) }, { num: number(row.device_hours, 3) }, { num: number(row.tokens, 3) }, { num: row.money === null ? "–" : number(row.money) }]);
}

export async function showTimeline(place, id, detail) {
  const { steps, waits } = await get("/api/gradus/v1/runs/" + encodeURIComponent(id) + "/timeline");
  if (!steps.length) return put(place, el("p.faint", "The ledger has no entry yet."));
  const totals = {};
  for (const step of steps) for (const [name, s] of Object.entries(step.parts)) totals[name] = (totals[name] || 0) + s;
  const order = (n) => { const i = kParts.findIndex((p) => p[0] === n); return i < 0 ? kParts.length : i; };
  const names = Object.keys(totals).filter((n) => totals[n] > 0).sort((a, b) => order(a) - order(b));
  const largest = names.slice().sort((a, b) => totals[b] - totals[a]);
  const all = names.reduce((sum, n) => sum + totals[n], 0);
  const whole = Math.max(...steps.slice(-60).map((s) => Object.values(s.parts).reduce((a, b) => a + b, 0)));
  const key = el("ul.key", names.map((name) => el("li", svg("svg", { viewBox: "0 0 10 10", "aria-hidden": "true" }, svg("rect", { width: 10, height: 10, fill: color(name) })),
    (kWords[name] || name) + " " + share(totals[name] / all))));
  put(place,
    el("p", "Most of the time, " + share(totals[largest[0]] / all) + ", goes into ", el("strong", kWords[largest[0]] || largest[0]), largest.length > 1 ? "; then " + share(totals[largest[1]] / all) + " into " + (kWords[largest[1]] || largest[1]) + "." : "."),
    key, lane(totals, names, all, "all steps"),
    waits ? waitWords(waits) : null,
    el("h2", "By step"),
    el("div.lanes", { role: "region", "aria-label": "Time by step", tabindex: 0 }, steps.slice(-60).map((step) => [el("span.small.mono", String(step.step)), lane(step.parts, names, whole, "step " + step.step)])),
    steps.length > 60 ? el("p.small.faint", "The last 60 of " + steps.length + " steps.") : null,
    detail.cost && detail.cost.rows.length ? [el("h2", "What it cost"), table(["Part", "Time", "Device-hours", "Tokens", "Money"], costRows(detail.cost), "Cost")] : null);
}
