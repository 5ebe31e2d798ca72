#include "rewards/graders/template.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>

#include "base/json.h"
#include "base/printable.h"
#include "base/utf8.h"

namespace gradus::rewards::graders {
namespace {

using nlohmann::json;

constexpr std::array<std::string_view, 5> kSampleFields{"choices", "output_audio", "output_json",
                                                        "output_text", "output_tools"};

bool is_blank(char c) {
  return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

[[noreturn]] void refuse(std::string_view inside, size_t offset, const std::string& why) {
  throw TemplateError("placeholder {{" + printable(inside, 100) + "}} at byte " +
                      std::to_string(offset) + " " + why);
}

size_t end_of_name(std::string_view text, size_t at) {
  while (at < text.size() && !is_blank(text[at]) &&
         std::string_view(".[]{}\"'").find(text[at]) == std::string_view::npos) {
    ++at;
  }
  return at;
}

// `[12]`, `["key"]` or `['key']` at `at`, which is moved behind it; nullopt: none of them.
std::optional<std::variant<std::string, size_t>> bracket_step(std::string_view text, size_t& at) {
  const char quote = at + 1 < text.size() ? text[at + 1] : '\0';
  if (quote == '"' || quote == '\'') {
    const size_t end = text.find(quote, at + 2);
    if (end == std::string_view::npos || end + 1 >= text.size() || text[end + 1] != ']') return {};
    const std::string key(text.substr(at + 2, end - at - 2));
    at = end + 2;
    return key;
  }
  const size_t end = text.find(']', at);
  if (end == std::string_view::npos) return {};
  size_t index = 0;
  const char* last = text.data() + end;
  const auto result = std::from_chars(text.data() + at + 1, last, index);
  if (result.ec != std::errc() || result.ptr != last || index > 1'000'000'000) return {};
  at = end + 1;
  return index;
}

std::string kind_name(const json& value) {
  if (value.is_null()) return "null";
  if (value.is_array()) return "a list of " + std::to_string(value.size());
  if (value.is_object()) return "an object";
  return value.is_string() ? "text" : value.is_boolean() ? "a boolean" : "a number";
}

}  // namespace

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_blank(text.back())) text.remove_suffix(1);
  return text;
}

Template::Template(std::string_view text) {
  if (text.size() > kMaxBytes) {
    throw TemplateError("has " + std::to_string(text.size()) + " bytes, at most " +
                        std::to_string(kMaxBytes) + " are read");
  }
  std::string literal;
  size_t at = 0;
  while (true) {
    size_t open = text.find("{{", at);
    if (open == std::string_view::npos) break;
    while (open + 2 < text.size() && text[open + 2] == '{') ++open;  // of {{{ the last two count
    const size_t close = text.find("}}", open + 2);
    if (close == std::string_view::npos) {
      throw TemplateError("{{ at byte " + std::to_string(open) + " is not closed by }}");
    }
    literal.append(text.substr(at, open - at));
    if (!literal.empty()) parts_.emplace_back(std::move(literal));
    literal.clear();
    parts_.emplace_back(read_placeholder(text.substr(open + 2, close - open - 2), open));
    at = close + 2;
  }
  literal.append(text.substr(at));
  if (!literal.empty()) parts_.emplace_back(std::move(literal));
}

Template::Placeholder Template::read_placeholder(std::string_view inside, size_t offset) {
  const std::string_view path = trimmed(inside);
  Placeholder placeholder;
  placeholder.written = std::string(path);
  size_t at = end_of_name(path, 0);
  const std::string_view space = path.substr(0, at);
  if (space != "item" && space != "sample") {
    refuse(inside, offset, "begins with neither item nor sample");
  }
  placeholder.is_sample = space == "sample";
  while (at < path.size()) {
    if (placeholder.steps.size() == kMaxSteps) {
      refuse(inside, offset, "has more than " + std::to_string(kMaxSteps) + " steps");
    }
    if (path[at] == '.') {
      const size_t end = end_of_name(path, at + 1);
      if (end == at + 1) refuse(inside, offset, "has an empty name");
      placeholder.steps.emplace_back(std::string(path.substr(at + 1, end - at - 1)));
      at = end;
    } else if (path[at] == '[') {
      auto step = bracket_step(path, at);
      if (!step) refuse(inside, offset, "has brackets around neither a number nor a quoted key");
      placeholder.steps.push_back(std::move(*step));
    } else {
      refuse(inside, offset, "is no path of names and [numbers]");
    }
  }
  if (placeholder.is_sample && !placeholder.steps.empty()) {
    const auto* field = std::get_if<std::string>(&placeholder.steps.front());
    if (field == nullptr ||
        std::find(kSampleFields.begin(), kSampleFields.end(), *field) == kSampleFields.end()) {
      refuse(inside, offset,
             "names no field of the sample; there are choices, output_audio, output_json, "
             "output_text and output_tools");
    }
  }
  return placeholder;
}

const json* Template::find(const json& root, const Placeholder& placeholder, std::string& fault) {
  const json* value = &root;
  std::string walked = placeholder.is_sample ? "sample" : "item";
  for (const Step& step : placeholder.steps) {
    const auto* key = std::get_if<std::string>(&step);
    const std::string named = key != nullptr ? "\"" + printable(*key, 100) + "\""
                                             : std::to_string(std::get<size_t>(step));
    const json* next = nullptr;
    if (key != nullptr && value->is_object()) {
      const auto found = value->find(*key);
      if (found != value->end()) next = &*found;
    } else if (key == nullptr && value->is_array() && std::get<size_t>(step) < value->size()) {
      next = &(*value)[std::get<size_t>(step)];
    }
    if (next == nullptr) {
      fault = "{{ " + printable(placeholder.written, 200) + " }} has no value: " + walked + " is " +
              kind_name(*value) + " without " + named;
      return nullptr;
    }
    walked += key != nullptr ? "." + printable(*key, 100) : "[" + named + "]";
    value = next;
  }
  return value;
}

RenderedText Template::render(const TemplateValues& values) const {
  RenderedText rendered;
  for (const auto& part : parts_) {
    if (const auto* literal = std::get_if<std::string>(&part)) {
      rendered.text += *literal;
    } else {
      const auto& placeholder = std::get<Placeholder>(part);
      const json* value =
          find(placeholder.is_sample ? values.sample : values.item, placeholder, rendered.fault);
      if (value == nullptr) return {"", rendered.fault};
      rendered.text +=
          value->is_string() ? value->get_ref<const std::string&>() : dump_json(*value);
    }
    if (rendered.text.size() > kMaxRenderedBytes) {
      return {"",
              "the filled-in text is longer than " + std::to_string(kMaxRenderedBytes) + " bytes"};
    }
  }
  return rendered;
}

std::vector<std::string> Template::paths() const {
  std::vector<std::string> paths;
  for (const auto& part : parts_) {
    if (const auto* placeholder = std::get_if<Placeholder>(&part)) {
      paths.push_back(placeholder->written);
    }
  }
  return paths;
}

nlohmann::json make_sample(std::string_view output_text, bool with_output_json) {
  const std::string text = to_valid_utf8(output_text);
  json message = {{"role", "assistant"}, {"content", text}, {"refusal", nullptr}};
  json sample = {
      {"output_text", text},
      {"output_tools", json::array()},
      {"output_audio", nullptr},
      {"choices",
       json::array({{{"index", 0}, {"message", std::move(message)}, {"finish_reason", "stop"}}})}};
  const std::string_view plain = trimmed(text);
  if (!with_output_json || plain.empty() || (plain.front() != '{' && plain.front() != '[')) {
    return sample;
  }
  try {
    sample["output_json"] = parse_json(plain, "sample");
  } catch (const FileError&) {
    // Text that is no JSON has no output_json; a template that asks for it says so.
  }
  return sample;
}

}  // namespace gradus::rewards::graders
