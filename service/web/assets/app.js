// The page's frame: who is here, which view, and its life.
import { el, put, notice } from "./dom.js";
import { get, send } from "./api.js";
import { showRuns } from "./runs.js";
import { showRun } from "./run.js";
import { showChat } from "./chat.js";
import { showGraders } from "./graders.js";
import { showFiles, showModels, showKeys } from "./shelves.js";

const views = [
  ["runs", "Runs", "jobs", showRuns],
  ["chat", "Chat", "infer", showChat],
  ["graders", "Graders", "jobs", showGraders],
  ["files", "Files", "files", showFiles],
  ["models", "Models", "infer", showModels],
  ["keys", "Keys", "admin", showKeys],
];
const main = document.getElementById("main");
let session = null;
let life = new AbortController();

export function may(scope) {
  return session.key !== null && (session.key.scopes.includes(scope) || session.key.scopes.includes("admin"));
}

function showNav(current) {
  put(document.getElementById("nav"), session.key ? views.filter((v) => may(v[2])).map(([name, title]) =>
    el("a", { href: "#/" + name, "aria-current": name === current ? "page" : null }, title)) : []);
  put(document.getElementById("who"), session.key && !session.is_open ? [
    el("span.small", session.key.name + " · " + session.key.project),
    el("button", { onclick: logOut }, "Log out")] : []);
}

async function logOut() {
  session = await send("DELETE", "/api/gradus/v1/session");
  route();
}

function showLogin() {
  const field = el("input", { type: "password", autocomplete: "current-password", required: true });
  const problem = el("p", { role: "alert" });
  const form = el("form.login.card", {
    onsubmit: async (event) => {
      event.preventDefault();
      try {
        session = await send("POST", "/api/gradus/v1/session", { key: field.value.trim() });
        route();
      } catch (error) { put(problem, el("span.tag.bad", error.message)); }
    } },
  el("h1", "Log in"),
  el("p", "With a key of this server. Make one with ", el("code", "gradus keys add --data DIR --name NAME"), "."),
  el("p", el("label.wide", "Key", field)), problem, el("button.main", "Log in"));
  document.title = "Gradus";
  put(main, form);
  field.focus();
}

function decoded(part) {
  try { return decodeURIComponent(part); } catch { return part; }
}

async function route() {
  life.abort();
  life = new AbortController();
  const [name, id, tab] = location.hash.replace(/^#\/?/, "").split("/").map(decoded);
  const isRun = name === "run" && id;
  const first = views.find((v) => session.key && may(v[2]));
  const view = views.find((v) => v[0] === name) || first;
  showNav(isRun ? "runs" : view ? view[0] : "");
  if (!session.key) return showLogin();
  if (!view) return put(main, el("h1", "Gradus"), el("p", "The scopes of this key (" + session.key.scopes.join(", ") + ") allow none of the views."));
  document.title = (isRun ? "Run" : view[1]) + " · Gradus";
  put(main, el("p.faint", "Loading …"));
  try {
    if (isRun) await showRun(main, id, tab || "overview", life.signal, may);
    else await view[3](main, life.signal, may);
  } catch (error) {
    if (life.signal.aborted && error.name === "AbortError") return;
    if (error.status === 401) return;
    put(main, el("h1", isRun ? "Run" : view[1]), el("p", { role: "alert" }, el("span.tag.bad", error.message)),
      el("p", el("button", { onclick: route }, "Try again")));
    if (!(error.status >= 0)) console.error(error);
  }
}

addEventListener("hashchange", () => { if (location.hash !== "#main") { route(); main.focus({ preventScroll: true }); } });
addEventListener("gradus-login", () => {
  if (session && session.key) { session = { is_open: false, key: null }; notice("The session has ended."); route(); }
});
document.querySelector(".skip").addEventListener("click", (event) => { event.preventDefault(); main.focus(); });
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => { if (session) route(); });

try {
  session = await get("/api/gradus/v1/session");
  route();
} catch (error) {
  put(main, el("p", { role: "alert" }, error.message));
}
