// The filters of the language.

#include <algorithm>
#include <cmath>
#include <map>

#include "base/error.h"
#include "policy/tokenizer/jinja/builtins.h"
#include "policy/tokenizer/jinja/json_text.h"
#include "policy/tokenizer/jinja/list_filters.h"
#include "policy/tokenizer/jinja/strings.h"
#include "policy/tokenizer/utf8.h"

namespace gradus::policy::jinja {
namespace {

using Filter = Value (*)(const Value&, const Arguments&, const Context&);

Value text_length(const Value& value, const Arguments&, const Context& context) {
  if (const std::string* text = value.string()) {
    context.charge(text->size());
    return Value::integer(count_code_points(*text));
  }
  if (value.is_none() || value.is_number()) {
    throw Error(std::string("a ") + value.type_name() + " has no length");
  }
  return Value::integer(static_cast<int64_t>(list_filters::items_of(value, context).size()));
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
      {"dictsort", list_filters::dict_sorted},
      {"first",
       [](const Value& v, const Arguments&, const Context& c) {
         const auto items = list_filters::items_of(v, c);
         return items.empty() ? Value::undefined("the first item of nothing") : items.front();
       }},
      {"float", to_float},
      {"indent", indented},
      {"int", to_int},
      {"items", list_filters::pairs},
      {"join", list_filters::join},
      {"last",
       [](const Value& v, const Arguments&, const Context& c) {
         const auto items = list_filters::items_of(v, c);
         return items.empty() ? Value::undefined("the last item of nothing") : items.back();
       }},
      {"length", text_length},
      {"list", [](const Value& v, const Arguments&,
                  const Context& c) { return Value::list(list_filters::items_of(v, c)); }},
      {"lower", changed<lower_case>},
      {"map", list_filters::map},
      {"max", [](const Value& v, const Arguments&,
                 const Context& c) { return list_filters::extreme(v, c, 1); }},
      {"min", [](const Value& v, const Arguments&,
                 const Context& c) { return list_filters::extreme(v, c, -1); }},
      {"reject",
       [](const Value& v, const Arguments& a, const Context& c) {
         return list_filters::choose(v, a, c, /*by_attribute=*/false, /*keep=*/false);
       }},
      {"rejectattr",
       [](const Value& v, const Arguments& a, const Context& c) {
         return list_filters::choose(v, a, c, /*by_attribute=*/true, /*keep=*/false);
       }},
      {"replace",
       [](const Value& v, const Arguments& a, const Context& c) {
         const std::string text = v.str();
         const std::string to = a.text(1, "new");
         c.charge(text.size() + to.size() * (text.size() + 1));
         return Value::text(replace_all(text, a.text(0, "old"), to, a.integer(2, "count", -1)));
       }},
      {"reverse", list_filters::reversed},
      {"round", rounded},
      // Nothing is escaped here, so that nothing need be marked as safe.
      {"safe",
       [](const Value& v, const Arguments&, const Context&) { return Value::text(v.str()); }},
      {"select",
       [](const Value& v, const Arguments& a, const Context& c) {
         return list_filters::choose(v, a, c, /*by_attribute=*/false, /*keep=*/true);
       }},
      {"selectattr",
       [](const Value& v, const Arguments& a, const Context& c) {
         return list_filters::choose(v, a, c, /*by_attribute=*/true, /*keep=*/true);
       }},
      {"sort", list_filters::sorted},
      {"string",
       [](const Value& v, const Arguments&, const Context&) { return Value::text(v.str()); }},
      {"sum", list_filters::sum},
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
      {"unique", list_filters::unique},
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
