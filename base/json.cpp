#include "base/json.h"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/exact_json.h"
#include "base/files/atomic_file.h"
#include "base/printable.h"

namespace gradus {
namespace {

using nlohmann::json;

constexpr size_t kMaxDigits = 4300;  // Python's limit, against the quadratic cost of reading them

// Builds the value as nlohmann's own builder does, and stops at what it would let pass.
template <class Json>
class StrictBuilder final : public nlohmann::json_sax<Json> {
  using Base = nlohmann::json_sax<Json>;

 public:
  /// @param digits  integers past 64 bits: by their number among the strings, keys included.
  StrictBuilder(Json& root, int max_depth, std::map<size_t, std::string> digits = {})
      : root_(root), max_depth_(max_depth), digits_(std::move(digits)) {}

  bool null() override { return put(nullptr); }
  bool boolean(bool value) override { return put(value); }
  bool number_integer(typename Base::number_integer_t value) override { return put(value); }
  bool number_unsigned(typename Base::number_unsigned_t value) override { return put(value); }
  bool number_float(typename Base::number_float_t value, const std::string&) override {
    return put(value);
  }
  bool string(std::string& value) override {
    const auto digits = digits_.find(num_strings_++);
    if (digits == digits_.end()) return put(std::move(value));
    return put(Json::binary({digits->second.begin(), digits->second.end()}, kBigInteger));
  }
  bool binary(typename Base::binary_t&) override { return false; }
  bool start_object(size_t) override { return open(Json::object()); }
  bool start_array(size_t) override { return open(Json::array()); }
  bool end_object() override { return close(); }
  bool end_array() override { return close(); }

  bool key(std::string& name) override {
    if (digits_.contains(num_strings_++)) return refuse("a key must be text");
    if (!is_new(*open_.back(), name)) {
      return refuse("key \"" + printable(name, 100) + "\" appears twice");
    }
    slot_ = add(*open_.back(), name);
    return true;
  }

  bool parse_error(size_t position, const std::string&,
                   const nlohmann::detail::exception& error) override {
    position_ = position;
    // The library's text begins with its own name and position: "[...] parse error at ...: why".
    const std::string what = error.what();
    const auto begin = what.find(": ");
    message_ = printable(begin == std::string::npos ? what : what.substr(begin + 2), 300);
    return false;
  }

  const std::string& message() const { return message_; }
  size_t position() const { return position_; }

 private:
  bool is_new(const nlohmann::json& object, const std::string& name) {
    return !object.contains(name);
  }
  bool is_new(const nlohmann::ordered_json&, const std::string& name) {
    return names_.back().insert(name).second;
  }

  static nlohmann::json* add(nlohmann::json& object, const std::string& name) {
    return &object[name];
  }
  // The ordered object would look through all its keys at each new one.
  static nlohmann::ordered_json* add(nlohmann::ordered_json& object, const std::string& name) {
    auto& entries = object.get_ref<nlohmann::ordered_json::object_t&>();
    return &static_cast<nlohmann::ordered_json::object_t::Container&>(entries)
                .emplace_back(name, nullptr)
                .second;
  }

  Json* place(Json value) {
    if (open_.empty()) {
      root_ = std::move(value);
      return &root_;
    }
    Json& parent = *open_.back();
    if (parent.is_array()) {
      parent.push_back(std::move(value));
      return &parent.back();
    }
    *slot_ = std::move(value);
    return slot_;
  }

  bool put(Json value) {
    place(std::move(value));
    return true;
  }

  bool open(Json value) {
    if (static_cast<int>(open_.size()) >= max_depth_) {
      return refuse("is nested deeper than " + std::to_string(max_depth_));
    }
    open_.push_back(place(std::move(value)));
    names_.emplace_back();
    return true;
  }

  bool close() {
    open_.pop_back();
    names_.pop_back();
    return true;
  }

  bool refuse(std::string message) {
    message_ = std::move(message);
    return false;
  }

  Json& root_;
  int max_depth_;
  std::map<size_t, std::string> digits_;
  size_t num_strings_ = 0;
  std::vector<Json*> open_;  // stable: only the innermost container grows
  // Of each container that is open, where a look for a key would go through all of them.
  std::vector<std::unordered_set<std::string>> names_;
  Json* slot_ = nullptr;
  std::string message_;
  size_t position_ = 0;
};

std::string line_and_column(std::string_view text, size_t position) {
  const auto before = text.substr(0, std::min(position == 0 ? 0 : position - 1, text.size()));
  const auto line = std::count(before.begin(), before.end(), '\n') + 1;
  const auto newline = before.rfind('\n');
  const size_t column =
      newline == std::string_view::npos ? before.size() : before.size() - newline - 1;
  return "line " + std::to_string(line) + ", column " + std::to_string(column + 1);
}

void check_text(std::string_view text, const std::string& where, const JsonLimits& limits) {
  if (static_cast<int64_t>(text.size()) > limits.max_bytes) {
    throw FileError(where, "invalid_json",
                    "has " + std::to_string(text.size()) + " bytes, allowed are " +
                        std::to_string(limits.max_bytes));
  }
  // The parser takes a NUL byte for the end of the text; JSON has none anywhere.
  if (const size_t nul = text.find('\0'); nul != std::string_view::npos) {
    throw FileError(where, "invalid_json",
                    "is not valid JSON at " + line_and_column(text, nul + 1) + ": a NUL byte");
  }
}

template <class Json>
Json parsed(std::string_view text, const std::string& where, int max_depth,
            std::map<size_t, std::string> digits) {
  Json value;
  StrictBuilder<Json> builder(value, max_depth, std::move(digits));
  if (Json::sax_parse(text, &builder)) return value;
  const std::string at =
      builder.position() > 0 ? " at " + line_and_column(text, builder.position()) : "";
  throw FileError(where, "invalid_json", "is not valid JSON" + at + ": " + builder.message());
}

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

/// Whether a run of digits is there that may not fit 64 bits.
bool has_long_number(std::string_view text) {
  size_t run = 0;
  for (const char c : text) {
    run = is_digit(c) ? run + 1 : 0;
    if (run >= 19) return true;
  }
  return false;
}

bool fits_64_bits(std::string_view number) {
  int64_t whole = 0;
  uint64_t natural = 0;
  const char* end = number.data() + number.size();
  return std::from_chars(number.data(), end, whole).ec == std::errc() ||
         std::from_chars(number.data(), end, natural).ec == std::errc();
}

/// Integers past 64 bits, each by its number among the strings; in the text a string of the same
/// length stands in its place, so that places in errors stay true.
std::map<size_t, std::string> take_big_integers(std::string& text, const std::string& where) {
  std::map<size_t, std::string> digits;
  size_t num_strings = 0;
  for (size_t at = 0; at < text.size();) {
    const size_t begin = at;
    if (text[at] == '"') {
      for (++at; at < text.size() && text[at] != '"';) at += text[at] == '\\' ? 2 : 1;
      ++at;
      ++num_strings;
      continue;
    }
    ++at;
    if (text[begin] != '-' && !is_digit(text[begin])) continue;
    while (at < text.size() && is_digit(text[at])) ++at;
    const size_t end = at;
    const auto goes_on = [&] { return std::string_view(".eE+-0123456789").find(text[at]); };
    while (at < text.size() && goes_on() != std::string_view::npos) ++at;
    const std::string number = text.substr(begin, end - begin);
    const size_t sign = number.front() == '-' ? 1 : 0;
    const bool is_whole = at == end && number.size() >= sign + 19 && number[sign] != '0';
    if (!is_whole || fits_64_bits(number)) continue;
    if (number.size() - sign > kMaxDigits) {
      throw FileError(where, "invalid_json",
                      "holds an integer of " + std::to_string(number.size() - sign) +
                          " digits; at most " + std::to_string(kMaxDigits) + " are read");
    }
    digits.emplace(num_strings++, number);
    std::fill(text.begin() + static_cast<std::ptrdiff_t>(begin) + 1,
              text.begin() + static_cast<std::ptrdiff_t>(end) - 1, '0');
    text[begin] = text[end - 1] = '"';
  }
  return digits;
}

bool holds_big_integer(const json& value) {
  if (value.is_structured()) return std::any_of(value.begin(), value.end(), holds_big_integer);
  return is_big_integer(value);
}

std::string dump_plain(const json& value) {
  return value.dump(-1, ' ', false, json::error_handler_t::replace);
}

void dump_exact(const json& value, std::string& out) {
  if (is_big_integer(value)) {
    out += digits_of(value);
  } else if (!value.is_structured()) {
    out += dump_plain(value);
  } else {
    out += value.is_array() ? '[' : '{';
    bool is_first = true;
    for (const auto& [key, item] : value.items()) {
      if (!is_first) out += ',';
      is_first = false;
      if (value.is_object()) out += dump_plain(key) + ":";
      dump_exact(item, out);
    }
    out += value.is_array() ? ']' : '}';
  }
}

}  // namespace

nlohmann::json parse_json(std::string_view text, const std::string& where,
                          const JsonLimits& limits) {
  check_text(text, where, limits);
  return parsed<json>(text, where, limits.max_depth, {});
}

nlohmann::ordered_json parse_exact_json(std::string_view text, const std::string& where,
                                        const JsonLimits& limits) {
  check_text(text, where, limits);
  if (!has_long_number(text)) {
    return parsed<nlohmann::ordered_json>(text, where, limits.max_depth, {});
  }
  std::string changed(text);
  auto digits = take_big_integers(changed, where);
  return parsed<nlohmann::ordered_json>(changed, where, limits.max_depth, std::move(digits));
}

json read_json(const std::filesystem::path& path, int64_t max_bytes) {
  return parse_json(read_file(path, max_bytes), path.string());
}

std::string dump_json(const nlohmann::json& value) {
  if (!holds_big_integer(value)) return dump_plain(value);
  std::string out;
  dump_exact(value, out);
  return out;
}

}  // namespace gradus
