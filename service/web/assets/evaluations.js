// Evaluations: the same problems at the first step and now, one beside the other.
import { el, put, select, share } from "./dom.js";
import { get } from "./api.js";

function answerCard(answer) {
  if (!answer) return el("div.card", el("p.faint", "not asked at this step"));
  return el("div.card." + (answer.is_right ? "up" : "down"),
    el("h3", el("span.tag." + (answer.is_right ? "good" : "bad"), answer.is_right ? "right" : "wrong"), " ",
      el("span.small.faint", answer.num_tokens + " tokens, " + answer.finish)),
    el("pre", { tabindex: 0 }, answer.text),
    el("dl", [["extracted", answer.answer], ["gold", answer.gold], ["why", answer.reason], ...answer.grades.map((g) => [g.rule, g.grade])]
      .filter(([, v]) => v).map(([name, value]) => [el("dt", name), el("dd", value)])));
}

const kKinds = [["all", "all"], ["better", "better now"], ["worse", "worse now"], ["wrong", "wrong now"]];

export async function showEvaluations(place, id, detail, signal) {
  const steps = detail.evaluation_steps || [];
  if (!steps.length) return put(place, el("p.faint", "There is no evaluation yet (a validation file, or eval.data with run.eval_every)."));
  let before = steps[0], now = steps[steps.length - 1], kind = "all", words = "", shown = 20;
  const tools = el("div.row.ends"), list = el("div.groups"), cache = new Map();
  const problemsOf = async (step) => {
    if (!cache.has(step)) cache.set(step, (await get("/api/gradus/v1/runs/" + encodeURIComponent(id) + "/evaluation?step=" + step)).problems);
    return cache.get(step);
  };
  const nameOf = (p) => JSON.stringify([p.set, p.id, p.prompt]);
  const draw = async () => {
    const [olds, news] = await Promise.all([problemsOf(before), problemsOf(now)]);
    if (signal.aborted) return;
    const earlier = new Map(olds.map((p) => [nameOf(p), p]));
    const pairs = news.map((p) => [earlier.get(nameOf(p)), p]);
    const change = ([a, b]) => b.right - (a ? a.right : b.right);
    const chosen = pairs.filter((pair) => (kind === "all" || (kind === "better" && change(pair) > 0) || (kind === "worse" && change(pair) < 0) || (kind === "wrong" && pair[1].right < 1)) &&
      (!words || pair[1].prompt.toLowerCase().includes(words)));
    const better = pairs.filter((p) => change(p) > 0).length, worse = pairs.filter((p) => change(p) < 0).length;
    put(list,
      el("p", pairs.length + " problems: " + better + " better, " + worse + " worse than at step " + before + ". ", chosen.length + " shown."),
      chosen.slice(0, shown).map(([a, b]) => el("section",
        el("h2", el("code", (b.set ? b.set + " " : "") + b.id), " ", el("span.small.faint", (a ? share(a.right) : "–") + " → " + share(b.right))),
        el("pre.box", { tabindex: 0 }, b.prompt),
        el("div.pair", el("div", el("p.small.faint", "step " + before), answerCard(a && a.answers[0])),
          el("div", el("p.small.faint", "step " + now), answerCard(b.answers[0]))))),
      chosen.length > shown ? el("button", { onclick: () => { shown += 20; draw(); } }, "More") : null);
  };
  put(tools,
    select("Before", steps.map((s) => [s, "step " + s]), before, (v) => { before = Number(v); draw(); }),
    select("Now", steps.map((s) => [s, "step " + s]), now, (v) => { now = Number(v); draw(); }),
    select("Problems", kKinds, kind, (v) => { kind = v; shown = 20; draw(); }),
    el("label", "With the words", el("input", { type: "search", onchange: (e) => { words = e.target.value.toLowerCase(); shown = 20; draw(); } })));
  put(place, tools, list);
  await draw();
}
