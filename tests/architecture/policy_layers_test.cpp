// The arrows inside policy/: each part may include those that stand before it, and no others.
#include <filesystem>
#include <fstream>
#include <map>
#include <regex>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "tests/catch.h"

namespace {

namespace fs = std::filesystem;

/// What a part may include beside itself. `settings` is policy_config.h alone; the door is what the
/// other rooms see: policy.h, adapter_merge.h, checkpoint_tokenizer.h and their sources. model
/// implements the door.
const std::map<std::string, std::set<std::string>>& policy_parts() {
  static const std::map<std::string, std::set<std::string>> parts{
      {"kernels", {}},
      {"formats", {}},
      {"tokenizer", {}},
      {"settings", {"formats"}},
      {"batch", {"kernels", "formats"}},
      {"ops", {"kernels", "formats", "batch"}},
      {"weights", {"kernels", "formats", "tokenizer", "settings", "batch", "ops"}},
      {"door", {"kernels", "formats", "tokenizer", "settings", "batch", "ops", "weights"}},
      {"model", {"kernels", "formats", "settings", "batch", "ops", "weights", "door"}},
  };
  return parts;
}

/// Folders inside a part of which the first may not include the second.
const std::vector<std::pair<std::string, std::string>> kStrangers{
    {"policy/ops/native/", "policy/ops/reference/"},
    {"policy/ops/reference/", "policy/ops/native/"},
    {"policy/ops/device/", "policy/ops/native/"},
    {"policy/ops/device/", "policy/ops/reference/"},
    {"policy/model/layers/", "policy/model/decoder.h"},
};

std::string part_of_policy(const std::string& file) {
  const std::string below = file.substr(std::string("policy/").size());
  const size_t slash = below.find('/');
  if (slash != std::string::npos) return below.substr(0, slash);
  return below == "policy_config.h" ? "settings" : "door";
}

/// Why `file` may not include `include`, both from the root; empty: it may.
std::string wrong_policy_arrow(const std::string& file, const std::string& include) {
  if (!include.starts_with("policy/")) return "";
  const std::string from = part_of_policy(file);
  const std::string to = part_of_policy(include);
  const auto part = policy_parts().find(from);
  if (part == policy_parts().end()) return "policy/" + from + "/ is a part that has no arrows yet";
  if (from != to && !part->second.contains(to)) return from + " may not include " + to;
  for (const auto& [folder, stranger] : kStrangers) {
    if (file.starts_with(folder) && include.starts_with(stranger)) {
      return folder + " may not include " + stranger;
    }
  }
  return "";
}

std::vector<std::string> policy_includes(const fs::path& path) {
  static const std::regex pattern(R"re(^\s*#\s*include\s*"([^"]+)")re");
  std::ifstream in(path);
  std::vector<std::string> found;
  for (std::string line; std::getline(in, line);) {
    std::smatch match;
    if (std::regex_search(line, match, pattern)) found.push_back(match[1].str());
  }
  return found;
}

}  // namespace

TEST_CASE("includes inside policy follow the order of its parts", "[architecture]") {
  const fs::path root = GRADUS_SOURCE_DIR;
  int num_files = 0;
  for (const auto& entry : fs::recursive_directory_iterator(root / "policy")) {
    const auto suffix = entry.path().extension();
    if (suffix != ".h" && suffix != ".cpp") continue;
    ++num_files;
    const std::string file = entry.path().lexically_relative(root).generic_string();
    for (const auto& include : policy_includes(entry.path())) {
      const std::string mistake = wrong_policy_arrow(file, include);
      if (!mistake.empty()) FAIL_CHECK(file << ": includes " << include << ": " << mistake);
    }
  }
  CHECK(num_files > 100);
}

TEST_CASE("an arrow of policy has no way back", "[architecture]") {
  for (const auto& [part, allowed] : policy_parts()) {
    for (const auto& other : allowed) {
      INFO(part << " and " << other);
      CHECK_FALSE(policy_parts().at(other).contains(part));
    }
  }
}

TEST_CASE("an include against the arrows of policy is named with its reason", "[architecture]") {
  CHECK(wrong_policy_arrow("policy/model/decoder.h", "policy/policy.h").empty());
  CHECK(wrong_policy_arrow("policy/policy.h", "policy/batch/kv_cache.h").empty());
  CHECK(wrong_policy_arrow("policy/ops/ops.h", "base/parallel.h").empty());
  CHECK(wrong_policy_arrow("policy/ops/ops.h", "policy/policy.h") == "ops may not include door");
  CHECK(wrong_policy_arrow("policy/weights/peft/adapter_file.h", "policy/model/decoder.h") ==
        "weights may not include model");
  CHECK(wrong_policy_arrow("policy/batch/kv_cache.cpp", "policy/policy_config.h") ==
        "batch may not include settings");
  CHECK(wrong_policy_arrow("policy/formats/rope.h", "policy/kernels/matrix.h") ==
        "formats may not include kernels");
  CHECK(wrong_policy_arrow("policy/ops/native/plan.cpp", "policy/ops/reference/mixture.h") ==
        "policy/ops/native/ may not include policy/ops/reference/");
  CHECK_FALSE(wrong_policy_arrow("policy/cuda/x.cpp", "policy/ops/ops.h").empty());
}
