// The tests of the language, as in "x is defined".

#include <map>

#include "base/error.h"
#include "policy/tokenizer/jinja/builtins.h"

namespace gradus::policy::jinja {
namespace {

using Test = bool (*)(const Value&, const Arguments&);

const Value& argument(const Arguments& args, size_t index, const char* name) {
  const Value* value = args.find(index, name);
  if (value == nullptr) throw Error(std::string("argument \"") + name + "\" is missing");
  return *value;
}

bool whole_number(const Value& v, int64_t* out) {
  if (v.to_integer(out)) return true;
  throw Error(std::string("a ") + v.type_name() + " is neither odd nor even");
}

template <int wanted, bool or_equal>
bool ordered(const Value& v, const Arguments& a) {
  const int order = compare(v, argument(a, 0, "other"));
  return order == wanted || (or_equal && order == 0);
}

bool equal(const Value& v, const Arguments& a) {
  return v.equals(argument(a, 0, "other"));
}

bool is_walkable(const Value& v) {
  return v.string() || v.items() || v.entries() || v.is_undefined();
}

const std::map<std::string_view, Test>& tests() {
  static const std::map<std::string_view, Test> all = {
      {"boolean", [](const Value& v, const Arguments&) { return v.as<bool>() != nullptr; }},
      {"callable",
       [](const Value& v, const Arguments&) {
         return v.as<Function>() != nullptr || v.as<const Statement*>() != nullptr;
       }},
      {"defined", [](const Value& v, const Arguments&) { return !v.is_undefined(); }},
      {"divisibleby",
       [](const Value& v, const Arguments& a) {
         int64_t i = 0;
         int64_t by = 0;
         whole_number(v, &i);
         if (!argument(a, 0, "num").to_integer(&by) || by == 0) {
           throw Error("divisibleby needs a whole number other than 0");
         }
         return by == -1 || i % by == 0;
       }},
      {"eq", equal},
      {"equalto", equal},
      {"even",
       [](const Value& v, const Arguments&) {
         int64_t i = 0;
         return whole_number(v, &i) && i % 2 == 0;
       }},
      {"false",
       [](const Value& v, const Arguments&) { return v.as<bool>() != nullptr && !*v.as<bool>(); }},
      {"float", [](const Value& v, const Arguments&) { return v.as<double>() != nullptr; }},
      {"ge", ordered<1, true>},
      {"greaterthan", ordered<1, false>},
      {"gt", ordered<1, false>},
      {"in", [](const Value& v, const Arguments& a) { return contains(argument(a, 0, "seq"), v); }},
      {"integer", [](const Value& v, const Arguments&) { return v.is_integer(); }},
      {"iterable", [](const Value& v, const Arguments&) { return is_walkable(v); }},
      {"le", ordered<-1, true>},
      {"lessthan", ordered<-1, false>},
      {"lower",
       [](const Value& v, const Arguments&) {
         return call_method(Value::text(v.str()), "islower", {}, {[](size_t) {}, {}}).truth();
       }},
      {"lt", ordered<-1, false>},
      {"mapping", [](const Value& v, const Arguments&) { return v.entries() != nullptr; }},
      {"ne", [](const Value& v, const Arguments& a) { return !equal(v, a); }},
      {"none", [](const Value& v, const Arguments&) { return v.is_none(); }},
      {"number", [](const Value& v, const Arguments&) { return v.is_number(); }},
      {"odd",
       [](const Value& v, const Arguments&) {
         int64_t i = 0;
         return whole_number(v, &i) && i % 2 != 0;
       }},
      {"sameas",
       [](const Value& v, const Arguments& a) {
         const Value& other = argument(a, 0, "other");
         return std::string_view(v.type_name()) == other.type_name() && v.equals(other);
       }},
      {"sequence", [](const Value& v, const Arguments&) { return is_walkable(v); }},
      {"string", [](const Value& v, const Arguments&) { return v.string() != nullptr; }},
      {"true",
       [](const Value& v, const Arguments&) { return v.as<bool>() != nullptr && *v.as<bool>(); }},
      {"undefined", [](const Value& v, const Arguments&) { return v.is_undefined(); }},
      {"upper",
       [](const Value& v, const Arguments&) {
         return call_method(Value::text(v.str()), "isupper", {}, {[](size_t) {}, {}}).truth();
       }},
  };
  return all;
}

}  // namespace

bool is_test(std::string_view name) {
  return tests().contains(name);
}

bool apply_test(const std::string& name, const Value& value, const Arguments& args) {
  return tests().at(name)(value, args);
}

}  // namespace gradus::policy::jinja
