#include "runs/sample_groups.h"

#include <algorithm>

#include "base/error.h"
#include "base/files/contained_file.h"
#include "base/files/jsonl.h"
#include "base/json.h"
#include "rl/run/run_directory.h"

namespace gradus::runs {

namespace fs = std::filesystem;

std::vector<int64_t> sampled_steps(const fs::path& run) {
  std::vector<int64_t> steps;
  std::error_code missing;
  for (const auto& entry : fs::directory_iterator(run / "samples", missing)) {
    const int64_t step = rl::step_of_name(entry.path().stem().string());
    if (step >= 0 && entry.path().extension() == ".jsonl") steps.push_back(step);
  }
  std::ranges::sort(steps);
  return steps;
}

GroupPage read_groups(const fs::path& run, int64_t step, int64_t first, int64_t limit) {
  const fs::path path = run / "samples" / (rl::step_name(step) + ".jsonl");
  check_stays_inside(path);  // it is shown, and the folder may be another's
  GroupPage page;
  std::string last_id;
  LineReader lines(path);
  while (const auto line = lines.next()) {
    nlohmann::json sample = parse_json(line->text, lines.where());
    if (!sample.is_object()) throw FileError(lines.where(), "bad_sample", "is not an object");
    const auto text = [&](const char* key) {
      const auto found = sample.find(key);
      return found != sample.end() && found->is_string() ? found->get<std::string>() : "";
    };
    const std::string id = text("prompt_id");
    const bool begins = page.total == 0 || id != last_id;
    last_id = id;
    if (begins) ++page.total;
    const int64_t place = page.total - 1;
    if (place < first || place >= first + limit) continue;
    if (begins) page.groups.push_back({id, text("prompt"), {}});
    sample.erase("prompt");
    page.groups.back().completions.push_back(std::move(sample));
  }
  return page;
}

}  // namespace gradus::runs
