// A completion's tokens as the step recorded them (run.sample_tokens), coloured by one figure; and by what the run's
// models say of them now.
import { el, put, number, select } from "./dom.js";
import { send } from "./api.js";

/** Logprobs of the recorded tokens by a model of the server. */
async function scores(model, prompt, ids) {
  const answer = await send("POST", "/v1/completions", { model, prompt: prompt.concat(ids), max_tokens: 0, echo: true, logprobs: 1 });
  return answer.choices[0].logprobs.token_logprobs.slice(prompt.length);
}

/** Figures by name: {label, note, values, center, full, oneSided}; what was not recorded is not there. */
function recordedFigures(sample) {
  const t = sample.tokens;
  const figures = { advantage: { label: "advantage", note: "what its loss is multiplied by", values: t.advantages || t.ids.map(() => sample.advantage), full: 1.5 } };
  if (t.rollout_logprobs) figures.logprob = { label: "logprob", note: "by the sampler, nats", values: t.rollout_logprobs, full: 4 };
  if (t.rollout_logprobs && t.logprobs) {
    const difference = t.logprobs.map((v, i) => (v === null || t.rollout_logprobs[i] === null ? null : v - t.rollout_logprobs[i]));
    figures.difference = { label: "logprob difference", note: "trainer less sampler, nats", values: difference, full: 0.2 };
    figures.ratio = { label: "importance ratio", note: "trainer over sampler", values: difference.map((d) => (d === null ? null : Math.exp(d))), center: 1, full: 0.2 };
  }
  if (t.entropies) figures.entropy = { label: "entropy", note: "of the next token's distribution, nats", values: t.entropies, full: 2 };
  return figures;
}

/** The reason why nothing is learned from each token; "" where something is. */
function maskedReasons(sample, reason) {
  const reasons = sample.tokens.ids.map(() => reason);
  for (const span of sample.tokens.masked || [])
    for (let i = span.begin; i < span.end; ++i) reasons[i] = span.reason || "masked";
  return reasons;
}

function shade(figure, value) {
  if (value === null || value === undefined) return "";
  const size = value - (figure.center || 0);
  const level = Math.min(4, Math.ceil(Math.abs(size) / figure.full * 4 - 1e-9));
  return level === 0 ? "" : (size > 0 ? "p" : "n") + level;
}

const said = (text) => (text === "" ? "(part of a character)" : JSON.stringify(text));

function tokenLine(sample, figures, reasons, i) {
  const values = Object.values(figures).filter((f) => f.values).map((f) => f.label + " " + number(f.values[i]));
  return "Token " + (i + 1) + " of " + reasons.length + ", " + said(sample.tokens.texts[i]) + " (" + sample.tokens.ids[i] + "): " + values.join(", ") +
    (reasons[i] ? "; not learned from: " + reasons[i] : "") + ".";
}

/** Choices of the run's models, asked only when chosen. */
function addModels(figures, sample, prompt, detail) {
  const now = detail.models[detail.models.length - 1], base = detail.models[0];
  const cache = new Map();
  const of = (model) => {
    if (!cache.has(model)) cache.set(model, scores(model, prompt, sample.tokens.ids));
    return cache.get(model);
  };
  const less = (a, b) => a.map((v, i) => (v === null || b[i] === null ? null : v - b[i]));
  figures.learned = { label: "logprob at step " + now.step + " less at the base", note: "blue: made likelier by the run, nats", full: 2,
    load: async () => less(...await Promise.all([of(now.model), of(base.model)])) };
  if (sample.tokens.rollout_logprobs && detail.recipe.temperature === 1)
    figures.since = { label: "logprob at step " + now.step + " less when sampled", note: "nats", full: 2, load: async () => less(await of(now.model), sample.tokens.rollout_logprobs) };
}

export async function tokenStrip(place, sample, prompt, detail, reason, canAsk) {
  const figures = recordedFigures(sample);
  if (canAsk && prompt && detail.models.length > 1) addModels(figures, sample, prompt, detail);
  const reasons = maskedReasons(sample, reason);
  let mode = "advantage", at = -1;
  const line = el("p.small.faint", { "aria-live": "polite" });
  const key = el("p.small.faint");
  const strip = el("div.strip", { tabindex: 0, role: "group", "aria-label": "Tokens; arrow keys go from one to the next" });
  const point = (i) => {
    strip.children[at]?.classList.remove("at");
    at = Math.max(0, Math.min(reasons.length - 1, i));
    strip.children[at]?.classList.add("at");
    line.textContent = tokenLine(sample, figures, reasons, at);
  };
  strip.addEventListener("keydown", (event) => {
    const to = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: reasons.length - 1 }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    point(to);
  });
  strip.addEventListener("click", (event) => {
    const i = [...strip.children].indexOf(event.target);
    if (i >= 0) point(i);
  });
  const draw = async () => {
    const figure = figures[mode];
    try {
      if (!figure.values) { put(strip, "…"); figure.values = await figure.load(); }
    } catch (error) { return put(strip, el("span.tag.bad", error.message)); }
    key.textContent = figure.label + ": " + figure.note + ". Blue above " + (figure.center || 0) + ", orange below, full colour from " + figure.full + " away; italic: not learned from.";
    put(strip, sample.tokens.texts.map((text, i) => {
      const classes = [shade(figure, figure.values[i]), reasons[i] ? "dim" : ""].filter(Boolean);
      return el("span" + classes.map((c) => "." + c).join(""), { title: tokenLine(sample, figures, reasons, i) }, text === "" ? "·" : text);
    }));
  };
  put(place, select("Colour by", Object.entries(figures).map(([name, f]) => [name, f.label]), mode, (v) => { mode = v; draw(); }), strip, line, key);
  await draw();
}
