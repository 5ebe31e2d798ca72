#include "rl/recipe/input_files.h"

#include <fmt/format.h>

#include <filesystem>
#include <utility>

#include "rl/recipe/load.h"
#include "rl/run/file_sum.h"

namespace gradus::rl {
namespace {

namespace fs = std::filesystem;

bool holds_weights(const fs::path& path) {
  return path.extension() == ".safetensors" || path.extension() == ".gguf";
}

void add(nlohmann::json& all, const std::string& setting, const fs::path& path) {
  std::error_code ignored;
  if (path.empty() || !fs::exists(path, ignored)) return;
  if (fs::is_directory(path)) {
    for (const auto& entry : fs::directory_iterator(path))
      if (entry.is_regular_file()) add(all, setting, entry.path());
    return;
  }
  if (!fs::is_regular_file(path)) return;
  nlohmann::json& file = all[setting][path.string()];
  file["bytes"] = fs::file_size(path);
  if (!holds_weights(path)) file["crc64"] = sum_of_file(path).crc64;
}

}  // namespace

nlohmann::json fingerprint_inputs(const RunConfig& c) {
  nlohmann::json all = nlohmann::json::object();
  add(all, "model.path", c.model.path);
  add(all, "model.config", c.model.config);
  add(all, "model.tokenizer", c.model.tokenizer);
  add(all, "model.lora.path", c.model.lora.path);
  add(all, "data.path", c.data.path);
  add(all, "eval.data.path", c.eval.data.path);
  add(all, "text.path", c.text.path);
  add(all, "text.eval_path", c.text.eval_path);
  for (const auto& [setting, rules] :
       {std::pair{"rewards", &c.rewards}, std::pair{"eval.rewards", &c.eval.rewards}})
    for (const auto& rule : *rules) add(all, setting, reward_file(rule));
  return all;
}

std::vector<std::string> changed_inputs(const nlohmann::json& was, const nlohmann::json& is) {
  std::vector<std::string> changes;
  for (const auto& [setting, files] : was.items())
    for (const auto& [path, before] : files.items()) {
      const bool is_there = is.contains(setting) && is[setting].contains(path);
      if (!is_there)
        changes.push_back(fmt::format("{}: {} is gone", setting, path));
      else if (is[setting][path] != before)
        changes.push_back(fmt::format("{}: {} changed", setting, path));
    }
  return changes;
}

}  // namespace gradus::rl
