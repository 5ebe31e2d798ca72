#include "runs/report/page_style.h"

namespace gradus::runs {

const char* const kPageStyle = R"css(
:root { color-scheme: light dark; --ink: #1c2024; --soft: #60666f; --line: #e3e6ea; --paper: #ffffff;
  --panel: #f7f8fa; --c0: #2f6fde; --c1: #d9730d; --c2: #0f9d58; --c3: #9a4fd0; --good: #0b8043; --bad: #c5362c; }
@media (prefers-color-scheme: dark) { :root { --ink: #e8eaed; --soft: #9aa3af; --line: #30353c;
  --paper: #15181c; --panel: #1d2126; --c0: #76a7fa; --c1: #f2a65a; --c2: #5bc98c; --c3: #c79bf0; --good: #66c58c; --bad: #f08a80; } }
* { box-sizing: border-box; }
html { overflow-wrap: anywhere; }
body { margin: 0 auto; padding: 2.5rem 1.25rem 5rem; max-width: 1180px; background: var(--paper); color: var(--ink);
  font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif; }
h1 { font-size: 1.7rem; margin: 0; letter-spacing: -0.01em; }
h2 { font-size: 1.15rem; margin: 2.8rem 0 0.9rem; }
p.lead { color: var(--soft); margin: 0.25rem 0 1.5rem; }
.facts { display: grid; grid-template-columns: repeat(auto-fit, minmax(150px, 1fr)); gap: 0.75rem; margin: 0; padding: 0; }
.facts div { background: var(--panel); border: 1px solid var(--line); border-radius: 10px; padding: 0.7rem 0.9rem; }
.facts dt { color: var(--soft); font-size: 0.8rem; }
.facts dd { margin: 0; font-size: 1.35rem; font-weight: 600; font-variant-numeric: tabular-nums; }
.facts dd small { display: block; font-size: 0.78rem; font-weight: 400; color: var(--soft); }
.charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 430px), 1fr)); gap: 1rem; }
.chart { position: relative; min-width: 0; margin: 0; background: var(--panel); border: 1px solid var(--line); border-radius: 10px; padding: 0.8rem 0.9rem 0.4rem; }
.chart figcaption b { font-weight: 600; }
.chart figcaption small { display: block; color: var(--soft); font-size: 0.8rem; min-height: 1.2em; }
.chart svg { width: 100%; height: auto; display: block; margin-top: 0.3rem; }
.legend { float: right; font-size: 0.8rem; color: var(--soft); }
.key { margin-left: 0.8rem; }
.key::before { content: ""; display: inline-block; width: 0.7em; height: 0.7em; border-radius: 50%; margin-right: 0.35em; background: var(--c); }
.c0 { --c: var(--c0); } .c1 { --c: var(--c1); } .c2 { --c: var(--c2); } .c3 { --c: var(--c3); }
svg .grid { stroke: var(--line); } svg .axis { stroke: var(--soft); }
svg .mark { fill: var(--soft); font-size: 12px; font-variant-numeric: tabular-nums; }
svg path { fill: none; stroke: var(--c); stroke-linejoin: round; stroke-linecap: round; }
svg .line { stroke-width: 2; } svg .faint { stroke-width: 1; opacity: 0.35; }
svg .band { fill: var(--c); stroke: none; opacity: 0.15; }
svg .dot { fill: var(--c); } svg .dot:hover { r: 5; }
.values { position: absolute; top: 3.2rem; left: 4.5rem; display: none; pointer-events: none; white-space: pre-line; padding: 0.3rem 0.6rem;
  border: 1px solid var(--line); border-radius: 7px; background: var(--paper); font-size: 0.8rem; font-variant-numeric: tabular-nums; }
.values.shown { display: block; } .values.right { left: auto; right: 1.5rem; }
svg .pointer { stroke: var(--soft); stroke-dasharray: 3 3; }
.answer { display: grid; grid-template-columns: max-content 1fr; gap: 0.1rem 0.9rem; margin: 0.2rem 0 0.6rem; }
.answer dt { color: var(--soft); } .answer dd { margin: 0; font-family: ui-monospace, Menlo, Consolas, monospace; font-size: 0.87rem; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th, td { padding: 0.4rem 0.8rem; text-align: right; border-bottom: 1px solid var(--line); white-space: nowrap; }
th { color: var(--soft); font-weight: 500; font-size: 0.85rem; }
th:first-child, td:first-child { text-align: left; padding-left: 0; }
tfoot td { font-weight: 600; border-bottom: none; }
.filter { display: flex; flex-wrap: wrap; gap: 0.6rem 1rem; align-items: center; margin-bottom: 1rem; color: var(--soft); }
.filter select, .filter input { font: inherit; color: var(--ink); background: var(--panel); border: 1px solid var(--line);
  border-radius: 7px; padding: 0.25rem 0.5rem; }
.filter input[type=search] { min-width: 13rem; }
.sample { border: 1px solid var(--line); border-radius: 10px; margin: 0 0 0.6rem; background: var(--panel); }
.sample > summary { cursor: pointer; padding: 0.5rem 0.9rem; display: flex; gap: 0.9rem; align-items: baseline; list-style: none; }
.sample > summary::-webkit-details-marker { display: none; }
.sample .title { flex: 1; min-width: 0; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
.tag { color: var(--soft); font-size: 0.83rem; white-space: nowrap; font-variant-numeric: tabular-nums; }
.up { color: var(--good); } .down { color: var(--bad); }
.sample .body { padding: 0 0.9rem 0.8rem; }
pre { white-space: pre-wrap; overflow-wrap: anywhere; margin: 0.3rem 0 0.8rem; padding: 0.7rem 0.9rem; border-radius: 8px;
  background: var(--paper); border: 1px solid var(--line); font: 13px/1.5 ui-monospace, SFMono-Regular, Menlo, Consolas, monospace;
  max-height: 30rem; overflow-y: auto; }
.body h3 { font-size: 0.8rem; font-weight: 500; color: var(--soft); margin: 0.4rem 0 0; }
.note { color: var(--soft); font-size: 0.9rem; }
details.recipe summary { cursor: pointer; color: var(--soft); }
footer { margin-top: 3rem; color: var(--soft); font-size: 0.85rem; }
@media (max-width: 600px) {
  body { padding: 1.5rem 0.9rem 3rem; }
  .sample > summary { flex-wrap: wrap; gap: 0.1rem 0.8rem; }
  .sample .title { flex: 1 0 100%; order: -1; }
  .filter input[type=search] { min-width: 0; width: 9rem; }
  .facts { grid-template-columns: repeat(auto-fit, minmax(130px, 1fr)); }
  svg .mark { font-size: 16px; }
}
@media print { .filter { display: none; } .chart, .facts div { break-inside: avoid; } }
)css";

const char* const kPageScript = R"js(
(() => {
  for (const form of document.querySelectorAll('.browse .filter')) {
    const samples = [...form.closest('.browse').querySelectorAll('.sample')];
    const count = form.querySelector('output');
    const chosen = (name) => form.elements[name] ? form.elements[name].value : '';
    const fits = (sample) => {
      const step = chosen('step'), kind = chosen('kind'), text = chosen('text').toLowerCase();
      const set = form.elements.set ? form.elements.set.value : '*';
      const reward = sample.dataset.reward ? Number(sample.dataset.reward) : NaN;
      const low = chosen('low') === '' ? -Infinity : Number(chosen('low'));
      const high = chosen('high') === '' ? Infinity : Number(chosen('high'));
      const any_reward = low === -Infinity && high === Infinity;
      return (step === '' || sample.dataset.step === step) && (any_reward || (reward >= low && reward <= high)) &&
        (set === '*' || sample.dataset.set === set) && (kind === '' || sample.dataset.kind.split(' ').includes(kind)) &&
        (text === '' || sample.textContent.toLowerCase().includes(text));
    };
    const show = () => {
      let shown = 0;
      for (const sample of samples) { sample.hidden = !fits(sample); if (!sample.hidden) ++shown; }
      count.textContent = shown + ' of ' + samples.length + ' shown';
    };
    form.addEventListener('input', show);
    form.addEventListener('submit', (event) => event.preventDefault());
    show();
  }
  for (const figure of document.querySelectorAll('.chart')) {
    const svg = figure.querySelector('svg'), values = figure.querySelector('.values');
    const curves = [...svg.querySelectorAll('.probe')].map((probe) => ({ name: probe.dataset.name,
      points: probe.dataset.values.split('|').filter((value) => value).map((value) => {
        const [x, step, ...rest] = value.split(':');
        return { x: Number(x), step, text: rest.join(':') }; }) })).filter((curve) => curve.points.length > 0);
    const line = document.createElementNS(svg.namespaceURI, 'line');
    line.setAttribute('class', 'pointer');
    const hide = () => { values.classList.remove('shown'); line.remove(); };
    const show = (event) => {
      const box = svg.getBoundingClientRect(), whole = svg.viewBox.baseVal.width;
      const at = (event.clientX - box.left) / box.width * whole;
      const nearest = (points) => points.reduce((best, point) => Math.abs(point.x - at) < Math.abs(best.x - at) ? point : best);
      const all = curves.map((curve) => nearest(curve.points));
      if (all.length === 0) return;
      const here = nearest(all);
      values.textContent = 'step ' + here.step + all.map((point, i) => '\n' + curves[i].name + ' ' + point.text +
        (point.step === here.step ? '' : ' (step ' + point.step + ')')).join('');
      values.classList.add('shown');
      values.classList.toggle('right', at < whole / 2);
      for (const [name, value] of [['x1', here.x], ['x2', here.x], ['y1', 10], ['y2', svg.viewBox.baseVal.height - 30]]) line.setAttribute(name, value);
      svg.append(line);
    };
    svg.addEventListener('pointermove', show);
    svg.addEventListener('pointerdown', show);
    svg.addEventListener('pointerleave', hide);
  }
})();
)js";

}  // namespace gradus::runs
