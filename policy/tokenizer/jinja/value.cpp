#include "policy/tokenizer/jinja/value.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <unordered_map>

#include "base/error.h"
#include "base/exact_json.h"
#include "policy/tokenizer/jinja/scope.h"

namespace gradus::policy::jinja {
namespace {

int checked_nesting(const Value& value) {
  if (value.as<std::shared_ptr<Namespace>>() || value.as<std::shared_ptr<const Loop>>() ||
      value.as<std::shared_ptr<const Macro>>()) {
    throw Error(std::string("a ") + value.type_name() + " cannot be kept inside another value");
  }
  const int nesting = value.nesting() + 1;
  if (nesting > kMaxNesting) throw Error("values are nested more than 200 deep");
  return nesting;
}

Value from_json_at(const nlohmann::ordered_json& json, int depth) {
  if (depth > kMaxNesting / 2) throw Error("the messages are nested more than 100 deep");
  using Type = nlohmann::ordered_json::value_t;
  switch (json.type()) {
    case Type::boolean:
      return Value::boolean(json.get<bool>());
    case Type::number_integer:
      return Value::integer(json.get<int64_t>());
    case Type::number_unsigned:
      if (json.get<uint64_t>() <= INT64_MAX) return Value::integer(json.get<int64_t>());
      return Value::big_integer(std::to_string(json.get<uint64_t>()));
    case Type::binary:
      return Value::big_integer(digits_of(json));
    case Type::number_float:
      return Value::real(json.get<double>());
    case Type::string:
      return Value::text(json.get<std::string>());
    case Type::array: {
      std::vector<Value> items;
      items.reserve(json.size());
      for (const auto& item : json) items.push_back(from_json_at(item, depth + 1));
      return Value::list(std::move(items));
    }
    case Type::object: {
      std::vector<std::pair<std::string, Value>> items;
      items.reserve(json.size());
      for (const auto& [key, item] : json.items()) {
        items.emplace_back(key, from_json_at(item, depth + 1));
      }
      return Value::dict(std::move(items));
    }
    default:
      return Value::none();
  }
}

}  // namespace

Value Value::text(std::string s) {
  return Value(Data(std::make_shared<const std::string>(std::move(s))));
}

Value Value::big_integer(std::string digits) {
  return Value(Data(BigInteger{std::make_shared<const std::string>(std::move(digits))}));
}

Value Value::list(std::vector<Value> items, bool is_tuple) {
  auto list = std::make_shared<List>();
  for (const Value& item : items) list->nesting = std::max(list->nesting, checked_nesting(item));
  list->values = std::move(items);
  list->is_tuple = is_tuple;
  return Value(Data(std::shared_ptr<const List>(std::move(list))));
}

Value Value::dict(std::vector<std::pair<std::string, Value>> items) {
  auto dict = std::make_shared<Dict>();
  std::unordered_map<std::string, size_t> places;
  for (auto& [key, item] : items) {
    dict->nesting = std::max(dict->nesting, checked_nesting(item));
    const auto [place, is_new] = places.try_emplace(key, dict->values.size());
    if (is_new) {
      dict->values.emplace_back(std::move(key), std::move(item));
    } else {
      dict->values[place->second].second = std::move(item);
    }
  }
  return Value(Data(std::shared_ptr<const Dict>(std::move(dict))));
}

Value Value::from_json(const nlohmann::ordered_json& json) {
  return from_json_at(json, 0);
}

const std::string* Value::string() const {
  const auto* p = as<std::shared_ptr<const std::string>>();
  return p != nullptr ? p->get() : nullptr;
}
const List* Value::items() const {
  const auto* p = as<std::shared_ptr<const List>>();
  return p != nullptr ? p->get() : nullptr;
}
const Dict* Value::entries() const {
  const auto* p = as<std::shared_ptr<const Dict>>();
  return p != nullptr ? p->get() : nullptr;
}

int Value::nesting() const {
  if (const List* list = items()) return list->nesting;
  if (const Dict* dict = entries()) return dict->nesting;
  return 0;
}

bool Value::to_integer(int64_t* out) const {
  if (const int64_t* i = as<int64_t>()) {
    *out = *i;
    return true;
  }
  if (const bool* b = as<bool>()) {
    *out = *b ? 1 : 0;
    return true;
  }
  return false;
}

bool Value::to_real(double* out) const {
  if (const double* d = as<double>()) {
    *out = *d;
    return true;
  }
  if (const BigInteger* big = as<BigInteger>()) {
    *out = std::strtod(big->digits->c_str(), nullptr);
    return true;
  }
  int64_t i = 0;
  if (!to_integer(&i)) return false;
  *out = static_cast<double>(i);
  return true;
}

bool Value::truth() const {
  if (is_undefined() || is_none()) return false;
  if (const bool* b = as<bool>()) return *b;
  if (const int64_t* i = as<int64_t>()) return *i != 0;
  if (const double* d = as<double>()) return *d != 0;
  if (const std::string* s = string()) return !s->empty();
  if (const List* list = items()) return !list->values.empty();
  if (const Dict* dict = entries()) return !dict->values.empty();
  return true;
}

const char* Value::type_name() const {
  if (is_undefined()) return "undefined";
  if (is_none()) return "none";
  if (as<bool>()) return "boolean";
  if (is_integer()) return "integer";
  if (as<double>()) return "float";
  if (string()) return "string";
  if (const List* list = items()) return list->is_tuple ? "tuple" : "list";
  if (entries()) return "dict";
  if (as<std::shared_ptr<Namespace>>()) return "namespace";
  if (as<std::shared_ptr<const Loop>>()) return "loop";
  if (as<std::shared_ptr<const Macro>>()) return "macro";
  return "function";
}

namespace {

bool lists_equal(const List& left, const List& right, Meter& meter) {
  if (left.is_tuple != right.is_tuple || left.values.size() != right.values.size()) return false;
  for (size_t k = 0; k < left.values.size(); ++k) {
    if (!left.values[k].equals(right.values[k], meter)) return false;
  }
  return true;
}

bool dicts_equal(const Dict& left, const Dict& right, Meter& meter) {
  if (left.values.size() != right.values.size()) return false;
  for (const auto& [key, item] : left.values) {
    const Value* same = right.find(key, meter);
    if (same == nullptr || !item.equals(*same, meter)) return false;
  }
  return true;
}

bool texts_equal(const std::string& left, const std::string& right, Meter& meter) {
  if (left.size() != right.size()) return false;
  meter.read(left.size());
  return left == right;
}

}  // namespace

bool Value::equals(const Value& other, Meter& meter) const {
  meter.step();
  double a = 0;
  double b = 0;
  int64_t i = 0;
  int64_t j = 0;
  if (to_integer(&i) && other.to_integer(&j)) return i == j;
  const BigInteger* big = as<BigInteger>();
  if (const BigInteger* theirs = other.as<BigInteger>(); big != nullptr && theirs != nullptr) {
    return texts_equal(*big->digits, *theirs->digits, meter);
  }
  if (to_real(&a) && other.to_real(&b)) return a == b;
  if (string() && other.string()) return texts_equal(*string(), *other.string(), meter);
  if (items() && other.items()) return lists_equal(*items(), *other.items(), meter);
  if (entries() && other.entries()) return dicts_equal(*entries(), *other.entries(), meter);
  if (const auto* ns = as<std::shared_ptr<Namespace>>()) {
    const auto* theirs = other.as<std::shared_ptr<Namespace>>();
    return theirs != nullptr && *ns == *theirs;
  }
  return (is_none() && other.is_none()) || (is_undefined() && other.is_undefined());
}

const Value* Dict::find(std::string_view key, Meter& meter) const {
  for (size_t i = 0; i < values.size(); ++i) {
    if (i % 4 == 3) meter.step();
    if (values[i].first == key) return &values[i].second;
  }
  return nullptr;
}

Value Namespace::get(std::string_view name, Meter& meter) const {
  for (size_t i = 0; i < values.size(); ++i) {
    if (i % 4 == 3) meter.step();
    if (values[i].first == name) return values[i].second;
  }
  return Value::undefined(std::string(name));
}

void Namespace::set(const std::string& name, Value value, Meter& meter) {
  checked_nesting(value);
  for (size_t i = 0; i < values.size(); ++i) {
    if (i % 4 == 3) meter.step();
    if (values[i].first != name) continue;
    values[i].second = std::move(value);
    return;
  }
  meter.charge(sizeof(Value) + name.size());
  values.emplace_back(name, std::move(value));
}

bool Loop::changed(const std::vector<Value>& values, Meter& meter) const {
  Value now = Value::list(values);
  if (last_seen->equals(now, meter)) return false;
  *last_seen = std::move(now);
  return true;
}

Value Loop::attribute(const std::string& name) const {
  const size_t size = items->values.size();
  const auto count = [](size_t n) { return Value::integer(static_cast<int64_t>(n)); };
  if (name == "index") return count(index0 + 1);
  if (name == "index0") return count(index0);
  if (name == "revindex") return count(size - index0);
  if (name == "revindex0") return count(size - index0 - 1);
  if (name == "first") return Value::boolean(index0 == 0);
  if (name == "last") return Value::boolean(index0 + 1 == size);
  if (name == "length") return count(size);
  if (name == "depth") return Value::integer(depth);
  if (name == "depth0") return Value::integer(depth - 1);
  if (name == "previtem" && index0 > 0) return items->values[index0 - 1];
  if (name == "nextitem" && index0 + 1 < size) return items->values[index0 + 1];
  return Value::undefined("loop." + name);
}

}  // namespace gradus::policy::jinja
