#pragma once

#include <c10/core/ScalarType.h>

#include <nlohmann/json.hpp>
#include <set>
#include <stdexcept>
#include <string>
#include <string_view>

#include "base/settings/registry.h"

namespace gradus::rl {

/// Thrown for a case whose algorithm or option the program does not have.
class Unsupported : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// The options of a case, of which each must be asked for: one that nobody knows would change the
/// answer. A null is as good as none.
class CaseOptions {
 public:
  explicit CaseOptions(const nlohmann::json& options);

  bool has(const std::string& key) const;
  double number(const std::string& key, double otherwise);
  /// @throws Unsupported  it is not given.
  double number(const std::string& key);
  std::string text(const std::string& key, const std::string& otherwise);
  bool flag(const std::string& key, bool otherwise);
  /// Null: it is not given.
  nlohmann::json value(const std::string& key);

  /// @throws Unsupported  an option that was never asked for.
  void refuse_others() const;

 private:
  const nlohmann::json& options_;
  std::set<std::string> known_;
};

/// One question: an algorithm, its options and what it is given.
struct Case {
  std::string algorithm;
  CaseOptions options;
  const nlohmann::json& inputs;
  at::ScalarType dtype = at::kDouble;

  bool has(const char* input) const { return inputs.contains(input) && !inputs[input].is_null(); }
};

/// One value of `family`. A new one is a file with its record and a line in records.inc.
struct CaseFamily {
  std::string_view name;
  /// The answer's fields, computed by the code that trains.
  /// @throws Unsupported, gradus::Error, nlohmann::json::exception
  nlohmann::json (*answer)(Case& question);
};

const Registry<CaseFamily>& case_families();

}  // namespace gradus::rl
