#include "runs/report/sample_list.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/files/contained_file.h"
#include "base/files/jsonl.h"
#include "base/json.h"
#include "base/quantity.h"
#include "rl/run/run_directory.h"

namespace gradus::runs {
namespace {

namespace fs = std::filesystem;

std::optional<double> number_or_none(const nlohmann::json& line, const char* key) {
  const auto found = line.find(key);
  if (found == line.end() || !found->is_number()) return std::nullopt;
  return found->get<double>();
}

std::string grade_text(const nlohmann::json& grade) {
  const auto value = number_or_none(grade, "value");
  std::string text = value ? short_number(*value) : grade.value("outcome", "");
  const std::string reason = grade.value("reason", "");
  return reason.empty() ? text : text + " (" + reason + ")";
}

Sample sample_of(const nlohmann::json& line) {
  Sample sample;
  sample.step = line.value("step", int64_t{0});
  sample.index = line.value("index", 0);
  sample.prompt_id = line.value("prompt_id", "");
  sample.prompt = line.value("prompt", "");
  sample.completion = line.value("completion", "");
  sample.finish = line.value("finish", "");
  sample.error = line.value("error", "");
  sample.num_tokens = line.value("num_tokens", int64_t{0});
  sample.reward = number_or_none(line, "reward");
  sample.advantage = number_or_none(line, "advantage");
  const auto grades = line.find("grades");
  if (grades != line.end() && grades->is_object()) {
    for (const auto& [rule, grade] : grades->items()) {
      if (grade.is_object()) sample.grades.emplace_back(rule, grade_text(grade));
    }
  }
  return sample;
}

// Evaluations' files are named eval-...: they hold problems, not groups.
std::vector<fs::path> step_files(const fs::path& folder) {
  std::vector<fs::path> files;
  if (!fs::is_directory(folder)) return files;
  for (const auto& entry : fs::directory_iterator(folder)) {
    const bool is_step = rl::step_of_name(entry.path().stem().string()) >= 0;
    if (is_step && entry.path().extension() == ".jsonl") files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  return files;
}

std::vector<Sample> read_file_samples(const fs::path& path) {
  check_stays_inside(path);  // they are shown, and the folder may be another's
  std::vector<Sample> samples;
  LineReader lines(path);
  while (const auto line = lines.next()) {
    const auto json = parse_json(line->text, lines.where());
    if (!json.is_object()) throw FileError(lines.where(), "bad_sample", "is not a JSON object");
    try {
      samples.push_back(sample_of(json));
    } catch (const nlohmann::json::exception& error) {
      throw FileError(lines.where(), "bad_sample", error.what());
    }
  }
  return samples;
}

/// The first whole groups of about `share` completions, one at least.
void take_groups(const std::vector<Sample>& from, size_t share, std::vector<Sample>& to) {
  for (size_t i = 0; i < from.size(); ++i) {
    const bool begins_group = i == 0 || from[i].prompt_id != from[i - 1].prompt_id;
    if (begins_group && i >= share) return;
    to.push_back(from[i]);
  }
}

}  // namespace

std::string sample_title(const std::string& prompt) {
  constexpr size_t kLongest = 160;
  constexpr size_t kShown = 150;
  const auto begin = prompt.find_first_not_of(" \t\n");
  if (begin == std::string::npos) return "(empty prompt)";
  if (prompt.size() <= kLongest) return prompt.substr(begin);
  size_t cut = prompt.size() - kShown;
  while (cut < prompt.size() && (static_cast<unsigned char>(prompt[cut]) & 0xC0U) == 0x80U) ++cut;
  return "…" + prompt.substr(cut);
}

SampleList read_samples(const fs::path& samples_folder, size_t limit) {
  const auto files = step_files(samples_folder);
  SampleList list;
  list.num_files = static_cast<int64_t>(files.size());
  constexpr size_t kFewestPerFile = 16;
  const size_t wanted_files =
      std::clamp<size_t>(limit / kFewestPerFile, 1, std::max<size_t>(files.size(), 1));
  size_t next = 0;
  for (size_t i = 0; i < files.size(); ++i) {
    const auto samples = read_file_samples(files[i]);
    list.num_in_files += static_cast<int64_t>(samples.size());
    const size_t due =
        wanted_files == 1 ? files.size() - 1 : next * (files.size() - 1) / (wanted_files - 1);
    if (i != due || next >= wanted_files) continue;
    ++next;
    take_groups(samples, limit / wanted_files, list.samples);
  }
  return list;
}

}  // namespace gradus::runs
