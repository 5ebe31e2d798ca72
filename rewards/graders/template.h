#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/error.h"

namespace gradus::rewards::graders {

/// Without JSON's white space (blank, tab, line ends) at both ends.
std::string_view trimmed(std::string_view text);

/// A template cannot be read: an open `{{`, a path that is none, a namespace or field that never
/// exists. Known when a grader is made, before any row.
class TemplateError : public ArgumentError {
 public:
  using ArgumentError::ArgumentError;
};

/// What templates draw on; both outlive the call.
struct TemplateValues {
  const nlohmann::json& item;    // the data row, an object
  const nlohmann::json& sample;  // the model's output: see make_sample
};

/// Text with its placeholders filled in; with `fault`, the text does not count.
struct RenderedText {
  std::string text;
  std::string fault;  // the placeholder without a value, and why; empty: none
};

/// Text with placeholders, as OpenAI's graders have them:
///
///   {{ item.answer }}   {{item.facts[0].name}}   {{ sample.output_json["a key"] }}
///
/// Blanks inside the braces are optional. A path begins with `item` or `sample`; of a sample there
/// are output_text, output_json, output_tools, choices and output_audio. Strings are put in as they
/// are, any other value as compact JSON. What a value contains is never expanded again.
///
/// Work is linear in the text and what is put in. Several threads may render at once.
class Template {
 public:
  static constexpr size_t kMaxBytes = size_t{256} << 10;
  static constexpr size_t kMaxSteps = 32;  // of one path
  static constexpr size_t kMaxRenderedBytes = size_t{8} << 20;

  /// @throws TemplateError  names the place and what is wrong with it.
  explicit Template(std::string_view text);

  RenderedText render(const TemplateValues& values) const;

  /// The paths as written, in order: "item.answer".
  std::vector<std::string> paths() const;

 private:
  using Step = std::variant<std::string, size_t>;  // a key or an index

  struct Placeholder {
    std::string written;
    bool is_sample = false;
    std::vector<Step> steps;
  };

  static Placeholder read_placeholder(std::string_view inside, size_t offset);
  static const nlohmann::json* find(const nlohmann::json& root, const Placeholder& placeholder,
                                    std::string& fault);

  // Literal texts and placeholders in turn.
  std::vector<std::variant<std::string, Placeholder>> parts_;
};

/// The `sample` of a completion: output_text; output_json where asked for and the text is an object
/// or an array of JSON; output_tools and choices as a chat completion has them; output_audio null.
nlohmann::json make_sample(std::string_view output_text, bool with_output_json = true);

}  // namespace gradus::rewards::graders
