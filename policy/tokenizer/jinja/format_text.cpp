// str.format and the operator %: Python's forms of values.
#include <algorithm>
#include <cmath>
#include <optional>

#include "base/error.h"
#include "policy/tokenizer/jinja/builtins.h"
#include "policy/tokenizer/jinja/format_spec.h"
#include "policy/tokenizer/jinja/strings.h"
#include "policy/tokenizer/utf8.h"

namespace gradus::policy::jinja {
namespace {

bool skip_char(std::string_view& text, char c) {
  if (text.empty() || text.front() != c) return false;
  text.remove_prefix(1);
  return true;
}

/// One text with fields in braces.
class BraceFormat {
 public:
  BraceFormat(const Arguments& args, const Context& context) : args_(args), context_(context) {}

  std::string format(std::string_view text, int depth) {
    if (depth > 2) throw Error("format(): fields are nested too deeply");
    std::string out;
    for (size_t at = 0; at < text.size();) {
      const char c = text[at];
      const bool is_double = at + 1 < text.size() && text[at + 1] == c;
      if ((c == '{' || c == '}') && is_double && depth == 1) {
        out += c;
        at += 2;
      } else if (c == '{') {
        const size_t end = closing_brace(text, at);
        out += field(text.substr(at + 1, end - at - 1), depth);
        at = end + 1;
      } else if (c == '}') {
        throw Error("format(): a single '}' in the text");
      } else {
        out += c;
        ++at;
      }
    }
    return out;
  }

 private:
  static size_t closing_brace(std::string_view text, size_t at) {
    int open = 0;
    for (; at < text.size(); ++at) {
      open += text[at] == '{' ? 1 : text[at] == '}' ? -1 : 0;
      if (open == 0) return at;
    }
    throw Error("format(): a '{' is not closed");
  }

  std::string field(std::string_view field, int depth) {
    context_.meter.step();
    std::string spec;
    // A colon inside [ ] belongs to the name.
    const size_t bracket = std::min(field.find('['), field.size());
    size_t colon = field.find(':');
    if (colon != std::string_view::npos && colon > bracket) {
      colon = field.find(':', std::min(field.find(']', bracket), field.size()));
    }
    if (colon != std::string_view::npos) {
      spec = format(field.substr(colon + 1), depth + 1);
      field = field.substr(0, colon);
    }
    char conversion = 0;
    if (field.size() >= 2 && field[field.size() - 2] == '!') {
      conversion = field.back();
      field.remove_suffix(2);
    }
    Value value = named(field);
    if (conversion == 'r' || conversion == 'a') value = Value::text(value.repr(context_.meter));
    if (conversion == 's') value = Value::text(value.str(context_.meter));
    std::string out = format_value(value, spec, context_.meter);
    context_.charge(out.size());
    return out;
  }

  Value named(std::string_view name) {
    const size_t end = std::min(name.find_first_of(".["), name.size());
    Value value = argument(std::string(name.substr(0, end)));
    for (name = name.substr(end); !name.empty();) {
      if (skip_char(name, '.')) {
        const size_t stop = std::min(name.find_first_of(".["), name.size());
        value = attribute_of(value, std::string(name.substr(0, stop)), context_);
        name = name.substr(stop);
      } else if (skip_char(name, '[')) {
        const size_t stop = name.find(']');
        if (stop == std::string_view::npos) throw Error("format(): a '[' is not closed");
        value = item_of(value, key_of(std::string(name.substr(0, stop))), context_);
        name = name.substr(stop + 1);
      } else {
        throw Error("format(): a field's name cannot be read");
      }
    }
    return value;
  }

  static Value key_of(const std::string& key) {
    std::string_view digits = key;
    const int64_t index = take_number(digits, -1);
    return index >= 0 && digits.empty() ? Value::integer(index) : Value::text(key);
  }

  Value argument(const std::string& name) {
    std::string_view digits = name;
    int64_t index = take_number(digits, -1);
    if (name.empty()) index = next_++;
    if (index >= 0 && digits.empty()) {
      if (static_cast<size_t>(index) < args_.positional.size()) {
        return args_.positional[static_cast<size_t>(index)];
      }
      throw Error("format(): there is no value number " + std::to_string(index));
    }
    for (const auto& [key, value] : args_.named) {
      if (key == name) return value;
    }
    throw Error("format(): there is no value \"" + name + "\"");
  }

  const Arguments& args_;
  const Context& context_;
  int64_t next_ = 0;
};

/// The values of one "%", in order.
class PercentValues {
 public:
  PercentValues(const Value& values, const Context& context) : values_(values), context_(context) {
    const List* list = values.items();
    tuple_ = list != nullptr && list->is_tuple ? list : nullptr;
  }
  Value next() {
    if (tuple_ == nullptr ? used_ > 0 : used_ >= tuple_->values.size()) {
      throw Error("'%' has fewer values than the text has places");
    }
    const size_t place = used_++;
    return tuple_ == nullptr ? values_ : tuple_->values[place];
  }
  Value named(const std::string& name) {
    const Dict* dict = values_.entries();
    const Value* found = dict != nullptr ? dict->find(name, context_.meter) : nullptr;
    if (found == nullptr) throw Error("'%' has no value \"" + name + "\"");
    is_named_ = true;
    return *found;
  }
  void check_all_used() const {
    const bool is_mapping = values_.entries() != nullptr;
    const size_t count = tuple_ != nullptr ? tuple_->values.size() : 1;
    if (!is_named_ && !is_mapping && used_ < count) {
      throw Error("'%' has more values than the text has places");
    }
  }

 private:
  const Value& values_;
  const Context& context_;
  const List* tuple_ = nullptr;
  size_t used_ = 0;
  bool is_named_ = false;
};

std::string percent_value(Value value, FormatSpec spec, bool is_left, bool is_zero, Meter& meter) {
  if (spec.type == 'i' || spec.type == 'u') spec.type = 'd';
  const bool is_text = spec.type == 's' || spec.type == 'r' || spec.type == 'a';
  if (is_text) {
    std::string text = spec.type == 's' ? value.str(meter) : value.repr(meter);
    const std::string form = spec.precision < 0 ? "" : "." + std::to_string(spec.precision);
    text = format_value(Value::text(std::move(text)), form, meter);
    return with_width("", text, spec, is_left ? '<' : '>', meter);
  }
  if (spec.type == 'c' && value.string() != nullptr) {
    return with_width("", *value.string(), spec, is_left ? '<' : '>', meter);
  }
  if (!value.is_number()) {
    throw Error(std::string("'%") + spec.type + "' needs a number, not a " + value.type_name());
  }
  double real = 0;
  if (value.as<double>() && std::string_view("dxXo").find(spec.type) != std::string_view::npos) {
    value.to_real(&real);
    if (spec.type != 'd' || !(std::fabs(real) < 9e18)) throw Error("'%' of a float as an integer");
    value = Value::integer(static_cast<int64_t>(real));
  }
  spec.align = is_left ? '<' : is_zero ? '=' : '>';
  if (is_zero && !is_left) spec.fill = "0";
  return format_number(value, spec, meter);
}

/// What stands for one "%..." at the start of `rest`, which is taken from it.
std::string percent_place(std::string_view& rest, PercentValues& values, Meter& meter) {
  meter.step();
  rest.remove_prefix(1);
  std::optional<std::string> name;
  if (skip_char(rest, '(')) {
    const size_t end = rest.find(')');
    if (end == std::string_view::npos) throw Error("'%': a '(' is not closed");
    name = rest.substr(0, end);
    rest = rest.substr(end + 1);
  }
  bool is_left = false;
  bool is_zero = false;
  FormatSpec spec;
  static constexpr std::string_view kFlags = "-+ 0#";
  for (; !rest.empty() && kFlags.find(rest.front()) != std::string_view::npos;
       rest.remove_prefix(1)) {
    const char flag = rest.front();
    is_left = is_left || flag == '-';
    is_zero = is_zero || flag == '0';
    spec.is_alternate = spec.is_alternate || flag == '#';
    if (flag == '+' || (flag == ' ' && spec.sign != '+')) spec.sign = flag;
  }
  spec.width = take_number(rest, 0);
  if (skip_char(rest, '.')) spec.precision = take_number(rest, 0);
  if (rest.empty()) throw Error("'%' at the end of the text");
  spec.type = rest.front();
  rest.remove_prefix(1);
  if (spec.type == '%') return "%";
  if (std::string_view("sradiuxXofFeEgGc").find(spec.type) == std::string_view::npos) {
    throw Error(std::string("'%") + spec.type + "' is no form of Python's");
  }
  const Value value = name ? values.named(*name) : values.next();
  return percent_value(value, spec, is_left, is_zero, meter);
}

}  // namespace

Value format_braces(const std::string& text, const Arguments& args, const Context& context) {
  context.charge(text.size());
  return Value::text(BraceFormat(args, context).format(text, 1));
}

Value format_percent(const std::string& text, const Value& values, const Context& context) {
  context.charge(text.size());
  PercentValues given(values, context);
  std::string out;
  for (std::string_view rest = text; !rest.empty();) {
    const size_t end = std::min(rest.find('%'), rest.size());
    out += rest.substr(0, end);
    rest = rest.substr(end);
    if (!rest.empty()) out += percent_place(rest, given, context.meter);
  }
  given.check_all_used();
  return Value::text(std::move(out));
}

}  // namespace gradus::policy::jinja
