// A grader tried on a row before a job is made of it.
import { el, put, number, select, notice } from "./dom.js";
import { get, send, beginning } from "./api.js";

const kExamples = {
  "text equals": { type: "string_check", name: "exact", input: "{{sample.output_text}}", reference: "{{item.answer}}", operation: "like" },
  "text is similar": { type: "text_similarity", name: "similar", input: "{{sample.output_text}}", reference: "{{item.answer}}", evaluation_metric: "fuzzy_match" },
  "Python": { type: "python", name: "code", source: "def grade(sample, item):\n    return 1.0 if item['answer'] in sample['output_text'] else 0.0\n" },
  "several": { type: "multi", name: "both", graders: {
    right: { type: "string_check", name: "right", input: "{{sample.output_text}}", reference: "{{item.answer}}", operation: "like" },
    near: { type: "text_similarity", name: "near", input: "{{sample.output_text}}", reference: "{{item.answer}}", evaluation_metric: "fuzzy_match" } },
  calculate_output: "0.8 * right + 0.2 * near" },
};

function area(label, value, isCode, rows) {
  const field = el(isCode ? "textarea.code" : "textarea", { value, rows, spellcheck: isCode ? "false" : null });
  return [el("label.wide", label, field), field];
}

function parsed(field, what) {
  try { return JSON.parse(field.value || "{}"); } catch (error) { throw new Error(what + " is not JSON: " + error.message); }
}

function resultView(answer) {
  const meta = answer.metadata || {};
  const errors = Object.entries(meta.errors || {}).filter(([, v]) => v && v !== false);
  return el("div.card." + (errors.length ? "down" : "up"),
    el("h3", "Reward ", el("span.tag", number(answer.reward))),
    errors.length ? el("ul.notes", errors.map(([name, value]) => el("li.note-alarm", name.replaceAll("_", " ") + (value === true ? "" : ": " + (typeof value === "string" ? value : JSON.stringify(value)))))) : null,
    answer.sub_rewards && Object.keys(answer.sub_rewards).length ? el("dl", Object.entries(answer.sub_rewards).map(([name, value]) => [el("dt", name), el("dd", number(value))])) : null,
    el("details", el("summary", "All of the answer"), el("pre.box", { tabindex: 0 }, JSON.stringify(answer, null, 2))));
}

export async function showGraders(main, signal, may) {
  const [graderLabel, grader] = area("Grader (OpenAI's JSON form)", JSON.stringify(kExamples["text equals"], null, 2), true, 14);
  const [itemLabel, item] = area("Row (item)", '{\n  "answer": "5"\n}', true, 5);
  const [sampleLabel, sample] = area("The model's answer (sample.output_text)", "5", false, 5);
  const result = el("div", { role: "status" });
  const run = async (event) => {
    event.preventDefault();
    try {
      put(result, el("p.faint", "Grading …"));
      put(result, resultView(await send("POST", "/v1/fine_tuning/alpha/graders/run", {
        grader: parsed(grader, "The grader"), item: parsed(item, "The row"), model_sample: sample.value })));
    } catch (error) { put(result, el("p", el("span.tag.bad", "refused"), " ", error.message)); }
  };
  const files = may("files") ? (await get("/v1/files?purpose=fine-tune&limit=100")).data : [];
  const takeRow = async (id) => {
    if (!id) return;
    try {
      const line = (await beginning("/v1/files/" + id + "/content")).split("\n").find((l) => l.trim());
      item.value = JSON.stringify(JSON.parse(line), null, 2);
    } catch (error) { notice(error.message); }
  };
  put(main, el("h1", "Graders"),
    el("p", "What a grader says of one answer, before a job is made of it. Jobs learn best where a third to a half of the answers fail at the start."),
    el("form", { onsubmit: run },
      el("div.row.ends", select("Begin with", Object.keys(kExamples).map((n) => [n, n]), "text equals", (v) => { grader.value = JSON.stringify(kExamples[v], null, 2); }),
        files.length ? select("First row of", [["", "no file"], ...files.map((f) => [f.id, f.filename])], "", takeRow) : null),
      el("div.pair", graderLabel, el("div", itemLabel, sampleLabel)),
      el("p", el("button.main", "Grade"))),
    result);
}
