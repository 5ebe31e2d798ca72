#include "policy/tokenizer/jinja/builtins.h"

#include <algorithm>
#include <ctime>

#include "base/error.h"
#include "policy/tokenizer/jinja/strings.h"
#include "policy/tokenizer/utf8.h"

namespace gradus::policy::jinja {
namespace {

constexpr std::string_view kFunctions[] = {"range", "dict", "namespace", "raise_exception",
                                           "strftime_now"};
constexpr std::string_view kOtherMethods[] = {"items", "keys",  "values", "get",
                                              "index", "cycle", "copy"};
constexpr int64_t kMaxRange = 1'000'000;

template <size_t N>
bool among(const std::string_view (&names)[N], std::string_view name) {
  return std::find(std::begin(names), std::end(names), name) != std::end(names);
}

Value pairs_of(const Dict& dict) {
  std::vector<Value> out;
  for (const auto& [key, value] : dict.values) {
    out.push_back(Value::list({Value::text(key), value}, /*is_tuple=*/true));
  }
  return Value::list(std::move(out));
}

Value range(const Arguments& args, const Context& context) {
  int64_t bounds[3] = {0, 0, 1};
  const size_t given = args.positional.size();
  if (given < 1 || given > 3) throw Error("range() takes one to three numbers");
  for (size_t i = 0; i < given; ++i) {
    if (!args.positional[i].to_integer(&bounds[given == 1 ? 1 : i])) {
      throw Error("range() takes whole numbers");
    }
  }
  const int64_t step = bounds[2];
  if (step == 0) throw Error("range() with step 0");
  std::vector<Value> out;
  for (int64_t i = bounds[0]; step > 0 ? i < bounds[1] : i > bounds[1];) {
    if (static_cast<int64_t>(out.size()) >= kMaxRange) {
      throw Error("range() of more than 1,000,000 numbers");
    }
    context.charge(sizeof(Value));
    out.push_back(Value::integer(i));
    if (__builtin_add_overflow(i, step, &i)) break;
  }
  return Value::list(std::move(out));
}

std::vector<std::pair<std::string, Value>> named_and_positional(const Arguments& args) {
  std::vector<std::pair<std::string, Value>> out;
  for (const Value& value : args.positional) {
    const Dict* dict = value.entries();
    if (dict == nullptr) throw Error("dict() and namespace() take a dict and named values");
    out.insert(out.end(), dict->values.begin(), dict->values.end());
  }
  out.insert(out.end(), args.named.begin(), args.named.end());
  return out;
}

Value now_as(const std::string& format, const Context& context) {
  const std::time_t seconds = std::chrono::system_clock::to_time_t(context.now);
  std::tm local{};
  localtime_r(&seconds, &local);
  std::string out(format.size() * 16 + 256, '\0');
  out.resize(std::strftime(out.data(), out.size(), format.c_str(), &local));
  return Value::text(out);
}

// Python's slice: bounds counted from the end if negative, then cut to the sequence.
std::vector<size_t> slice_places(size_t size, const Value* start, const Value* stop,
                                 const Value* step) {
  const auto bound = [](const Value* v, int64_t otherwise) {
    int64_t out = otherwise;
    if (v != nullptr && !v->is_none() && !v->to_integer(&out)) {
      throw Error(std::string("a slice's bound is a ") + v->type_name() + ", must be an integer");
    }
    return out;
  };
  const auto count = static_cast<int64_t>(size);
  const int64_t stride = bound(step, 1);
  if (stride == 0) throw Error("a slice with step 0");
  const auto place = [&](const Value* v, int64_t otherwise) {
    if (v == nullptr || v->is_none()) return otherwise;
    int64_t at = bound(v, 0);
    if (at < 0) at += count;
    return stride > 0 ? std::clamp<int64_t>(at, 0, count) : std::clamp<int64_t>(at, -1, count - 1);
  };
  const int64_t from = place(start, stride > 0 ? 0 : count - 1);
  const int64_t to = place(stop, stride > 0 ? count : -1);
  std::vector<size_t> out;
  for (int64_t at = from; stride > 0 ? at < to : at > to;) {
    out.push_back(static_cast<size_t>(at));
    if (__builtin_add_overflow(at, stride, &at)) break;
  }
  return out;
}

}  // namespace

const Value* Arguments::find(size_t index, std::string_view name) const {
  if (index < positional.size()) return &positional[index];
  for (const auto& [key, value] : named) {
    if (key == name) return &value;
  }
  return nullptr;
}

std::string Arguments::text(size_t index, std::string_view name) const {
  const Value* value = find(index, name);
  if (value == nullptr || value->string() == nullptr) {
    throw Error("argument \"" + std::string(name) + "\" must be a string" +
                (value != nullptr ? std::string(", is a ") + value->type_name() : ""));
  }
  return *value->string();
}

std::string Arguments::text(size_t index, std::string_view name, std::string otherwise) const {
  return find(index, name) != nullptr ? text(index, name) : otherwise;
}

int64_t Arguments::integer(size_t index, std::string_view name, int64_t otherwise) const {
  const Value* value = find(index, name);
  if (value == nullptr || value->is_none()) return otherwise;
  int64_t out = 0;
  if (value->to_integer(&out)) return out;
  throw Error("argument \"" + std::string(name) + "\" must be an integer");
}

bool Arguments::flag(size_t index, std::string_view name, bool otherwise) const {
  const Value* value = find(index, name);
  return value != nullptr ? value->truth() : otherwise;
}

bool is_function(std::string_view name) {
  return among(kFunctions, name);
}
bool is_method(std::string_view name) {
  return is_string_method(name) || among(kOtherMethods, name);
}

Value call_function(const std::string& name, const Arguments& args, const Context& context) {
  if (name == "range") return range(args, context);
  if (name == "dict") return Value::dict(named_and_positional(args));
  if (name == "namespace") {
    auto space = std::make_shared<Namespace>();
    for (auto& [key, value] : named_and_positional(args)) space->set(key, std::move(value));
    return Value(Value::Data(std::move(space)));
  }
  if (name == "strftime_now") return now_as(args.text(0, "format"), context);
  const Value* message = args.find(0, "message");
  throw Error("the template refuses these messages: " + (message ? message->str() : ""));
}

Value call_method(const Value& object, const std::string& name, const Arguments& args,
                  const Context& context) {
  if (const std::string* text = object.string(); text != nullptr && is_string_method(name)) {
    return call_string_method(*text, name, args, context);
  }
  if (const Dict* dict = object.entries()) {
    context.charge(dict->values.size());
    if (name == "items") return pairs_of(*dict);
    if (name == "copy") return object;
    if (name == "keys" || name == "values") {
      std::vector<Value> out;
      for (const auto& [key, value] : dict->values) {
        out.push_back(name == "keys" ? Value::text(key) : value);
      }
      return Value::list(std::move(out));
    }
    if (name == "get") {
      const Value* key = args.find(0, "key");
      const Value* otherwise = args.find(1, "default");
      const Value* found =
          key != nullptr && key->string() != nullptr ? dict->find(*key->string()) : nullptr;
      return found != nullptr ? *found : otherwise != nullptr ? *otherwise : Value::none();
    }
  }
  if (const List* list = object.items()) {
    const Value* wanted = args.find(0, "value");
    context.charge(list->values.size());
    if (name == "copy") return object;
    if (wanted != nullptr && name == "count") {
      return Value::integer(std::count_if(list->values.begin(), list->values.end(),
                                          [&](const Value& v) { return v.equals(*wanted); }));
    }
    if (wanted != nullptr && name == "index") {
      for (size_t i = 0; i < list->values.size(); ++i) {
        if (list->values[i].equals(*wanted)) return Value::integer(static_cast<int64_t>(i));
      }
      throw Error("index() of a value that is not in the list");
    }
  }
  if (const auto* loop = object.as<std::shared_ptr<const Loop>>();
      loop != nullptr && name == "cycle" && !args.positional.empty()) {
    return args.positional[(*loop)->index0 % args.positional.size()];
  }
  if (const Undefined* undefined = object.as<Undefined>()) {
    throw Error("\"" + undefined->name + "\" is undefined, ." + name + "() was called on it");
  }
  throw Error(std::string("a ") + object.type_name() + " has no method ." + name + "()");
}

Value item_of(const Value& value, const Value& key) {
  if (const Undefined* undefined = value.as<Undefined>()) {
    throw Error("\"" + undefined->name + "\" is undefined, an item of it was wanted");
  }
  int64_t index = 0;
  if (const List* list = value.items(); list != nullptr && key.to_integer(&index)) {
    const auto size = static_cast<int64_t>(list->values.size());
    if (index < 0) index += size;
    if (index >= 0 && index < size) return list->values[static_cast<size_t>(index)];
  } else if (const std::string* text = value.string(); text != nullptr && key.to_integer(&index)) {
    const int64_t size = count_code_points(*text);
    if (index < 0) index += size;
    if (index >= 0 && index < size) {
      size_t at = 0;
      for (; index > 0; --index) at += read_utf8(std::string_view(*text).substr(at)).length;
      return Value::text(text->substr(at, read_utf8(std::string_view(*text).substr(at)).length));
    }
  } else if (const std::string* name = key.string()) {
    return attribute_of(value, *name);
  }
  return Value::undefined(key.str());
}

Value attribute_of(const Value& value, const std::string& name) {
  if (const Undefined* undefined = value.as<Undefined>()) {
    throw Error("\"" + undefined->name + "\" is undefined, its \"" + name + "\" was wanted");
  }
  if (const Dict* dict = value.entries()) {
    if (const Value* found = dict->find(name)) return *found;
  }
  if (const auto* space = value.as<std::shared_ptr<Namespace>>()) return (*space)->get(name);
  if (const auto* loop = value.as<std::shared_ptr<const Loop>>()) return (*loop)->attribute(name);
  return Value::undefined(name);
}

Value slice_of(const Value& value, const Value* start, const Value* stop, const Value* step) {
  if (const List* list = value.items()) {
    std::vector<Value> out;
    for (const size_t at : slice_places(list->values.size(), start, stop, step)) {
      out.push_back(list->values[at]);
    }
    return Value::list(std::move(out), list->is_tuple);
  }
  if (const std::string* text = value.string()) {
    std::vector<size_t> begins;
    for (size_t at = 0; at < text->size();) {
      begins.push_back(at);
      at += read_utf8(std::string_view(*text).substr(at)).length;
    }
    std::string out;
    for (const size_t at : slice_places(begins.size(), start, stop, step)) {
      const size_t end = at + 1 < begins.size() ? begins[at + 1] : text->size();
      out.append(*text, begins[at], end - begins[at]);
    }
    return Value::text(std::move(out));
  }
  if (const Undefined* undefined = value.as<Undefined>()) {
    throw Error("\"" + undefined->name + "\" is undefined, a slice of it was wanted");
  }
  throw Error(std::string("a ") + value.type_name() + " cannot be sliced");
}

bool contains(const Value& haystack, const Value& needle) {
  if (const std::string* text = haystack.string()) {
    if (needle.string() == nullptr) {
      throw Error(std::string("\"in\" looks for a ") + needle.type_name() + " in a string");
    }
    return text->find(*needle.string()) != std::string::npos;
  }
  if (const Dict* dict = haystack.entries()) {
    return needle.string() != nullptr && dict->find(*needle.string()) != nullptr;
  }
  const auto items = iterate(haystack);
  return std::any_of(items.begin(), items.end(),
                     [&](const Value& item) { return item.equals(needle); });
}

int compare(const Value& left, const Value& right) {
  const auto order = [](const auto& a, const auto& b) { return a < b ? -1 : b < a ? 1 : 0; };
  int64_t i = 0;
  int64_t j = 0;
  if (left.to_integer(&i) && right.to_integer(&j)) return order(i, j);
  double a = 0;
  double b = 0;
  if (left.to_real(&a) && right.to_real(&b)) return order(a, b);
  // The order of UTF-8's bytes is that of code points, which is Python's.
  if (left.string() && right.string()) return order(*left.string(), *right.string());
  if (left.items() && right.items()) {
    const auto& l = left.items()->values;
    const auto& r = right.items()->values;
    for (size_t k = 0; k < l.size() && k < r.size(); ++k) {
      if (!l[k].equals(r[k])) return compare(l[k], r[k]);
    }
    return order(l.size(), r.size());
  }
  throw Error(std::string("a ") + left.type_name() + " and a " + right.type_name() +
              " have no order");
}

std::vector<Value> iterate(const Value& value) {
  if (value.is_undefined()) return {};
  if (const List* list = value.items()) return list->values;
  if (const std::string* text = value.string()) return characters(*text);
  if (const Dict* dict = value.entries()) {
    std::vector<Value> out;
    for (const auto& [key, item] : dict->values) out.push_back(Value::text(key));
    return out;
  }
  throw Error(std::string("a ") + value.type_name() + " cannot be walked through");
}

}  // namespace gradus::policy::jinja
