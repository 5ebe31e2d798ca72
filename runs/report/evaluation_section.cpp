#include "runs/report/evaluation_section.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "runs/evaluation_files.h"
#include "runs/report/html_text.h"
#include "runs/report/sample_list.h"

namespace gradus::runs {
namespace {

std::string field_html(const char* name, const std::string& value) {
  if (value.empty()) return "";
  return fmt::format("<dt>{}</dt><dd>{}</dd>", name, html_text(value));
}

std::string answer_html(const EvaluatedProblem& problem, const EvaluatedAnswer& answer) {
  const char* verdict = answer.is_right ? "right" : "wrong";
  std::string grades;
  for (const auto& [rule, grade] : answer.grades)
    grades += fmt::format("{}: {}\n", html_text(rule), html_text(grade));
  return fmt::format(
      R"(<details class="sample" data-kind="{} {}" data-set="{}"><summary>)"
      R"(<span class="tag {}"><b>{}</b></span><span class="title">{}</span>)"
      R"(<span class="tag">{} tokens, {}</span></summary><div class="body">)"
      R"(<dl class="answer">{}{}{}</dl>)"
      R"(<h3>Prompt ({})</h3><pre>{}</pre><h3>Completion</h3><pre>{}</pre>{}</div></details>)"
      "\n",
      verdict, html_text(answer.finish), html_text(problem.set), answer.is_right ? "up" : "down",
      verdict, html_text(sample_title(problem.prompt)), answer.num_tokens, html_text(answer.finish),
      field_html("Gold", answer.gold),
      field_html("Answer read", answer.answer.empty() ? "(none)" : answer.answer),
      field_html("Decided by", answer.reason), html_text(problem.id), html_text(problem.prompt),
      html_text(answer.completion),
      grades.empty() ? "" : "<h3>Grades</h3><pre>" + grades + "</pre>");
}

std::string evaluation_filter(const std::vector<EvaluatedProblem>& problems) {
  std::set<std::string> sets;
  for (const auto& problem : problems) sets.insert(problem.set);
  std::string choice;
  if (sets.size() > 1) {
    choice = "<label>Set <select name=\"set\"><option value=\"*\">all</option>";
    for (const auto& set : sets)
      choice += fmt::format("<option value=\"{}\">{}</option>", html_text(set),
                            set.empty() ? "eval.data" : html_text(set));
    choice += "</select></label>";
  }
  return fmt::format(
      "<form class=\"filter\">{}<label>Kind <select name=\"kind\"><option value=\"\">all</option>"
      "<option>right</option><option>wrong</option><option value=\"length\">cut off</option>"
      "</select></label><label>Text <input type=\"search\" name=\"text\"></label>"
      "<output></output></form>\n",
      choice);
}

}  // namespace

std::string evaluation_html(const std::filesystem::path& run, size_t limit) {
  const auto steps = evaluation_steps(run);
  if (steps.empty()) return "";
  const auto problems = read_evaluation(run, steps.back());
  size_t num_answers = 0;
  size_t shown = 0;
  std::string list;
  for (const auto& problem : problems) {
    num_answers += problem.answers.size();
    if (shown >= limit) continue;
    shown += problem.answers.size();
    for (const auto& answer : problem.answers) list += answer_html(problem, answer);
  }
  std::string html =
      fmt::format("<section class=\"browse\"><h2>Held-out problems, step {}</h2>\n", steps.back());
  if (shown < num_answers)
    html += fmt::format(
        "<p class=\"note\">The first {} of {} answers; all are in samples/, as are those of "
        "earlier "
        "evaluations.</p>\n",
        shown, num_answers);
  return html + evaluation_filter(problems) + list + "</section>\n";
}

}  // namespace gradus::runs
