// Inside rl/: layers without an arrow back, and what a new record touches.
#include <algorithm>
#include <cctype>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <regex>
#include <string>
#include <vector>

#include "tests/catch.h"

namespace {

namespace fs = std::filesystem;

/// Each may include those before it; docs/architecture.md says what each holds.
const std::vector<std::string> kLayers{"parallel", "learn",   "run",        "collect", "algorithms",
                                       "update",   "observe", "evaluation", "plan",    "selection",
                                       "stages",   "recipe",  "chain"};

size_t place_of(const std::string& path) {
  const std::string rest = path.substr(path.find('/') + 1);
  const std::string layer = rest.substr(0, rest.find('/'));
  return static_cast<size_t>(std::find(kLayers.begin(), kLayers.end(), layer) - kLayers.begin());
}

/// Why a file of rl/ may not include another; empty: it may.
std::string layer_mistake(const std::string& file, const std::string& include) {
  if (include.rfind("rl/", 0) != 0) return "";
  if (place_of(include) == kLayers.size()) return include + " is in no layer";
  if (place_of(include) <= place_of(file)) return "";
  return "rl/" + kLayers[place_of(file)] + " comes before rl/" + kLayers[place_of(include)];
}

std::string text_of(const fs::path& path) {
  std::ifstream in(path);
  return {std::istreambuf_iterator<char>(in), {}};
}

std::vector<fs::path> sources_below(const fs::path& folder) {
  std::vector<fs::path> files;
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    const auto suffix = entry.path().extension();
    if (suffix == ".h" || suffix == ".cpp" || suffix == ".inc") files.push_back(entry.path());
  }
  return files;
}

std::vector<std::string> records_in(const fs::path& list) {
  static const std::regex pattern(R"(GRADUS_RECORD\((\w+)\))");
  const std::string text = text_of(list);
  std::vector<std::string> records;
  for (std::sregex_iterator at(text.begin(), text.end(), pattern), end; at != end; ++at)
    records.push_back((*at)[1].str());
  return records;
}

/// The text without lines that are comments.
std::string code_of(const fs::path& path) {
  std::ifstream in(path);
  std::string code;
  for (std::string line; std::getline(in, line);) {
    const size_t begin = line.find_first_not_of(' ');
    if (begin != std::string::npos && line.compare(begin, 2, "//") != 0) code += line + "\n";
  }
  return code;
}

bool is_word_at(const std::string& text, size_t at, size_t length) {
  const auto is_part = [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_';
  };
  const bool begins = at == 0 || !is_part(text[at - 1]);
  return begins && (at + length == text.size() || !is_part(text[at + length]));
}

/// Texts in which the word stands.
int texts_with(const std::string& word, const std::vector<std::string>& texts) {
  int count = 0;
  for (const std::string& text : texts)
    for (size_t at = 0; (at = text.find(word, at)) != std::string::npos; ++at) {
      if (!is_word_at(text, at, word.size())) continue;
      ++count;
      break;
    }
  return count;
}

}  // namespace

TEST_CASE("no layer of rl/ includes one that comes after it", "[architecture]") {
  const fs::path root = GRADUS_SOURCE_DIR;
  const std::regex pattern(R"re(#include "([^"]+)")re");
  size_t num_files = 0;
  for (const auto& path : sources_below(root / "rl")) {
    const std::string file = path.lexically_relative(root).generic_string();
    INFO(file);
    CHECK(place_of(file) < kLayers.size());
    const std::string text = text_of(path);
    for (std::sregex_iterator at(text.begin(), text.end(), pattern), end; at != end; ++at)
      CHECK(layer_mistake(file, (*at)[1].str()) == "");
    ++num_files;
  }
  CHECK(num_files > 50);
}

TEST_CASE("an arrow back inside rl/ is named", "[architecture]") {
  CHECK(layer_mistake("rl/learn/learner.h", "rl/run/run.h") == "rl/learn comes before rl/run");
  CHECK(layer_mistake("rl/run/run.h", "rl/learn/learner.h").empty());
  CHECK(layer_mistake("rl/run/run.h", "rl/run/ledger.h").empty());
  CHECK_FALSE(layer_mistake("rl/run/run.h", "rl/trainer.h").empty());
}

// What a new loss, advantage, KL estimator, correction, optimizer, logger or stage takes: its file,
// and its line in the list. So each record's name stands in those two places and nowhere else.
TEST_CASE("a new record is one new file and one line", "[architecture]") {
  const fs::path root = GRADUS_SOURCE_DIR;
  std::vector<std::string> texts;
  std::vector<fs::path> lists;
  for (const char* room : {"base", "rewards", "policy", "rollout", "rl", "runs", "cli"})
    for (const auto& file : sources_below(root / room)) {
      texts.push_back(code_of(file));
      if (file.extension() == ".inc") lists.push_back(file);
    }
  CHECK(lists.size() >= 7);
  for (const auto& list : lists) {
    const auto records = records_in(list);
    CHECK_FALSE(records.empty());
    for (const auto& record : records) {
      INFO(list << ": " << record);
      CHECK(texts_with(record, texts) == 2);
    }
  }
}
