#pragma once

#include <chrono>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "policy/tokenizer/jinja/value.h"

namespace gradus::policy::jinja {

/// Arguments of a filter, test, method or function.
struct Arguments {
  std::vector<Value> positional;
  std::vector<std::pair<std::string, Value>> named;

  /// The argument at `index` or called `name`; nullptr if it was not given.
  const Value* find(size_t index, std::string_view name) const;
  /// @throws gradus::Error  the argument is absent or of another type.
  std::string text(size_t index, std::string_view name) const;
  std::string text(size_t index, std::string_view name, std::string otherwise) const;
  int64_t integer(size_t index, std::string_view name, int64_t otherwise) const;
  bool flag(size_t index, std::string_view name, bool otherwise) const;
};

/// What the built-in parts of the language need of the evaluation they run in.
struct Context {
  Meter& meter;
  std::chrono::system_clock::time_point now;

  /// Pays for bytes that are made.
  void charge(size_t bytes) const { meter.charge(bytes); }
};

bool is_filter(std::string_view name);
bool is_test(std::string_view name);
bool is_method(std::string_view name);
bool is_function(std::string_view name);

/// @throws gradus::Error  there is no such filter, or it does not fit its value.
Value apply_filter(const std::string& name, const Value& value, const Arguments& args,
                   const Context& context);
/// @throws gradus::Error  there is no such test, or it does not fit its value.
bool apply_test(const std::string& name, const Value& value, const Arguments& args,
                const Context& context);
/// @throws gradus::Error  `object` has no such method.
Value call_method(const Value& object, const std::string& name, const Arguments& args,
                  const Context& context);
Value call_function(const std::string& name, const Arguments& args, const Context& context);

/// value[key]: the item; else, as Jinja2 does, the attribute or method of that name; else
/// undefined.
Value item_of(const Value& value, const Value& key, const Context& context);
/// value.name: a method; else an entry of a dict, a field of a namespace or of loop; else
/// undefined.
Value attribute_of(const Value& value, const std::string& name, const Context& context);
/// value[start:stop:step]; null pointers are absent bounds.
Value slice_of(const Value& value, const Value* start, const Value* stop, const Value* step,
               const Context& context);
/// `needle in haystack`.
bool contains(const Value& haystack, const Value& needle, const Context& context);
/// left < right: -1, 0 or 1. @throws gradus::Error  the types have no order.
int compare(const Value& left, const Value& right, const Context& context);
/// The items that a loop over the value walks through, paid for.
/// @throws gradus::Error  it cannot be walked.
std::vector<Value> iterate(const Value& value, const Context& context);

/// "{} {name}".format(...) and "%s" % ..., Python's forms of text, numbers and widths.
Value format_braces(const std::string& text, const Arguments& args, const Context& context);
Value format_percent(const std::string& text, const Value& values, const Context& context);

}  // namespace gradus::policy::jinja
