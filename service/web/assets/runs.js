// The list of jobs and watched runs.
import { el, put, number, share, table, time, timeOf, stateTag, notice } from "./dom.js";
import { get, send } from "./api.js";

/** Calls `work` now and every `seconds` until the view ends. */
export async function repeat(signal, seconds, work) {
  await work();
  const tick = async () => {
    if (signal.aborted) return;
    try {
      if (!document.hidden) await work();
    } catch (error) { if (error.status !== 401 && !signal.aborted) notice(error.message); }
    if (!signal.aborted) setTimeout(tick, seconds * 1000);
  };
  setTimeout(tick, seconds * 1000);
}

export function runLink(id, tab = "") {
  return "#/run/" + encodeURIComponent(id) + (tab ? "/" + tab : "");
}

const kActions = { pause: ["running", "queued", "validating_files"], resume: ["paused"], cancel: ["running", "queued", "validating_files", "paused"] };

export function actionButtons(run, after) {
  if (run.kind !== "job") return [];
  return Object.keys(kActions).filter((a) => kActions[a].includes(run.state)).map((action) =>
    el("button", {
      "aria-label": action + " " + run.name,
      onclick: async () => {
        if (action === "cancel" && !confirm("Cancel " + run.name + "? A cancelled job cannot go on.")) return;
        try {
          await send("POST", "/v1/fine_tuning/jobs/" + run.id + "/" + action, {});
          notice(action === "pause" ? "It pauses at its next checkpoint." : "Done.");
          after();
        } catch (error) { notice(error.message); }
      } }, action[0].toUpperCase() + action.slice(1)));
}

export async function showRuns(main, signal) {
  let last = "";
  const draw = async () => {
    const runs = (await get("/api/gradus/v1/runs")).data;
    const text = JSON.stringify(runs);
    if (signal.aborted || text === last) return;
    last = text;
    const rows = runs.map((run) => [
      el("a", { href: runLink(run.id) }, run.name),
      stateTag(run.state),
      { num: run.steps ? run.step + " / " + run.steps : "–" },
      { num: number(run.reward) },
      { num: share(run.accuracy) },
      run.kind === "job" ? run.method + " of " + run.model : "gradus train",
      run.created ? time(run.created) : timeOf(run.updated),
      el("span.row", actionButtons(run, draw)),
    ]);
    put(main, el("h1", "Runs"),
      rows.length ? table(["Name", "State", "Step", "Reward", "Accuracy", "What", "When", ""], rows, "Runs") :
        el("p", "There is no run yet. A fine-tuning job shows here once it is made (",
          el("code", "client.fine_tuning.jobs.create"), "), and runs of ", el("code", "gradus train"), " when the server was started with ",
          el("code", "--watch DIR"), "."));
  };
  await repeat(signal, 3, draw);
}
