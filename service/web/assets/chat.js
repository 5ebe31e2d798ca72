// A chat with one model or two side by side. Turns form a tree: editing or asking again makes a branch.
import { el, put, select, notice, number } from "./dom.js";
import { get, stream } from "./api.js";

/** A turn: what the user said, an answer a column, and the branches behind it. */
function newTurn(parent, text) {
  return { parent, text, answers: [], children: [], chosen: -1 };
}

const kNone = "";

/** Thinking that the server left in the text: [thinking, rest]. */
function thinkingOf(answer) {
  const text = answer.text.trimStart();
  if (answer.thinking || !text.startsWith("<think>")) return [answer.thinking, answer.text];
  const end = text.indexOf("</think>");
  return end < 0 ? [text.slice(7).trim(), ""] : [text.slice(7, end).trim(), text.slice(end + 8).trimStart()];
}

export async function showChat(main, signal) {
  const models = (await get("/v1/models")).data.map((m) => m.id);
  let wanted = [];
  try { wanted = JSON.parse(sessionStorage.getItem("chat-models") || "[]"); } catch { /* none */ }
  const columns = [models.includes(wanted[0]) ? wanted[0] : models[0], models.includes(wanted[1]) && wanted[1] !== wanted[0] ? wanted[1] : kNone];
  const settings = { temperature: 0.7, max_tokens: 256, system: "" };
  const root = newTurn(null, "");
  let running = null;
  const log = el("div.chat", { "aria-live": "off" });
  const input = el("textarea", { "aria-label": "Message", placeholder: "Message; Enter sends, Shift+Enter makes a new line" });
  const sendButton = el("button.main", { type: "submit" }, "Send");
  const stopButton = el("button", { type: "button", hidden: true, onclick: () => running?.abort() }, "Stop");
  const status = el("span.small.faint", { role: "status" });

  const path = () => {
    const turns = [];
    for (let turn = root; turn.chosen >= 0;) { turn = turn.children[turn.chosen]; turns.push(turn); }
    return turns;
  };
  const messagesBefore = (turn, column) => {
    const list = [];
    for (let t = turn.parent; t && t !== root; t = t.parent) {
      const answer = t.answers[column] || t.answers[0];
      list.unshift({ role: "user", content: t.text }, { role: "assistant", content: answer ? answer.text : "" });
    }
    if (settings.system) list.unshift({ role: "system", content: settings.system });
    list.push({ role: "user", content: turn.text });
    return list;
  };

  const ask = async (parent, text) => {
    if (running) return;
    const turn = newTurn(parent, text);
    parent.children.push(turn);
    parent.chosen = parent.children.length - 1;
    running = new AbortController();
    signal.addEventListener("abort", () => running?.abort());
    const chosen = columns.filter((m) => m !== kNone);
    turn.answers = chosen.map((model) => ({ model, text: "", thinking: "", stats: "", error: "" }));
    sendButton.disabled = true;
    stopButton.hidden = false;
    draw();
    await Promise.all(turn.answers.map((answer, i) => fill(turn, answer, i)));
    running = null;
    sendButton.disabled = false;
    stopButton.hidden = true;
    status.textContent = "Answered.";
    draw();
  };

  const fill = async (turn, answer, column) => {
    const begin = performance.now();
    let pieces = 0;
    try {
      const body = { model: answer.model, messages: messagesBefore(turn, column), stream: true, temperature: settings.temperature, max_tokens: settings.max_tokens, stream_options: { include_usage: true } };
      for await (const piece of stream("/v1/chat/completions", body, running.signal)) {
        const delta = piece.choices?.[0]?.delta || {};
        if (delta.content) answer.text += delta.content;
        if (delta.reasoning_content) answer.thinking += delta.reasoning_content;
        if (delta.content || delta.reasoning_content) ++pieces;
        if (piece.usage) pieces = piece.usage.completion_tokens;
        const seconds = (performance.now() - begin) / 1000;
        answer.stats = pieces + " tokens, " + number(pieces / Math.max(0.001, seconds), 3) + " a second";
        paint(answer);
      }
    } catch (error) {
      answer.error = error.name === "AbortError" ? "stopped" : error.message;
    }
    paint(answer);
  };

  const paint = (answer) => {
    const places = answer.places;
    if (!places) return;
    const [thinking, text] = thinkingOf(answer);
    places.text.textContent = text;
    places.thinking.textContent = thinking;
    places.fold.hidden = !thinking;
    places.stats.textContent = [answer.stats, answer.error].filter(Boolean).join(" · ");
  };

  const answerView = (answer) => {
    const thinking = el("pre"), text = el("pre"), stats = el("p.small.faint");
    const fold = el("details.thinking", { open: true }, el("summary", "Thinking"), thinking);
    answer.places = { thinking, text, stats, fold };
    const view = el("article.card", el("h3", answer.model), fold, text, stats);
    paint(answer);
    return view;
  };

  const turnView = (turn) => {
    const siblings = turn.parent.children;
    const at = siblings.indexOf(turn);
    const move = (by) => { turn.parent.chosen = at + by; draw(); };
    const branches = siblings.length > 1 ? el("span.row",
      el("button.quiet", { "aria-label": "Previous branch", disabled: at === 0, onclick: () => move(-1) }, "‹"),
      el("span.small", (at + 1) + " / " + siblings.length),
      el("button.quiet", { "aria-label": "Next branch", disabled: at === siblings.length - 1, onclick: () => move(1) }, "›")) : null;
    const said = el("div.turn-user");
    const show = () => put(said, el("pre", turn.text), el("div.row", branches,
      el("button.quiet", { disabled: running !== null, onclick: edit }, "Edit"),
      el("button.quiet", { disabled: running !== null, onclick: () => ask(turn.parent, turn.text) }, "Ask again")));
    const edit = () => {
      const field = el("textarea", { "aria-label": "Edit the message", value: turn.text });
      put(said, field, el("div.row", el("button.main", { onclick: () => ask(turn.parent, field.value) }, "Send as a new branch"), el("button", { onclick: show }, "Cancel")));
      field.focus();
    };
    show();
    return el("section", said, el("div.columns", turn.answers.map(answerView)));
  };

  const draw = () => put(log, path().map(turnView));
  const choices = models.map((m) => [m, m]);
  const remember = () => sessionStorage.setItem("chat-models", JSON.stringify(columns));
  const form = el("form", { onsubmit: (event) => {
    event.preventDefault();
    const text = input.value.trim();
    if (!text || running) return;
    input.value = "";
    const turns = path();
    ask(turns.length ? turns[turns.length - 1] : root, text);
  } }, input, el("div.row", sendButton, stopButton, status));
  input.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && !event.shiftKey && !event.isComposing) { event.preventDefault(); form.requestSubmit(); }
  });
  put(main, el("h1", "Chat"),
    el("div.row.ends",
      select("Model", choices, columns[0], (v) => { columns[0] = v; remember(); }),
      select("Beside it", [[kNone, "none"], ...choices], columns[1], (v) => { columns[1] = v; remember(); }),
      el("label", "Temperature", el("input", { type: "number", min: 0, max: 2, step: 0.1, value: settings.temperature, onchange: (e) => { settings.temperature = Number(e.target.value); } })),
      el("label", "Longest answer", el("input", { type: "number", min: 1, max: 100000, value: settings.max_tokens, onchange: (e) => { settings.max_tokens = Number(e.target.value); } })),
      el("button", { onclick: () => { if (running) return notice("It is still answering."); root.children = []; root.chosen = -1; draw(); input.focus(); } }, "New chat")),
    el("details", el("summary", "System message"), el("textarea", { "aria-label": "System message", onchange: (e) => { settings.system = e.target.value; } })),
    log, form);
  draw();
  input.focus();
}
