#pragma once

#include <filesystem>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "policy/tokenizer/tokenizer.h"
#include "tests/catch.h"
#include "tests/support/fixtures.h"

namespace gradus::policy::fixtures {

inline std::string path(const std::string& name) {
  return tests::fixture("parity/" + name).string();
}

/// The committed tokenizer folder of this name, and the whole one where there is more.
inline std::vector<std::string> folders(const std::string& name) {
  std::vector<std::string> found;
  for (const auto& folder : tests::fixtures("parity/" + name)) found.push_back(folder.string());
  return found;
}

inline std::string read(const std::string& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

struct Case {
  std::string text;
  std::vector<int32_t> ids;
  std::string decoded;
};

inline std::vector<Case> cases(const std::string& file) {
  std::vector<Case> out;
  std::ifstream in(file);
  for (std::string line; std::getline(in, line);) {
    const auto json = nlohmann::json::parse(line);
    out.push_back({json["text"], json["ids"], json["decoded"]});
  }
  return out;
}

/// Every case of a file: ids and decoded text as the reference has them.
inline void check_cases(const Tokenizer& tokenizer, const std::string& file) {
  const auto all = cases(file);
  REQUIRE(!all.empty());
  for (const Case& c : all) {
    CAPTURE(c.text);
    CHECK(tokenizer.encode(c.text) == c.ids);
    CHECK(tokenizer.decode(c.ids) == c.decoded);
  }
}

}  // namespace gradus::policy::fixtures
