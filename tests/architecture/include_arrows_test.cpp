#include <filesystem>
#include <fstream>
#include <map>
#include <regex>
#include <set>
#include <string>
#include <vector>

#include "tests/catch.h"

namespace {

namespace fs = std::filesystem;
using Names = std::set<std::string>;

enum class TorchHeaders {
  none,
  in_sources,     // no torch in headers
  light_headers,  // headers: the tensor and single operations; sources: the same and torch/optim
  modules,        // headers: torch/nn as well
};

/// What a room may include, as docs/architecture.md draws it.
struct Room {
  Names may_include;
  TorchHeaders torch = TorchHeaders::none;
};

const std::map<std::string, Room>& rooms() {
  static const std::map<std::string, Room> table{
      {"base", {{}, TorchHeaders::none}},
      {"rewards", {{"base"}, TorchHeaders::none}},
      {"policy", {{"base"}, TorchHeaders::modules}},
      {"rollout", {{"base", "policy"}, TorchHeaders::light_headers}},
      {"rl", {{"base", "policy", "rollout", "rewards"}, TorchHeaders::light_headers}},
      {"runs", {{"base", "policy", "rollout", "rewards", "rl"}, TorchHeaders::none}},
      {"service",
       {{"base", "policy", "rollout", "rewards", "rl", "runs"}, TorchHeaders::in_sources}},
      {"cli",
       {{"base", "policy", "rollout", "rewards", "rl", "runs", "service"},
        TorchHeaders::in_sources}},
  };
  return table;
}

// Parts of policy that are used without torch (tests and tools link them alone).
const Names kPartsWithoutTorch{"policy/kernels", "policy/formats", "policy/tokenizer"};
// Rooms that include every other one, but that none of the program's rooms may include.
const Names kOutside{"tests", "bench", "examples", "fuzz"};

bool starts_with(const std::string& text, const std::string& start) {
  return text.compare(0, start.size(), start) == 0;
}

bool is_torch(const std::string& include) {
  for (const char* start : {"torch/", "ATen/", "c10/", "caffe2/"}) {
    if (starts_with(include, start)) return true;
  }
  return false;
}

std::string first_part(const std::string& path) {
  return path.substr(0, path.find('/'));
}

std::string torch_mistake(const std::string& file, bool is_header, const std::string& include,
                          TorchHeaders allowed) {
  if (is_header && (include == "torch/torch.h" || include == "torch/all.h")) {
    return "takes 18 s in each file that includes the header; include the operations used";
  }
  for (const auto& part : kPartsWithoutTorch) {
    if (starts_with(file, part + "/")) return part + " is used without torch";
  }
  const bool is_module = starts_with(include, "torch/nn") || starts_with(include, "torch/optim");
  switch (allowed) {
    case TorchHeaders::none:
      return "the room has no torch";
    case TorchHeaders::in_sources:
      return is_header ? "the room's headers have no torch" : "";
    case TorchHeaders::light_headers:
      return is_header && is_module ? "torch's modules stay out of the room's headers" : "";
    case TorchHeaders::modules:
      return "";
  }
  return "";
}

/// Why `file` (from the root, e.g. "rl/loss.cpp") may not include `include`; empty: it may.
std::string arrow_mistake(const std::string& file, const std::string& include, bool is_quoted) {
  const auto room = rooms().find(first_part(file));
  if (room == rooms().end()) return "";
  if (is_torch(include)) {
    const bool is_header = fs::path(file).extension() == ".h";
    return torch_mistake(file, is_header, include, room->second.torch);
  }
  const std::string target = first_part(include);
  if (rooms().count(target) != 0 && include.find('/') != std::string::npos) {
    const bool may = target == room->first || room->second.may_include.count(target) != 0;
    return may ? "" : room->first + "/ may not include " + target + "/";
  }
  if (kOutside.count(target) != 0) return room->first + "/ may not include " + target + "/";
  return is_quoted ? "quoted includes are written from the root and name a room" : "";
}

struct Include {
  int line = 0;
  std::string path;
  bool is_quoted = false;
};

std::vector<Include> includes_of(const fs::path& path) {
  static const std::regex pattern(R"re(^\s*#\s*include\s*(["<])([^">]+)[">])re");
  std::ifstream in(path);
  std::vector<Include> found;
  std::string line;
  for (int number = 1; std::getline(in, line); ++number) {
    std::smatch match;
    if (std::regex_search(line, match, pattern)) {
      found.push_back({number, match[2].str(), match[1].str() == "\""});
    }
  }
  return found;
}

std::vector<std::string> source_files(const fs::path& root) {
  std::vector<std::string> files;
  for (const auto& [room, rules] : rooms()) {
    if (!fs::is_directory(root / room)) continue;
    for (const auto& entry : fs::recursive_directory_iterator(root / room)) {
      const auto suffix = entry.path().extension();
      if (suffix == ".h" || suffix == ".cpp") {
        files.push_back(entry.path().lexically_relative(root).generic_string());
      }
    }
  }
  return files;
}

}  // namespace

TEST_CASE("every include follows the arrows between rooms", "[architecture]") {
  const fs::path root = GRADUS_SOURCE_DIR;
  const auto files = source_files(root);
  REQUIRE(files.size() > 10);
  for (const auto& file : files) {
    for (const auto& include : includes_of(root / file)) {
      const auto mistake = arrow_mistake(file, include.path, include.is_quoted);
      if (!mistake.empty()) {
        FAIL_CHECK(file << ":" << include.line << ": includes " << include.path << ": " << mistake);
      }
    }
  }
}

TEST_CASE("every quoted include exists and carries the file's full name", "[architecture]") {
  const fs::path root = GRADUS_SOURCE_DIR;
  for (const auto& file : source_files(root)) {
    for (const auto& include : includes_of(root / file)) {
      if (!include.is_quoted) continue;
      INFO(file << ":" << include.line << ": " << include.path);
      CHECK(fs::exists(root / include.path));
    }
  }
}

TEST_CASE("an include against the arrows is named with its reason", "[architecture]") {
  CHECK(arrow_mistake("rl/stages/rl_stage.cpp", "policy/policy.h", true).empty());
  CHECK(arrow_mistake("cli/main.cpp", "rl/stages/rl_stage.h", true).empty());
  CHECK(arrow_mistake("rewards/rule.cpp", "vector", false).empty());
  CHECK(arrow_mistake("policy/policy.h", "rollout/records.h", true) ==
        "policy/ may not include rollout/");
  CHECK(arrow_mistake("rewards/rule.cpp", "ATen/core/Tensor.h", false) == "the room has no torch");
  CHECK(arrow_mistake("rl/stages/rl_stage.cpp", "tests/catch.h", true) ==
        "rl/ may not include tests/");
  CHECK_FALSE(arrow_mistake("policy/policy.h", "torch/torch.h", false).empty());
  CHECK_FALSE(arrow_mistake("policy/formats/gguf/gguf.h", "ATen/core/Tensor.h", false).empty());
  CHECK_FALSE(arrow_mistake("rl/stages/rl_stage.cpp", "trainer.h", true).empty());
}
