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
  const Value* indent = args.find(1, "indent");
  if (indent != nullptr && !indent->is_none()) {
    const int64_t width =
        indent->string() ? 0 : std::clamp<int64_t>(args.integer(1, "indent", 0), 0, 1000);
    style.indent =
        indent->string() ? *indent->string() : std::string(static_cast<size_t>(width), ' ');
    style.item_separator = ",";
  }
  style.sort_keys = args.flag(3, "sort_keys", false);
  const Value* separators = args.find(2, "separators");
  if (separators != nullptr && !separators->is_none()) {
    const List* both = separators->items();
    if (both == nullptr || both->values.size() != 2) throw Error("separators must be two strings");
    style.item_separator = both->values[0].str(context.meter);
    style.key_separator = both->values[1].str(context.meter);
  }
  return Value::text(to_json(value, style, context.meter));
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
  const std::string text = value.str(context.meter);
  context.charge(space.size());
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

// No text is marked as safe here: what is escaped is plain text again.
Value escaped(const Value& value, const Arguments&, const Context& context) {
  std::string out;
  for (const char c : value.str(context.meter)) {
    const std::string_view entity = c == '&'    ? "&amp;"
                                    : c == '<'  ? "&lt;"
                                    : c == '>'  ? "&gt;"
                                    : c == '"'  ? "&#34;"
                                    : c == '\'' ? "&#39;"
                                                : std::string_view(&c, 1);
    out += entity;
  }
  context.charge(out.size());
  return Value::text(std::move(out));
}

Value truncated(const Value& value, const Arguments& args, const Context& context) {
  const std::string text = value.str(context.meter);
  const int64_t length = args.integer(0, "length", 255);
  const bool cuts_words = args.flag(1, "killwords", false);
  const std::string end = args.text(2, "end", "...");
  const int64_t leeway = args.integer(3, "leeway", 5);
  if (count_code_points(text) <= length + leeway) return value;
  const int64_t room = std::max<int64_t>(0, length - count_code_points(end));
  size_t at = 0;
  for (int64_t i = 0; i < room; ++i) at += read_utf8(std::string_view(text).substr(at)).length;
  std::string cut = text.substr(0, at);
  if (!cuts_words) cut = cut.substr(0, cut.rfind(' '));
  return Value::text(cut + end);
}

Value url_encoded(const Value& value, const Arguments&, const Context& context) {
  if (value.string() == nullptr) throw Error("urlencode of something that is not a string");
  context.charge(3 * value.string()->size());
  static constexpr std::string_view kKept =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-~/";
  std::string out;
  for (const char c : *value.string()) {
    if (kKept.find(c) != std::string_view::npos) {
      out += c;
    } else {
      append_hex(out, "%%%02X", static_cast<unsigned char>(c));
    }
  }
  return Value::text(std::move(out));
}

// A word is a run of Unicode's word characters.
Value word_count(const Value& value, const Arguments&, const Context& context) {
  const std::string text = value.str(context.meter);
  int64_t words = 0;
  bool in_word = false;
  for (size_t at = 0; at < text.size();) {
    const Utf8Step step = read_utf8(std::string_view(text).substr(at));
    const bool is_part = is_word(step.code_point);
    words += is_part && !in_word ? 1 : 0;
    in_word = is_part;
    at += static_cast<size_t>(step.length);
  }
  return Value::integer(words);
}

template <std::string (*change)(std::string_view)>
Value changed(const Value& value, const Arguments&, const Context& context) {
  const std::string text = value.str(context.meter);
  context.charge(text.size());
  return Value::text(change(text));
}

const std::map<std::string_view, Filter>& filters() {
  static const std::map<std::string_view, Filter> all = {
      {"abs", absolute},
      {"attr",
       [](const Value& v, const Arguments& a, const Context& c) {
         const std::string name = a.text(0, "name");
         // Attributes alone: an entry of a dict is none.
         if (v.entries() != nullptr && !attribute_of(v, name, c).as<Function>()) {
           return Value::undefined(name);
         }
         return attribute_of(v, name, c);
       }},
      {"batch", list_filters::batched},
      {"capitalize", changed<capitalized>},
      {"center",
       [](const Value& v, const Arguments& a, const Context& c) {
         return Value::text(
             padded(v.str(c.meter), a.integer(0, "width", 80), " ", Padding::kBoth, c.meter));
       }},
      {"count", text_length},
      {"d", defaulted},
      {"default", defaulted},
      {"dictsort", list_filters::dict_sorted},
      {"e", escaped},
      {"escape", escaped},
      {"first",
       [](const Value& v, const Arguments&, const Context& c) {
         const auto items = list_filters::items_of(v, c);
         return items.empty() ? Value::undefined("the first item of nothing") : items.front();
       }},
      {"float", to_float},
      {"forceescape", escaped},
      {"format",
       [](const Value& v, const Arguments& a, const Context& c) {
         const bool is_named = !a.named.empty();
         return format_percent(
             v.str(c.meter), is_named ? Value::dict(a.named) : Value::list(a.positional, true), c);
       }},
      {"groupby", list_filters::grouped_by},
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
      {"max", list_filters::largest},
      {"min", list_filters::smallest},
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
         return Value::text(replace_all(v.str(c.meter), a.text(0, "old"), a.text(1, "new"),
                                        a.integer(2, "count", -1), c.meter));
       }},
      {"reverse", list_filters::reversed},
      {"round", rounded},
      // Nothing is escaped here, so that nothing need be marked as safe.
      {"safe", [](const Value& v, const Arguments&,
                  const Context& c) { return Value::text(v.str(c.meter)); }},
      {"select",
       [](const Value& v, const Arguments& a, const Context& c) {
         return list_filters::choose(v, a, c, /*by_attribute=*/false, /*keep=*/true);
       }},
      {"selectattr",
       [](const Value& v, const Arguments& a, const Context& c) {
         return list_filters::choose(v, a, c, /*by_attribute=*/true, /*keep=*/true);
       }},
      {"slice", list_filters::in_slices},
      {"sort", list_filters::sorted},
      {"string", [](const Value& v, const Arguments&,
                    const Context& c) { return Value::text(v.str(c.meter)); }},
      {"sum", list_filters::sum},
      {"title", changed<title_case>},
      {"tojson", json},
      {"trim",
       [](const Value& v, const Arguments& a, const Context& c) {
         const std::string text = v.str(c.meter);
         const Value* chars = a.find(0, "chars");
         const bool given = chars != nullptr && !chars->is_none();
         const std::string set = given ? a.text(0, "chars") : "";
         return Value::text(strip(text, given ? &set : nullptr, true, true));
       }},
      {"truncate", truncated},
      {"unique", list_filters::unique},
      {"upper", changed<upper_case>},
      {"urlencode", url_encoded},
      {"wordcount", word_count},
  };
  return all;
}

}  // namespace

bool is_filter(std::string_view name) {
  return filters().contains(name);
}

Value apply_filter(const std::string& name, const Value& value, const Arguments& args,
                   const Context& context) {
  context.meter.step();
  const auto filter = filters().find(name);
  if (filter == filters().end()) throw Error("filter \"" + name + "\" is not supported");
  return filter->second(value, args, context);
}

}  // namespace gradus::policy::jinja
