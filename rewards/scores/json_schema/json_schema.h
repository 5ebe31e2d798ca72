#pragma once

#include <cstdint>
#include <map>
#include <nlohmann/json.hpp>
#include <string>

#include "rewards/scores/bounded_regex.h"

namespace gradus::rewards {

/// A JSON Schema (2020-12) of the keywords in use:
///
///   type enum const            allOf anyOf oneOf not if then else      $ref $defs definitions
///   properties patternProperties additionalProperties required propertyNames minProperties
///   maxProperties dependentRequired dependentSchemas
///   items prefixItems contains minContains maxContains minItems maxItems uniqueItems
///   minimum maximum exclusiveMinimum exclusiveMaximum multipleOf
///   minLength maxLength pattern format
///   and what only describes: $schema $comment title description default examples deprecated
///   readOnly writeOnly, $id at the root
///
/// Any other keyword is refused, not passed over: a schema that is not checked says yes to
/// everything. `$ref` points into the schema itself (`#`, `#/$defs/x`). `pattern` is PCRE2's (found
/// anywhere, bounded work). `format` is checked where asked for: date, time, date-time, email,
/// hostname, ipv4, ipv6, uri, uuid, regex. Lengths count code points; 1.0 is an integer and
/// equals 1.
///
/// Checking ends after `kMaxSteps` schemas have met values, whatever the schema is: `is_valid` is
/// then false with that reason. Values compared (const, enum, uniqueItems), members looked through
/// and steps of patterns count a sixty-fourth each. May be used from several threads at once.
class JsonSchema {
 public:
  static constexpr int64_t kMaxSteps = 300'000;

  /// @throws ArgumentError  "/properties/a/minLenght: is not a keyword; did you mean minLength?",
  ///                        "/items/$ref: #/$defs/x is not there", a pattern that is none, ...
  explicit JsonSchema(nlohmann::json schema, bool checks_formats = false);

  struct Verdict {
    bool is_valid = true;
    std::string reason;  // the first violation: "/age: is -1, must be >= 0"
  };

  Verdict check(const nlohmann::json& value) const;

 private:
  friend class SchemaReader;
  friend class SchemaCheck;

  nlohmann::json schema_;
  bool checks_formats_;
  std::map<std::string, BoundedRegex> patterns_;
};

}  // namespace gradus::rewards
