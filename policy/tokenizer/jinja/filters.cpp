// The filters of the language.

#include <algorithm>
#include <cmath>
#include <map>

#include "base/error.h"
#include "policy/tokenizer/jinja/builtins.h"
#include "policy/tokenizer/jinja/strings.h"
#include "policy/tokenizer/utf8.h"

namespace gradus::policy::jinja {
namespace {

using Filter = Value (*)(const Value&, const Arguments&, const Context&);

std::vector<Value> items_of(const Value& value, const Context& context) {
  std::vector<Value> items = iterate(value);
  context.charge(items.size());
  return items;
}

// "a.b.0": attributes and items, one after the other.
Value attribute_path(Value value, const std::string& path) {
  for (size_t from = 0; from <= path.size();) {
    const size_t dot = std::min(path.find('.', from), path.size());
    const std::string part = path.substr(from, dot - from);
    const bool is_index = !part.empty() && part.size() < 10 &&
                          part.find_first_not_of("0123456789") == std::string::npos;
    value = is_index ? item_of(value, Value::integer(std::stoll(part))) : attribute_of(value, part);
    from = dot + 1;
  }
  return value;
}

Value text_length(const Value& value, const Arguments&, const Context& context) {
  if (const std::string* text = value.string()) {
    context.charge(text->size());
    return Value::integer(count_code_points(*text));
  }
  if (value.is_none() || value.is_number()) {
    throw Error(std::string("a ") + value.type_name() + " has no length");
  }
  return Value::integer(static_cast<int64_t>(items_of(value, context).size()));
}

Value json(const Value& value, const Arguments& args, const Context& context) {
  JsonStyle style;
  style.ensure_ascii = args.flag(0, "ensure_ascii", false);
  style.indent = static_cast<int>(std::clamp<int64_t>(args.integer(1, "indent", -1), -1, 64));
  style.sort_keys = args.flag(3, "sort_keys", false);
  if (style.indent >= 0) style.item_separator = ",";
  const Value* separators = args.find(2, "separators");
  if (separators != nullptr && !separators->is_none()) {
    const List* both = separators->items();
    if (both == nullptr || both->values.size() != 2) throw Error("separators must be two strings");
    style.item_separator = both->values[0].str();
    style.key_separator = both->values[1].str();
  }
  std::string out = to_json(value, style);
  context.charge(out.size());
  return Value::text(std::move(out));
}

Value join(const Value& value, const Arguments& args, const Context& context) {
  const std::string between = args.text(0, "d", "");
  const Value* path = args.find(1, "attribute");
  std::string out;
  bool first = true;
  for (const Value& item : items_of(value, context)) {
    const Value part = path != nullptr ? attribute_path(item, path->str()) : item;
    out += (first ? "" : between) + part.str();
    context.charge(between.size() + 16);
    first = false;
  }
  context.charge(out.size());
  return Value::text(std::move(out));
}

Value map(const Value& value, const Arguments& args, const Context& context) {
  std::vector<Value> out;
  const Value* path = args.find(args.positional.size(), "attribute");
  const Value* otherwise = args.find(args.positional.size(), "default");
  Arguments rest;
  if (path == nullptr) {
    const std::string name = args.text(0, "filter");
    if (!is_filter(name)) throw Error("filter \"" + name + "\" is not supported");
    rest.positional.assign(args.positional.begin() + 1, args.positional.end());
    rest.named = args.named;
  }
  for (const Value& item : items_of(value, context)) {
    if (path == nullptr) {
      out.push_back(apply_filter(*args.positional[0].string(), item, rest, context));
      continue;
    }
    Value found = attribute_path(item, path->str());
    if (found.is_undefined() && otherwise != nullptr) found = *otherwise;
    out.push_back(std::move(found));
  }
  return Value::list(std::move(out));
}

// select, reject, selectattr, rejectattr: `first` is the place of the test's name.
Value choose(const Value& value, const Arguments& args, const Context& context, bool by_attribute,
             bool keep) {
  const size_t first = by_attribute ? 1 : 0;
  std::string path;
  if (by_attribute) path = args.text(0, "attribute");
  const std::string test = args.text(first, "test", "");
  if (!test.empty() && !is_test(test)) throw Error("test \"" + test + "\" is not supported");
  Arguments rest;
  if (args.positional.size() > first + 1) {
    rest.positional.assign(args.positional.begin() + static_cast<std::ptrdiff_t>(first) + 1,
                           args.positional.end());
  }
  std::vector<Value> out;
  for (const Value& item : items_of(value, context)) {
    const Value subject = by_attribute ? attribute_path(item, path) : item;
    const bool holds = test.empty() ? subject.truth() : apply_test(test, subject, rest);
    if (holds == keep) out.push_back(item);
  }
  return Value::list(std::move(out));
}

Value to_int(const Value& value, const Arguments& args, const Context&) {
  int64_t out = 0;
  if (value.to_integer(&out)) return Value::integer(out);
  double real = 0;
  const std::string text = value.string() ? strip(*value.string(), nullptr, true, true) : "";
  if (!text.empty()) {
    const int base = static_cast<int>(std::clamp<int64_t>(args.integer(1, "base", 10), 2, 36));
    char* end = nullptr;
    errno = 0;
    const long long parsed = std::strtoll(text.c_str(), &end, base);
    if (*end == '\0' && errno == 0) return Value::integer(parsed);
    real = std::strtod(text.c_str(), &end);
    if (*end != '\0') return Value::integer(args.integer(0, "default", 0));
  } else if (!value.to_real(&real)) {
    return Value::integer(args.integer(0, "default", 0));
  }
  if (!(std::fabs(real) < 9e18)) return Value::integer(args.integer(0, "default", 0));
  return Value::integer(static_cast<int64_t>(real));
}

Value to_float(const Value& value, const Arguments& args, const Context&) {
  double out = 0;
  if (value.to_real(&out)) return Value::real(out);
  const Value* otherwise = args.find(0, "default");
  if (const std::string* text = value.string()) {
    const std::string digits = strip(*text, nullptr, true, true);
    char* end = nullptr;
    out = std::strtod(digits.c_str(), &end);
    if (!digits.empty() && *end == '\0') return Value::real(out);
  }
  return otherwise != nullptr ? *otherwise : Value::real(0);
}

Value rounded(const Value& value, const Arguments& args, const Context&) {
  double real = 0;
  if (!value.to_real(&real)) throw Error("round of something that is not a number");
  const int64_t digits = args.integer(0, "precision", 0);
  const std::string method = args.text(1, "method", "common");
  if (digits < 0 || digits > 15) throw Error("round: precision must be 0 to 15");
  const double scale = std::pow(10.0, static_cast<double>(digits));
  if (method == "ceil") return Value::real(std::ceil(real * scale) / scale);
  if (method == "floor") return Value::real(std::floor(real * scale) / scale);
  if (method != "common") throw Error("round: method must be common, ceil or floor");
  char buffer[512];
  std::snprintf(buffer, sizeof buffer, "%.*f", static_cast<int>(digits), real);
  return Value::real(std::strtod(buffer, nullptr));
}

Value sorted(const Value& value, const Arguments& args, const Context& context) {
  std::vector<Value> items = items_of(value, context);
  const bool reverse = args.flag(0, "reverse", false);
  const bool case_sensitive = args.flag(1, "case_sensitive", false);
  const Value* path = args.find(2, "attribute");
  const auto key = [&](const Value& item) {
    Value k = path != nullptr ? attribute_path(item, path->str()) : item;
    return !case_sensitive && k.string() ? Value::text(lower_case(*k.string())) : k;
  };
  std::vector<std::pair<Value, Value>> keyed;
  keyed.reserve(items.size());
  for (Value& item : items) keyed.emplace_back(key(item), item);
  context.charge(keyed.size() * 16);
  std::stable_sort(keyed.begin(), keyed.end(), [&](const auto& a, const auto& b) {
    return reverse ? compare(a.first, b.first) > 0 : compare(a.first, b.first) < 0;
  });
  for (size_t i = 0; i < items.size(); ++i) items[i] = keyed[i].second;
  return Value::list(std::move(items));
}

Value dict_sorted(const Value& value, const Arguments& args, const Context& context) {
  if (value.entries() == nullptr) throw Error("dictsort of something that is not a dict");
  const bool case_sensitive = args.flag(0, "case_sensitive", false);
  const bool by_value = args.text(1, "by", "key") == "value";
  Arguments order;
  order.named = {{"reverse", Value::boolean(args.flag(2, "reverse", false))},
                 {"case_sensitive", Value::boolean(case_sensitive)},
                 {"attribute", Value::text(by_value ? "1" : "0")}};
  return sorted(call_method(value, "items", {}, context), order, context);
}

Value unique(const Value& value, const Arguments& args, const Context& context) {
  const bool case_sensitive = args.flag(0, "case_sensitive", false);
  const Value* path = args.find(1, "attribute");
  std::vector<Value> keys;
  std::vector<Value> out;
  for (const Value& item : items_of(value, context)) {
    Value k = path != nullptr ? attribute_path(item, path->str()) : item;
    if (!case_sensitive && k.string()) k = Value::text(lower_case(*k.string()));
    context.charge(keys.size());
    if (std::any_of(keys.begin(), keys.end(), [&](const Value& o) { return o.equals(k); }))
      continue;
    keys.push_back(std::move(k));
    out.push_back(item);
  }
  return Value::list(std::move(out));
}

Value indented(const Value& value, const Arguments& args, const Context& context) {
  const Value* width = args.find(0, "width");
  const std::string space =
      width != nullptr && width->string()
          ? *width->string()
          : std::string(
                static_cast<size_t>(std::clamp<int64_t>(args.integer(0, "width", 4), 0, 256)), ' ');
  const bool first = args.flag(1, "first", false);
  const bool blank = args.flag(2, "blank", false);
  const std::string text = value.str();
  std::string out = first ? space : "";
  for (size_t from = 0; from <= text.size();) {
    const size_t end = std::min(text.find('\n', from), text.size());
    if (from > 0 && (blank || end > from)) out += space;
    out.append(text, from, end - from);
    if (end < text.size()) out += '\n';
    context.charge(space.size() + end - from + 1);
    from = end + 1;
  }
  return Value::text(std::move(out));
}

Value sum(const Value& value, const Arguments& args, const Context& context) {
  const Value* path = args.find(0, "attribute");
  int64_t whole = args.integer(1, "start", 0);
  double real = 0;
  bool is_real = false;
  for (const Value& item : items_of(value, context)) {
    const Value part =
        path != nullptr && !path->is_none() ? attribute_path(item, path->str()) : item;
    int64_t i = 0;
    double d = 0;
    if (part.to_integer(&i)) {
      if (__builtin_add_overflow(whole, i, &whole)) throw Error("sum: the number is too large");
    } else if (part.to_real(&d)) {
      real += d;
      is_real = true;
    } else {
      throw Error("sum of something that is not a number");
    }
  }
  return is_real ? Value::real(real + static_cast<double>(whole)) : Value::integer(whole);
}

Value extreme(const Value& value, const Context& context, int wanted) {
  const std::vector<Value> items = items_of(value, context);
  if (items.empty()) return Value::undefined("an item of an empty list");
  const Value* best = &items[0];
  for (const Value& item : items) {
    if (compare(item, *best) == wanted) best = &item;
  }
  return *best;
}

Value reversed(const Value& value, const Arguments&, const Context& context) {
  std::vector<Value> items = items_of(value, context);
  std::reverse(items.begin(), items.end());
  if (value.string() == nullptr) return Value::list(std::move(items));
  std::string out;
  for (const Value& c : items) out += *c.string();
  return Value::text(std::move(out));
}

Value absolute(const Value& value, const Arguments&, const Context&) {
  if (const int64_t* i = value.as<int64_t>(); i != nullptr && *i != INT64_MIN) {
    return Value::integer(*i < 0 ? -*i : *i);
  }
  double real = 0;
  if (!value.to_real(&real)) throw Error("abs of something that is not a number");
  return Value::real(std::fabs(real));
}

Value defaulted(const Value& value, const Arguments& args, const Context&) {
  const Value* otherwise = args.find(0, "default_value");
  const bool missing = value.is_undefined() || (args.flag(1, "boolean", false) && !value.truth());
  if (!missing) return value;
  return otherwise != nullptr ? *otherwise : Value::text("");
}

Value pairs(const Value& value, const Arguments&, const Context& context) {
  if (value.is_undefined()) return Value::list({});
  if (value.entries() == nullptr) throw Error("items of something that is not a dict");
  return call_method(value, "items", {}, context);
}

template <std::string (*change)(std::string_view)>
Value changed(const Value& value, const Arguments&, const Context& context) {
  const std::string text = value.str();
  context.charge(text.size());
  return Value::text(change(text));
}

const std::map<std::string_view, Filter>& filters() {
  static const std::map<std::string_view, Filter> all = {
      {"abs", absolute},
      {"capitalize", changed<capitalized>},
      {"count", text_length},
      {"d", defaulted},
      {"default", defaulted},
      {"dictsort", dict_sorted},
      {"first",
       [](const Value& v, const Arguments&, const Context& c) {
         const auto items = items_of(v, c);
         return items.empty() ? Value::undefined("the first item of nothing") : items.front();
       }},
      {"float", to_float},
      {"indent", indented},
      {"int", to_int},
      {"items", pairs},
      {"join", join},
      {"last",
       [](const Value& v, const Arguments&, const Context& c) {
         const auto items = items_of(v, c);
         return items.empty() ? Value::undefined("the last item of nothing") : items.back();
       }},
      {"length", text_length},
      {"list", [](const Value& v, const Arguments&,
                  const Context& c) { return Value::list(items_of(v, c)); }},
      {"lower", changed<lower_case>},
      {"map", map},
      {"max", [](const Value& v, const Arguments&, const Context& c) { return extreme(v, c, 1); }},
      {"min", [](const Value& v, const Arguments&, const Context& c) { return extreme(v, c, -1); }},
      {"reject",
       [](const Value& v, const Arguments& a, const Context& c) {
         return choose(v, a, c, /*by_attribute=*/false, /*keep=*/false);
       }},
      {"rejectattr",
       [](const Value& v, const Arguments& a, const Context& c) {
         return choose(v, a, c, /*by_attribute=*/true, /*keep=*/false);
       }},
      {"replace",
       [](const Value& v, const Arguments& a, const Context& c) {
         const std::string text = v.str();
         const std::string to = a.text(1, "new");
         c.charge(text.size() + to.size() * (text.size() + 1));
         return Value::text(replace_all(text, a.text(0, "old"), to, a.integer(2, "count", -1)));
       }},
      {"reverse", reversed},
      {"round", rounded},
      // Nothing is escaped here, so that nothing need be marked as safe.
      {"safe",
       [](const Value& v, const Arguments&, const Context&) { return Value::text(v.str()); }},
      {"select",
       [](const Value& v, const Arguments& a, const Context& c) {
         return choose(v, a, c, /*by_attribute=*/false, /*keep=*/true);
       }},
      {"selectattr",
       [](const Value& v, const Arguments& a, const Context& c) {
         return choose(v, a, c, /*by_attribute=*/true, /*keep=*/true);
       }},
      {"sort", sorted},
      {"string",
       [](const Value& v, const Arguments&, const Context&) { return Value::text(v.str()); }},
      {"sum", sum},
      {"title", changed<title_case>},
      {"tojson", json},
      {"trim",
       [](const Value& v, const Arguments& a, const Context& c) {
         const std::string text = v.str();
         c.charge(text.size());
         const Value* chars = a.find(0, "chars");
         const bool given = chars != nullptr && !chars->is_none();
         const std::string set = given ? a.text(0, "chars") : "";
         return Value::text(strip(text, given ? &set : nullptr, true, true));
       }},
      {"unique", unique},
      {"upper", changed<upper_case>},
  };
  return all;
}

}  // namespace

bool is_filter(std::string_view name) {
  return filters().contains(name);
}

Value apply_filter(const std::string& name, const Value& value, const Arguments& args,
                   const Context& context) {
  context.charge(1);
  return filters().at(name)(value, args, context);
}

}  // namespace gradus::policy::jinja
