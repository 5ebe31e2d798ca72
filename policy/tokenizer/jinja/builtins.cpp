#include "policy/tokenizer/jinja/builtins.h"

#include <algorithm>

#include "base/error.h"
#include "policy/tokenizer/jinja/scope.h"
#include "policy/tokenizer/jinja/strings.h"
#include "policy/tokenizer/utf8.h"

namespace gradus::policy::jinja {
namespace {

constexpr std::string_view kDictMethods[] = {"items", "keys", "values", "get", "copy"};
constexpr std::string_view kListMethods[] = {"index", "count", "copy"};
constexpr std::string_view kLoopMethods[] = {"cycle", "changed"};
// Methods that change their object: the sandbox refuses their call, but they are there.
constexpr std::string_view kChangingDictMethods[] = {"clear",   "fromkeys",   "pop",
                                                     "popitem", "setdefault", "update"};
constexpr std::string_view kChangingListMethods[] = {"append", "clear",  "extend",  "insert",
                                                     "pop",    "remove", "reverse", "sort"};

template <size_t N>
bool among(const std::string_view (&names)[N], std::string_view name) {
  return std::find(std::begin(names), std::end(names), name) != std::end(names);
}

Value pairs_of(const Dict& dict, const Context& context) {
  std::vector<Value> out;
  for (const auto& [key, value] : dict.values) {
    context.charge(key.size() + 4 * sizeof(Value));
    out.push_back(Value::list({Value::text(key), value}, /*is_tuple=*/true));
  }
  return Value::list(std::move(out));
}

/// Whether Python's type of the value has a method of that name, so that value.name is the method
/// and not an entry.
bool has_method(const Value& value, std::string_view name) {
  if (value.string() != nullptr) return is_string_method(name);
  if (value.entries() != nullptr)
    return among(kDictMethods, name) || among(kChangingDictMethods, name);
  if (const List* list = value.items()) {
    return (among(kListMethods, name) && !(list->is_tuple && name == "copy")) ||
           (!list->is_tuple && among(kChangingListMethods, name));
  }
  return false;
}

Value call_dict_method(const Value& object, const std::string& name, const Arguments& args,
                       const Context& context) {
  const Dict& dict = *object.entries();
  if (name == "items") return pairs_of(dict, context);
  if (name == "copy") return object;
  if (name == "get") {
    const Value* key = args.find(0, "key");
    const Value* otherwise = args.find(1, "default");
    const Value* found = key != nullptr && key->string() != nullptr
                             ? dict.find(*key->string(), context.meter)
                             : nullptr;
    return found != nullptr ? *found : otherwise != nullptr ? *otherwise : Value::none();
  }
  std::vector<Value> out;
  for (const auto& [key, value] : dict.values) {
    context.charge((name == "keys" ? key.size() : 0) + sizeof(Value));
    out.push_back(name == "keys" ? Value::text(key) : value);
  }
  return Value::list(std::move(out));
}

Value call_list_method(const Value& object, const std::string& name, const Arguments& args,
                       const Context& context) {
  const List& list = *object.items();
  if (name == "copy") return object;
  const Value* wanted = args.find(0, "value");
  if (wanted == nullptr) throw Error("." + name + "() needs a value");
  const auto is_wanted = [&](const Value& v) { return v.equals(*wanted, context.meter); };
  const auto begin = list.values.begin();
  if (name == "count") return Value::integer(std::count_if(begin, list.values.end(), is_wanted));
  const auto found = std::find_if(begin, list.values.end(), is_wanted);
  if (found == list.values.end()) throw Error("index() of a value that is not in the list");
  return Value::integer(found - begin);
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

bool is_method(std::string_view name) {
  return is_string_method(name) || among(kDictMethods, name) || among(kListMethods, name) ||
         among(kLoopMethods, name);
}

Value call_method(const Value& object, const std::string& name, const Arguments& args,
                  const Context& context) {
  context.meter.step();
  if (const std::string* text = object.string(); text != nullptr && is_string_method(name)) {
    return call_string_method(*text, name, args, context);
  }
  if (object.entries() != nullptr && among(kDictMethods, name)) {
    return call_dict_method(object, name, args, context);
  }
  if (object.items() != nullptr && among(kListMethods, name)) {
    return call_list_method(object, name, args, context);
  }
  if (const auto* loop = object.as<std::shared_ptr<const Loop>>()) {
    if (name == "cycle" && !args.positional.empty()) {
      return args.positional[(*loop)->index0 % args.positional.size()];
    }
    if (name == "changed") {
      return Value::boolean((*loop)->changed(args.positional, context.meter));
    }
  }
  if (has_method(object, name)) {
    throw Error(std::string("a template may not change a ") + object.type_name() + " by ." + name +
                "()");
  }
  if (const Undefined* undefined = object.as<Undefined>()) {
    throw Error("\"" + undefined->name + "\" is undefined, ." + name + "() was called on it");
  }
  throw Error(std::string("a ") + object.type_name() + " has no method ." + name + "()");
}

Value item_of(const Value& value, const Value& key, const Context& context) {
  if (const Undefined* undefined = value.as<Undefined>()) {
    throw Error("\"" + undefined->name + "\" is undefined, an item of it was wanted");
  }
  int64_t index = 0;
  if (const List* list = value.items(); list != nullptr && key.to_integer(&index)) {
    const auto size = static_cast<int64_t>(list->values.size());
    if (index < 0) index += size;
    if (index >= 0 && index < size) return list->values[static_cast<size_t>(index)];
  } else if (const std::string* text = value.string(); text != nullptr && key.to_integer(&index)) {
    context.meter.read(text->size());
    const int64_t size = count_code_points(*text);
    if (index < 0) index += size;
    if (index >= 0 && index < size) {
      size_t at = 0;
      for (; index > 0; --index) at += read_utf8(std::string_view(*text).substr(at)).length;
      return Value::text(text->substr(at, read_utf8(std::string_view(*text).substr(at)).length));
    }
  } else if (const std::string* name = key.string()) {
    if (const Dict* dict = value.entries()) {
      if (const Value* found = dict->find(*name, context.meter)) return *found;
    }
    return attribute_of(value, *name, context);
  }
  return Value::undefined(key.string() || key.is_number() ? key.str(context.meter)
                                                          : key.type_name());
}

Value attribute_of(const Value& value, const std::string& name, const Context& context) {
  if (const Undefined* undefined = value.as<Undefined>()) {
    throw Error("\"" + undefined->name + "\" is undefined, its \"" + name + "\" was wanted");
  }
  if (has_method(value, name)) return Value(Value::Data(Function{"." + name}));
  if (const Dict* dict = value.entries()) {
    if (const Value* found = dict->find(name, context.meter)) return *found;
  }
  if (const auto* space = value.as<std::shared_ptr<Namespace>>()) {
    return (*space)->get(name, context.meter);
  }
  if (const auto* loop = value.as<std::shared_ptr<const Loop>>()) return (*loop)->attribute(name);
  return Value::undefined(name);
}

Value slice_of(const Value& value, const Value* start, const Value* stop, const Value* step,
               const Context& context) {
  if (const List* list = value.items()) {
    context.charge(list->values.size() * sizeof(Value));
    std::vector<Value> out;
    for (const size_t at : slice_places(list->values.size(), start, stop, step)) {
      out.push_back(list->values[at]);
    }
    return Value::list(std::move(out), list->is_tuple);
  }
  if (const std::string* text = value.string()) {
    context.charge(text->size() * sizeof(size_t));
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

bool contains(const Value& haystack, const Value& needle, const Context& context) {
  context.meter.step();
  if (const std::string* text = haystack.string()) {
    if (needle.string() == nullptr) {
      throw Error(std::string("\"in\" looks for a ") + needle.type_name() + " in a string");
    }
    context.meter.read(text->size() + needle.string()->size());
    return find_text(*text, *needle.string(), 0) != std::string::npos;
  }
  if (const Dict* dict = haystack.entries()) {
    return needle.string() != nullptr && dict->find(*needle.string(), context.meter) != nullptr;
  }
  if (haystack.is_undefined()) return false;
  const List* list = haystack.items();
  if (list == nullptr) {
    throw Error(std::string("a ") + haystack.type_name() + " cannot be walked through");
  }
  return std::any_of(list->values.begin(), list->values.end(),
                     [&](const Value& item) { return item.equals(needle, context.meter); });
}

int compare(const Value& left, const Value& right, const Context& context) {
  const auto order = [](const auto& a, const auto& b) { return a < b ? -1 : b < a ? 1 : 0; };
  context.meter.step();
  int64_t i = 0;
  int64_t j = 0;
  if (left.to_integer(&i) && right.to_integer(&j)) return order(i, j);
  if (left.equals(right, context.meter)) return 0;
  double a = 0;
  double b = 0;
  if (left.to_real(&a) && right.to_real(&b)) return order(a, b);
  // The order of UTF-8's bytes is that of code points, which is Python's.
  if (left.string() && right.string()) {
    context.meter.read(std::min(left.string()->size(), right.string()->size()));
    return order(*left.string(), *right.string());
  }
  if (left.items() && right.items()) {
    const auto& l = left.items()->values;
    const auto& r = right.items()->values;
    for (size_t k = 0; k < l.size() && k < r.size(); ++k) {
      if (!l[k].equals(r[k], context.meter)) return compare(l[k], r[k], context);
    }
    return order(l.size(), r.size());
  }
  throw Error(std::string("a ") + left.type_name() + " and a " + right.type_name() +
              " have no order");
}

std::vector<Value> iterate(const Value& value, const Context& context) {
  if (value.is_undefined()) return {};
  if (const List* list = value.items()) {
    context.charge(list->values.size() * sizeof(Value));
    return list->values;
  }
  if (const std::string* text = value.string()) {
    // Each character becomes a string of its own.
    context.charge(text->size() * (sizeof(Value) + sizeof(std::string) + 16));
    return characters(*text);
  }
  if (const Dict* dict = value.entries()) {
    std::vector<Value> out;
    for (const auto& [key, item] : dict->values) {
      context.charge(key.size() + sizeof(Value));
      out.push_back(Value::text(key));
    }
    return out;
  }
  throw Error(std::string("a ") + value.type_name() + " cannot be walked through");
}

}  // namespace gradus::policy::jinja
