// Files, models and keys.
import { el, put, bytes, table, time, notice } from "./dom.js";
import { get, send, upload } from "./api.js";

function removeButton(label, question, work) {
  return el("button", { "aria-label": label, onclick: async () => {
    if (!confirm(question)) return;
    try { await work(); } catch (error) { notice(error.message); }
  } }, label.split(" ")[0]);
}

export async function showFiles(main, signal) {
  const draw = async () => {
    const files = (await get("/v1/files?limit=1000")).data;
    if (signal.aborted) return;
    put(list, files.length ? table(["Name", "Purpose", "Size", "When", "Id", ""], files.map((file) => [
      el("a", { href: "/v1/files/" + file.id + "/content", download: file.filename }, file.filename), file.purpose, { num: bytes(file.bytes) }, time(file.created_at), el("code", file.id),
      removeButton("Delete " + file.filename, "Delete " + file.filename + "?", async () => { await send("DELETE", "/v1/files/" + file.id); draw(); })]), "Files") : el("p.faint", "No files yet."));
  };
  const list = el("div");
  const field = el("input", { type: "file", required: true });
  put(main, el("h1", "Files"),
    el("form.row.ends", { onsubmit: async (event) => {
      event.preventDefault();
      try { await upload(field.files[0], "fine-tune"); notice("It is uploaded."); event.target.reset(); draw(); } catch (error) { notice(error.message); }
    } }, el("label", "Rows as JSONL", field), el("button.main", "Upload")), list);
  await draw();
}

export async function showModels(main, signal, may) {
  const draw = async () => {
    const models = (await get("/v1/models")).data;
    if (signal.aborted) return;
    put(main, el("h1", "Models"), table(["Model", "Of", "Made", ""], models.map((model) => [
      el("code", model.id), model.owned_by, time(model.created),
      el("span.row", el("a", { href: "#/chat", onclick: () => sessionStorage.setItem("chat-models", JSON.stringify([model.id])) }, "Chat"),
        model.id.startsWith("ft:") && may("jobs") ? removeButton("Delete " + model.id, "Delete " + model.id + "? Its weights cannot be asked any more.", async () => { await send("DELETE", "/v1/models/" + encodeURIComponent(model.id)); draw(); }) : null)]), "Models"));
  };
  await draw();
}

export async function showKeys(main, signal) {
  const list = el("div"), made = el("div", { role: "status" });
  const draw = async () => {
    const keys = (await get("/api/gradus/v1/keys")).data;
    if (signal.aborted) return;
    put(list, keys.length ? table(["Name", "Begins", "Scopes", "Made", "Last used", "Ends", ""], keys.map((key) => [
      key.name, el("code", key.begins + "…"), key.scopes.join(", "), time(key.created), time(key.last_used), key.revoked ? el("span.tag.bad", "revoked") : key.expires ? time(key.expires) : "never",
      key.revoked ? "" : removeButton("Revoke " + key.name, "Revoke " + key.name + "? Whoever uses it is refused at once.", async () => { await send("DELETE", "/api/gradus/v1/keys/" + key.id); draw(); })]), "Keys") : el("p.faint", "This project has no keys."));
  };
  const name = el("input", { required: true, maxlength: 200 });
  const days = el("input", { type: "number", min: 0, max: 36500, value: 0 });
  const scopes = ["infer", "files", "jobs", "metrics", "admin"].map((scope) => el("input", { type: "checkbox", value: scope, checked: ["infer", "files", "jobs"].includes(scope) }));
  put(main, el("h1", "Keys"),
    el("form.row.ends", { onsubmit: async (event) => {
      event.preventDefault();
      try {
        const answer = await send("POST", "/api/gradus/v1/keys", { name: name.value, days: Number(days.value), scopes: scopes.filter((s) => s.checked).map((s) => s.value) });
        put(made, el("p.card.up", "Shown once: ", el("code", answer.key), " ",
          navigator.clipboard ? el("button", { onclick: () => navigator.clipboard.writeText(answer.key).then(() => notice("It is copied."), () => notice("It could not be copied.")) }, "Copy") : null));
        draw();
      } catch (error) { notice(error.message); }
    } }, el("label", "Name", name), el("label", "Days (0: for ever)", days),
    el("fieldset", el("legend.small", "Scopes"), scopes.map((box) => el("span", el("label.inline", box, box.value), " "))), el("button.main", "Make a key")),
    made, list);
  await draw();
}
