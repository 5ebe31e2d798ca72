// A step's groups side by side: each completion with its rules' grades and its tokens; and the prompt asked again of
// the base and of the newest step.
import { el, put, number, select } from "./dom.js";
import { get, send } from "./api.js";
import { tokenStrip } from "./strip.js";

function gradeRows(grades) {
  return Object.entries(grades || {}).flatMap(([rule, grade]) => {
    const details = grade.details && typeof grade.details === "object" ? grade.details : {};
    const rows = [[rule, grade.value === null ? el("span.tag.bad", grade.outcome) : number(grade.value)]];
    if (grade.reason) rows.push(["reason", grade.reason]);
    for (const [name, label] of [["gold", "gold"], ["answer", "extracted"], ["verdict", "verdict"]]) {
      const value = details[name];
      if (value !== undefined && value !== null && value !== "") rows.push([label, typeof value === "string" ? value : JSON.stringify(value)]);
    }
    return rows;
  });
}

/** Why nothing is learned from a completion; empty: it is trained on. */
export function maskReason(sample, recipe) {
  if (sample.error) return "it failed: " + sample.error;
  if (sample.reward === null) return "no rule could score it";
  if (sample.is_used === false) return "its group had no signal and was replaced";
  if (recipe && recipe.masks_truncated && sample.finish === "length") return "cut off (rl.mask_truncated)";
  if (sample.advantage === 0) return "its advantage is 0: it is as good as its group";
  return "";
}

function completionCard(sample, prompt, detail, may) {
  const reason = maskReason(sample, detail.recipe);
  const better = sample.advantage > 0 ? "up" : sample.advantage < 0 ? "down" : "flat";
  const strip = el("div");
  const tokens = sample.tokens && sample.tokens.ids.length ? el("button.quiet", { "aria-label": "Tokens of completion " + sample.index, onclick: (event) => {
    event.currentTarget.hidden = true;
    tokenStrip(strip, sample, prompt, detail, reason, may("infer"));
  } }, "Tokens") : null;
  return el("article.card." + better + (reason ? ".masked" : ""),
    el("h3", "Completion " + sample.index + " ", el("span.tag", "reward " + number(sample.reward)), " ",
      el("span.tag." + (better === "up" ? "good" : better === "down" ? "bad" : "flat"), "advantage " + number(sample.advantage, 3))),
    reason ? el("p.small.faint", "Not learned from: " + reason + ".") : null,
    el("pre", { tabindex: 0, "aria-label": "Text of completion " + sample.index }, sample.completion),
    el("dl", [["tokens", sample.num_tokens + ", " + sample.finish], ...gradeRows(sample.grades)].map(([name, value]) => [el("dt", name), el("dd", value)])),
    tokens, strip);
}

/** The prompt asked of base and newest model, greedily. */
function askAgain(group, detail) {
  const base = detail.models[0], now = detail.models[detail.models.length - 1];
  const places = el("div.pair");
  const ask = async (event) => {
    event.currentTarget.disabled = true;
    put(places, el("p.faint", "…"));
    const prompt = group.completions[0]?.tokens?.prompt || (await send("POST", "/v1/tokenize", { model: base.model, prompt: group.prompt, add_special_tokens: false })).tokens;
    const answers = await Promise.all([base, now].map(async (m) => {
      try {
        const answer = await send("POST", "/v1/completions", { model: m.model, prompt, max_tokens: Math.min(detail.recipe.max_tokens || 512, 2048), temperature: 0 });
        return [m, answer.choices[0].text, answer.usage.completion_tokens + " tokens, " + answer.choices[0].finish_reason];
      } catch (error) { return [m, "", error.message]; }
    }));
    put(places, answers.map(([m, text, note]) => el("article.card", el("h3", "Step " + m.step + " ", el("span.small.faint", m.model)), el("pre", { tabindex: 0 }, text), el("p.small.faint", note))));
    event.target.disabled = false;
  };
  return [el("p", el("button", { onclick: (event) => ask(event).catch((error) => put(places, el("span.tag.bad", error.message))) }, "Ask this of step " + base.step + " and step " + now.step)), places];
}

function groupView(group, detail, may) {
  const prompt = group.completions[0]?.tokens?.prompt;
  const rewards = group.completions.map((c) => c.reward).filter((r) => r !== null);
  const mean = rewards.length ? rewards.reduce((a, b) => a + b, 0) / rewards.length : null;
  return el("section",
    el("h2", "Prompt ", el("code", group.prompt_id), " ", el("span.small.faint", group.completions.length + " completions, mean reward " + number(mean, 3))),
    el("pre.box", { tabindex: 0, "aria-label": "Prompt " + group.prompt_id }, group.prompt),
    detail.models.length > 1 && may("infer") ? askAgain(group, detail) : null,
    el("div.completions", { tabindex: 0, role: "region", "aria-label": "Completions of " + group.prompt_id },
      group.completions.map((sample) => completionCard(sample, prompt, detail, may))));
}

export async function showGroups(place, id, detail, signal, may) {
  const steps = detail.sample_steps || [];
  if (!steps.length) return put(place, el("p.faint", "No step has left its samples yet (run.samples_every)."));
  let step = steps[steps.length - 1];
  let first = 0;
  const limit = 4;
  const list = el("div.groups");
  const tools = el("div.row.ends");
  const draw = async () => {
    const page = await get("/api/gradus/v1/runs/" + encodeURIComponent(id) + "/groups?step=" + step + "&first=" + first + "&limit=" + limit);
    if (signal.aborted) return;
    const at = steps.indexOf(step);
    const go = (s) => { step = s; first = 0; draw(); };
    put(tools,
      el("button", { disabled: at <= 0, "aria-label": "Earlier step", onclick: () => go(steps[at - 1]) }, "‹"),
      select("Step", steps.map((s) => [s, s]), step, (v) => go(Number(v))),
      el("button", { disabled: at + 1 >= steps.length, "aria-label": "Later step", onclick: () => go(steps[at + 1]) }, "›"),
      el("button", { disabled: first === 0, onclick: () => { first = Math.max(0, first - limit); draw(); } }, "Previous groups"),
      el("span", "Groups " + (first + 1) + " to " + Math.min(page.total, first + limit) + " of " + page.total),
      el("button", { disabled: first + limit >= page.total, onclick: () => { first += limit; draw(); } }, "Next groups"));
    const hasTokens = page.groups.some((g) => g.completions.some((c) => c.tokens));
    put(list, hasTokens ? null : el("p.small.faint", "Tokens of these groups were not recorded (run.sample_tokens: how many groups of a step are)."),
      page.groups.map((group) => groupView(group, detail, may)));
  };
  put(place, tools, list);
  await draw();
}
