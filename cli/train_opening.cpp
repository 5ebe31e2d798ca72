#include "cli/train_opening.h"

#include <fmt/format.h>

#include <algorithm>
#include <sstream>

#include "base/printable.h"
#include "base/quantity.h"

namespace gradus::cli {
namespace {

constexpr int kLabelColumns = 8;
constexpr int kMostPromptLines = 6;
constexpr size_t kMostPromptBytes = 600;

bool begins_character(char c) {
  return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U;
}

std::string labelled(const char* label, const std::string& text, int columns) {
  return cut_to_columns(fmt::format("{:<{}}{}", label, kLabelColumns, text), columns) + "\n";
}

// The end of a path says more than its beginning.
std::string path_line(const char* label, const std::string& path, const std::string& more,
                      int columns) {
  const auto room = static_cast<size_t>(std::max(columns - kLabelColumns, 12));
  std::string shown = printable(path);
  if (shown.size() + more.size() > room && shown.size() > 4) {
    size_t begin =
        shown.size() - std::min(shown.size(), room - std::min(room - 8, more.size()) - 3);
    while (begin < shown.size() && !begins_character(shown[begin])) ++begin;
    if (begin > 0) shown = "..." + shown.substr(begin);
  }
  return labelled(label, shown + more, columns);
}

std::string parameters_text(const rl::RunOpening& opening) {
  const std::string all = count_text(static_cast<double>(opening.num_parameters));
  const std::string trained =
      opening.num_trained >= opening.num_parameters
          ? "all of them trained"
          : count_text(static_cast<double>(opening.num_trained)) + " of them trained";
  return fmt::format(" ({}{} parameters, {})", opening.is_fresh ? "new, " : "", all, trained);
}

std::string rows_text(const rl::RunOpening& opening) {
  std::string text = opening.num_rows > 0 ? exact_text(opening.num_rows) : "generated, without end";
  if (opening.num_left_out > 0) text += fmt::format(" ({} left out)", opening.num_left_out);
  return text;
}

std::string first_text(const rl::RunOpening& opening, int columns) {
  const std::string start = opening.first_text.substr(0, kMostPromptBytes);
  std::string block = labelled(
      "prompt", fmt::format("the first one, {} tokens:", opening.first_text_tokens), columns);
  std::istringstream lines(start);
  int shown = 0;
  for (std::string line; shown < kMostPromptLines && std::getline(lines, line); ++shown)
    block += cut_to_columns("  | " + printable(line), columns) + "\n";
  const bool is_cut = !lines.eof() || start.size() < opening.first_text.size();
  return is_cut ? block + "  | ...\n" : block;
}

}  // namespace

std::string cut_to_columns(const std::string& text, int columns) {
  constexpr int kMark = 3;
  int used = 0;
  size_t fitting = text.size();
  for (size_t i = 0; i < text.size(); ++i) {
    if (!begins_character(text[i])) continue;
    if (used == std::max(columns - kMark, 0)) fitting = i;
    if (++used > columns) return text.substr(0, fitting) + "...";
  }
  return text;
}

std::string opening_block(const rl::RunOpening& opening, int64_t step, int64_t steps, int columns) {
  std::string block = path_line("model", opening.model, parameters_text(opening), columns);
  block += labelled("task",
                    fmt::format("{}, {}", opening.task,
                                step > 0 ? fmt::format("goes on after step {} of {}", step, steps)
                                         : fmt::format("{} steps", steps)),
                    columns);
  if (opening.num_rows >= 0) block += labelled("rows", rows_text(opening), columns);
  block += path_line("folder", opening.directory.string(), "", columns);
  block += labelled("memory",
                    fmt::format("about {} at most; {} are free",
                                bytes_text(static_cast<double>(opening.memory_bytes)),
                                bytes_text(static_cast<double>(opening.free_bytes))),
                    columns);
  if (!opening.first_text.empty()) block += first_text(opening, columns);
  return block;
}

}  // namespace gradus::cli
