// Curves by uPlot: hover, zoom by dragging (double click: all), and the same by keys.
import { el, number, share } from "./dom.js";

function color(i) {
  return getComputedStyle(document.documentElement).getPropertyValue("--c" + (i % 6 + 1)).trim();
}

function token(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

/** Exponential running mean, corrected at the start; gaps stay gaps. */
export function runningMean(values, decay) {
  let mean = 0, weight = 0;
  return values.map((value) => {
    if (value === null) return null;
    mean = decay * mean + (1 - decay) * value;
    weight = decay * weight + (1 - decay);
    return mean / weight;
  });
}

const kFewestToSmooth = 50;

/** Short marks of an axis: 5e-4, 0.25, 16k. */
function mark(value) {
  const size = Math.abs(value);
  const digits = (v, end) => String(Number(v.toPrecision(4))) + end;
  if (value === 0) return "0";
  if (size < 1e-3 || size >= 1e9) return String(Number(value.toPrecision(3)).toExponential()).replace("e+", "e");
  return size >= 1e6 ? digits(value / 1e6, "M") : size >= 1e4 ? digits(value / 1e3, "k") : digits(value, "");
}

/** Room above and below; a flat curve lies in the middle. */
function roomy(lo, hi) {
  if (lo === null || hi === null) return [0, 1];
  const room = hi > lo ? (hi - lo) * 0.06 : Math.abs(hi) * 0.1 || 0.5;
  return [lo >= 0 ? Math.max(0, lo - room) : lo - room, hi + room];
}

/** {title, note, series: [[legend, metric]], smooth, isShare, hasBand: the last two are its ends}: a chart that `update(data)` feeds, data = {steps, series}. */
export class Chart {
  constructor(figure) {
    this.figure = figure;
    this.names = [];
    this.plot = null;
    this.place = el("div.plot", {
      tabindex: 0, role: "group",
      "aria-label": figure.title + ": arrow keys move along the curve, plus and minus zoom, 0 shows all",
      onkeydown: (event) => this.key(event) });
    this.said = el("p.small.faint", { "aria-live": "polite" });
    this.root = el("section.chart", el("h3", figure.title, el("span.small.faint", figure.note || "")), this.place, this.said);
    this.observer = new ResizeObserver(() => this.resize());
    this.observer.observe(this.place);
  }

  /** Whether there was anything to draw. */
  update(data, smoothing) {
    const names = this.figure.series.filter(([, metric]) => (data.series[metric] || []).some((v) => v !== null));
    this.root.hidden = names.length === 0;
    if (!names.length) return false;
    const rows = data.steps.map((_, i) => i).filter((i) => names.some(([, m]) => data.series[m][i] !== null));
    const xs = rows.map((i) => data.steps[i]);
    const isSmooth = smoothing > 0 && this.figure.smooth !== false && rows.length >= kFewestToSmooth;
    const ys = names.map(([, metric]) => {
      const values = rows.map((i) => data.series[metric][i]);
      return isSmooth && !metric.startsWith("eval/") ? runningMean(values, smoothing) : values;
    });
    this.data = [xs, ...ys];
    const key = names.map((n) => n[0]).join("|");
    if (!this.plot || key !== this.key_) {
      this.destroyPlot();
      this.key_ = key;
      this.names = names.map((n) => n[0]);
      this.plot = new uPlot(this.options(names, xs.length), this.data, this.place);
    } else {
      const { min, max } = this.plot.scales.x;
      const isZoomed = this.isZoomed;
      this.plot.setData(this.data, !isZoomed);
      if (isZoomed) this.plot.setScale("x", { min, max });
      if (this.plot.cursor.idx === null || this.plot.cursor.idx === undefined) this.showLast(this.plot);
    }
    return true;
  }

  options(names, count) {
    const format = this.figure.isShare ? share : (v) => number(v);
    const axisMark = this.figure.isShare ? (v) => mark(100 * v) + " %" : mark;
    const axis = { stroke: token("--faint"), grid: { stroke: token("--line"), width: 0.5 }, ticks: { stroke: token("--line") } };
    const isEnd = (i) => this.figure.hasBand && i >= names.length - 2;
    const sizeOf = (u, marks) => Math.max(34, 16 + 7 * Math.max(0, ...(marks || []).map((m) => m.length)));
    return {
      width: Math.max(200, this.place.clientWidth), height: 190,
      scales: { x: { time: false, range: (u, lo, hi) => (lo === hi ? [lo - 1, hi + 1] : [lo, hi]) }, y: { range: (u, lo, hi) => roomy(lo, hi) } },
      cursor: { drag: { x: true, y: false }, points: { size: 7 } },
      hooks: {
        setScale: [(u, scale) => { if (scale === "x") this.noteZoom(u); }],
        setCursor: [(u) => { if (u.cursor.idx === null || u.cursor.idx === undefined) this.showLast(u); }],
        ready: [(u) => this.showLast(u)],
      },
      bands: this.figure.hasBand ? [{ series: [names.length, names.length - 1], fill: color(0) + "26" }] : [],
      series: [{ label: "step", value: (u, v) => (v === null || v === undefined ? "–" : v) }].concat(names.map(([label], i) => ({
        label, stroke: isEnd(i) ? color(0) : color(i), width: isEnd(i) ? 0.5 : 1.6, spanGaps: true, value: (u, v) => format(v),
        points: { show: count <= 40 && !isEnd(i), size: 5 } }))),
      axes: [{ ...axis }, { ...axis, size: sizeOf, values: (u, vs) => vs.map(axisMark) }],
    };
  }

  /** Without a pointer the legend shows the newest values. */
  showLast(u) {
    u.setLegend({ idxs: u.data.map((values) => { let i = values.length - 1; while (i > 0 && values[i] === null) --i; return i; }) }, false);
  }

  noteZoom(u) {
    const xs = u.data[0];
    this.isZoomed = xs.length > 1 && (u.scales.x.min > xs[0] || u.scales.x.max < xs[xs.length - 1]);
  }

  key(event) {
    if (!this.plot) return;
    const u = this.plot;
    const xs = this.data[0];
    const last = xs.length - 1;
    const at = u.cursor.idx ?? last;
    const span = u.scales.x.max - u.scales.x.min;
    if (event.key === "ArrowLeft" || event.key === "ArrowRight") {
      this.point(Math.min(last, Math.max(0, at + (event.key === "ArrowLeft" ? -1 : 1))));
    } else if (event.key === "Home" || event.key === "End") {
      this.point(event.key === "Home" ? 0 : last);
    } else if (event.key === "+" || event.key === "-") {
      const half = event.key === "+" ? span / 4 : span;
      const middle = xs[at];
      u.setScale("x", { min: Math.max(xs[0], middle - half), max: Math.min(xs[last], middle + half) });
      this.point(at);
    } else if (event.key === "0" || event.key === "Escape") {
      u.setScale("x", { min: xs[0], max: xs[last] });
    } else return;
    event.preventDefault();
  }

  point(i) {
    const u = this.plot;
    u.setCursor({ left: u.valToPos(this.data[0][i], "x"), top: 10 });
    this.said.textContent = "Step " + this.data[0][i] + ": " + this.names.map((name, k) => name + " " + (this.figure.isShare ? share : number)(this.data[k + 1][i])).join(", ");
  }

  resize() {
    const width = this.place.clientWidth;
    if (this.plot && width > 0 && Math.abs(width - this.plot.width) > 1) this.plot.setSize({ width, height: 190 });
  }

  end() {
    this.observer.disconnect();
    this.destroyPlot();
  }

  destroyPlot() {
    if (this.plot) this.plot.destroy();
    this.plot = null;
  }
}

const kFigures = [
  { title: "Reward", note: "mean of a step", series: [["reward", "reward"], ["deviation", "reward_std"]] },
  { title: "Loss", series: [["loss", "loss"], ["held out", "eval/loss"]] },
  { title: "Completion length", note: "tokens", series: [["mean", "completions/mean_length"], ["longest", "completions/max_length"]] },
  { title: "Entropy", note: "nats a token", series: [["entropy", "entropy"]] },
  { title: "KL to the reference", note: "nats a token", series: [["kl", "kl"]] },
  { title: "Gradient norm", note: "before clipping", series: [["norm", "grad_norm"]] },
  { title: "Groups without signal", note: "share", isShare: true, series: [["share", "frac_reward_zero_std"]] },
  { title: "Cut off", note: "share of completions", isShare: true, series: [["share", "completions/clipped_ratio"]] },
  { title: "Clipped tokens", note: "share", isShare: true, series: [["low", "clip_ratio/low_mean"], ["high", "clip_ratio/high_mean"]] },
  { title: "Sampler against trainer", note: "nats a token", series: [["mean", "sampling/logp_difference/mean"], ["largest", "sampling/logp_difference/max"]] },
  { title: "Learning rate", smooth: false, series: [["rate", "learning_rate"]] },
  { title: "Seconds a step", series: [["step", "time/step"], ["sampling", "time/rollout"], ["grading", "time/rewards"], ["update", "time/update"]] },
  { title: "Speed", note: "tokens a second", series: [["sampled", "perf/tokens_per_s"]] },
];

function between(name, before, after) {
  return name.startsWith(before) && name.endsWith(after) && name.length > before.length + after.length
    ? name.slice(before.length, name.length - after.length) : null;
}

/** The figures of a run: accuracy by set and each rule's before the common ones. */
export function figuresOf(names) {
  const accuracy = names.filter((n) => n === "eval/accuracy" || between(n, "eval/", "/accuracy")).map((n) =>
    [n === "eval/accuracy" ? "accuracy" : between(n, "eval/", "/accuracy"), n]);
  const figures = [];
  if (accuracy.length) {
    const hasBounds = accuracy.length === 1 && names.includes("eval/accuracy/low") && names.includes("eval/accuracy/high");
    const bounds = hasBounds ? [["95 % from", "eval/accuracy/low"], ["to", "eval/accuracy/high"]] : [];
    figures.push({ title: "Accuracy", note: "held out", isShare: true, series: accuracy.concat(bounds), hasBand: bounds.length > 0, smooth: false });
  }
  const rules = names.map((n) => between(n, "rewards/", "/mean")).filter(Boolean);
  const ofRules = rules.map((rule) => ({ title: "Rule " + rule, note: "mean grade",
    series: [["sampled", "rewards/" + rule + "/mean"], ["held out", "eval/rewards/" + rule]] }));
  return figures.concat(kFigures.slice(0, 1), ofRules, kFigures.slice(1));
}
