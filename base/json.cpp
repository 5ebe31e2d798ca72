#include "base/json.h"

#include <algorithm>
#include <cstdint>
#include <vector>

#include "base/error.h"
#include "base/files/atomic_file.h"
#include "base/printable.h"

namespace gradus {
namespace {

using nlohmann::json;

// Builds the value as nlohmann's own builder does, and stops at what it would let pass.
class StrictBuilder final : public nlohmann::json_sax<json> {
 public:
  StrictBuilder(json& root, int max_depth) : root_(root), max_depth_(max_depth) {}

  bool null() override { return put(nullptr); }
  bool boolean(bool value) override { return put(value); }
  bool number_integer(number_integer_t value) override { return put(value); }
  bool number_unsigned(number_unsigned_t value) override { return put(value); }
  bool number_float(number_float_t value, const string_t&) override { return put(value); }
  bool string(string_t& value) override { return put(std::move(value)); }
  bool binary(binary_t&) override { return false; }
  bool start_object(size_t) override { return open(json::object()); }
  bool start_array(size_t) override { return open(json::array()); }
  bool end_object() override { return close(); }
  bool end_array() override { return close(); }

  bool key(string_t& name) override {
    json& object = *open_.back();
    if (object.contains(name)) return refuse("key \"" + printable(name, 100) + "\" appears twice");
    slot_ = &object[name];
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
  json* place(json value) {
    if (open_.empty()) {
      root_ = std::move(value);
      return &root_;
    }
    json& parent = *open_.back();
    if (parent.is_array()) {
      parent.push_back(std::move(value));
      return &parent.back();
    }
    *slot_ = std::move(value);
    return slot_;
  }

  bool put(json value) {
    place(std::move(value));
    return true;
  }

  bool open(json value) {
    if (static_cast<int>(open_.size()) >= max_depth_) {
      return refuse("is nested deeper than " + std::to_string(max_depth_));
    }
    open_.push_back(place(std::move(value)));
    return true;
  }

  bool close() {
    open_.pop_back();
    return true;
  }

  bool refuse(std::string message) {
    message_ = std::move(message);
    return false;
  }

  json& root_;
  int max_depth_;
  std::vector<json*> open_;  // stable: only the innermost container grows
  json* slot_ = nullptr;
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

}  // namespace

nlohmann::json parse_json(std::string_view text, const std::string& where,
                          const JsonLimits& limits) {
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
  json value;
  StrictBuilder builder(value, limits.max_depth);
  if (json::sax_parse(text, &builder)) return value;
  const std::string at =
      builder.position() > 0 ? " at " + line_and_column(text, builder.position()) : "";
  throw FileError(where, "invalid_json", "is not valid JSON" + at + ": " + builder.message());
}

json read_json(const std::filesystem::path& path, int64_t max_bytes) {
  return parse_json(read_file(path, max_bytes), path.string());
}

std::string dump_json(const nlohmann::json& value) {
  return value.dump(-1, ' ', false, json::error_handler_t::replace);
}

}  // namespace gradus
