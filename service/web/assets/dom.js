// Elements and texts. What models and files say goes through textContent alone.

/** el("a.tag.good", {href, onclick}, child...): children are elements or texts; null is left out. */
export function el(what, ...rest) {
  const [tag, ...classes] = what.split(".");
  const element = document.createElement(tag || "div");
  if (classes.length) element.className = classes.join(" ");
  for (const part of rest.flat(3)) {
    if (part === null || part === undefined || part === false) continue;
    if (part instanceof Node) element.append(part);
    else if (typeof part === "object") set(element, part);
    else element.append(document.createTextNode(String(part)));
  }
  return element;
}

function set(element, fields) {
  for (const [name, value] of Object.entries(fields)) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "value" || name === "checked" || name === "disabled" || name === "selected") element[name] = value;
    else element.setAttribute(name, value === true ? "" : String(value));
  }
}

const kSvg = "http://www.w3.org/2000/svg";
export function svg(tag, fields, ...children) {
  const element = document.createElementNS(kSvg, tag);
  for (const [name, value] of Object.entries(fields)) element.setAttribute(name, String(value));
  element.append(...children);
  return element;
}

export function put(parent, ...children) {
  parent.replaceChildren(...children.flat(3).filter((c) => c !== null && c !== undefined && c !== false));
}

export function number(value, digits = 4) {
  if (value === null || value === undefined || Number.isNaN(value)) return "–";
  const size = Math.abs(value);
  if (value !== 0 && (size < 1e-3 || size >= 1e7)) return value.toExponential(2);
  return Number(value.toPrecision(digits)).toLocaleString("en-US", { maximumFractionDigits: 6 });
}

export function share(value) {
  return value === null || value === undefined ? "–" : (100 * value).toFixed(1) + " %";
}

export function duration(seconds) {
  if (seconds === null || seconds === undefined) return "–";
  if (seconds > 0 && seconds < 1) return number(1000 * seconds, 3) + " ms";
  if (seconds < 60) return seconds.toFixed(seconds < 10 ? 1 : 0) + " s";
  if (seconds < 3600) return Math.floor(seconds / 60) + " min " + Math.round(seconds % 60) + " s";
  if (seconds < 172800) return Math.floor(seconds / 3600) + " h " + Math.round((seconds % 3600) / 60) + " min";
  return (seconds / 86400).toFixed(1) + " days";
}

export function bytes(count) {
  const units = ["B", "KB", "MB", "GB", "TB"];
  let unit = 0;
  while (count >= 1000 && unit < 4) { count /= 1000; ++unit; }
  return (unit ? count.toFixed(1) : count) + " " + units[unit];
}

export function time(seconds) {
  return seconds ? new Date(seconds * 1000).toLocaleString() : "–";
}

/** Of the form that runs write: 2026-11-29T08:07:35Z. */
export function timeOf(text) {
  const date = new Date(text);
  return Number.isNaN(date.getTime()) ? text || "–" : date.toLocaleString();
}

/** rows: arrays of cells (elements, texts, {num: text}); on a phone each row is a card. */
export function table(columns, rows, caption) {
  const cell = (value, i) => {
    const isNumber = value !== null && typeof value === "object" && !(value instanceof Node) && "num" in value;
    return el(isNumber ? "td.num" : "td", { "data-label": columns[i] }, isNumber ? value.num : value);
  };
  const isNumbers = (i) => rows.length > 0 && rows[0][i] !== null && typeof rows[0][i] === "object" && "num" in rows[0][i];
  return el("div.scroll", { tabindex: 0, role: "region", "aria-label": caption },
    el("table.stack", el("thead", el("tr", columns.map((c, i) => el(isNumbers(i) ? "th.num" : "th", { scope: "col" }, c)))),
      el("tbody", rows.map((row) => el("tr", row.map(cell))))));
}

export function facts(pairs) {
  return el("dl.facts", pairs.filter(Boolean).map(([name, value, detail]) =>
    el("div", el("dt", name), el("dd", value, detail ? el("small", detail) : null))));
}

export function stateTag(state) {
  const kind = { succeeded: "good", finished: "good", running: "good", failed: "bad", killed: "bad", unreadable: "bad", cancelled: "warn", paused: "warn", stopped: "warn" }[state];
  return el(kind ? "span.tag." + kind : "span.tag", state || "waiting");
}

let noticeTimer = 0;
export function notice(text) {
  const place = document.getElementById("notice");
  place.textContent = text;
  clearTimeout(noticeTimer);
  noticeTimer = setTimeout(() => { place.textContent = ""; }, 6000);
}

export function select(label, choices, chosen, onchange) {
  const list = el("select", { onchange: () => onchange(list.value) }, choices.map(([value, text]) =>
    el("option", { value, selected: String(value) === String(chosen) }, text)));
  return el("label", label, list);
}
