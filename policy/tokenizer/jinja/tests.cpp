// The tests of the language, as in "x is defined".

#include <map>

#include "base/error.h"
#include "policy/tokenizer/jinja/builtins.h"

namespace gradus::policy::jinja {
namespace {

using Test = bool (*)(const Value&, const Arguments&, const Context&);

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
bool ordered(const Value& v, const Arguments& a, const Context& c) {
  const int order = compare(v, argument(a, 0, "other"), c);
  return order == wanted || (or_equal && order == 0);
}

bool equal(const Value& v, const Arguments& a, const Context& c) {
  return v.equals(argument(a, 0, "other"), c.meter);
}

bool is_walkable(const Value& v) {
  return v.string() || v.items() || v.entries() || v.is_undefined();
}

const std::map<std::string_view, Test>& tests() {
  static const std::map<std::string_view, Test> all = {
      {"!=", [](const Value& v, const Arguments& a, const Context& c) { return !equal(v, a, c); }},
      {"<", ordered<-1, false>},
      {"<=", ordered<-1, true>},
      {"==", equal},
      {">", ordered<1, false>},
      {">=", ordered<1, true>},
      {"boolean",
       [](const Value& v, const Arguments&, const Context&) { return v.as<bool>() != nullptr; }},
      {"callable",
       [](const Value& v, const Arguments&, const Context&) {
         return v.as<Function>() != nullptr || v.as<std::shared_ptr<const Macro>>() != nullptr;
       }},
      {"defined",
       [](const Value& v, const Arguments&, const Context&) { return !v.is_undefined(); }},
      {"divisibleby",
       [](const Value& v, const Arguments& a, const Context&) {
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
       [](const Value& v, const Arguments&, const Context&) {
         int64_t i = 0;
         return whole_number(v, &i) && i % 2 == 0;
       }},
      {"false", [](const Value& v, const Arguments&,
                   const Context&) { return v.as<bool>() != nullptr && !*v.as<bool>(); }},
      {"escaped", [](const Value&, const Arguments&, const Context&) { return false; }},
      {"filter", [](const Value& v, const Arguments&,
                    const Context&) { return v.string() != nullptr && is_filter(*v.string()); }},
      {"float",
       [](const Value& v, const Arguments&, const Context&) { return v.as<double>() != nullptr; }},
      {"ge", ordered<1, true>},
      {"greaterthan", ordered<1, false>},
      {"gt", ordered<1, false>},
      {"in", [](const Value& v, const Arguments& a,
                const Context& c) { return contains(argument(a, 0, "seq"), v, c); }},
      {"integer", [](const Value& v, const Arguments&, const Context&) { return v.is_integer(); }},
      {"iterable", [](const Value& v, const Arguments&, const Context&) { return is_walkable(v); }},
      {"le", ordered<-1, true>},
      {"lessthan", ordered<-1, false>},
      {"lower",
       [](const Value& v, const Arguments&, const Context& c) {
         return call_method(Value::text(v.str(c.meter)), "islower", {}, c).truth();
       }},
      {"lt", ordered<-1, false>},
      {"mapping",
       [](const Value& v, const Arguments&, const Context&) { return v.entries() != nullptr; }},
      {"ne", [](const Value& v, const Arguments& a, const Context& c) { return !equal(v, a, c); }},
      {"none", [](const Value& v, const Arguments&, const Context&) { return v.is_none(); }},
      {"number", [](const Value& v, const Arguments&, const Context&) { return v.is_number(); }},
      {"odd",
       [](const Value& v, const Arguments&, const Context&) {
         int64_t i = 0;
         return whole_number(v, &i) && i % 2 != 0;
       }},
      {"sameas",
       [](const Value& v, const Arguments& a, const Context& c) {
         const Value& other = argument(a, 0, "other");
         // Lists and dicts are the same only where they are one.
         if (v.items() || v.entries()) {
           return v.items() == other.items() && v.entries() == other.entries();
         }
         return std::string_view(v.type_name()) == other.type_name() && v.equals(other, c.meter);
       }},
      {"sequence", [](const Value& v, const Arguments&, const Context&) { return is_walkable(v); }},
      {"string",
       [](const Value& v, const Arguments&, const Context&) { return v.string() != nullptr; }},
      {"test", [](const Value& v, const Arguments&,
                  const Context&) { return v.string() != nullptr && is_test(*v.string()); }},
      {"true", [](const Value& v, const Arguments&,
                  const Context&) { return v.as<bool>() != nullptr && *v.as<bool>(); }},
      {"undefined",
       [](const Value& v, const Arguments&, const Context&) { return v.is_undefined(); }},
      {"upper",
       [](const Value& v, const Arguments&, const Context& c) {
         return call_method(Value::text(v.str(c.meter)), "isupper", {}, c).truth();
       }},
  };
  return all;
}

}  // namespace

bool is_test(std::string_view name) {
  return tests().contains(name);
}

bool apply_test(const std::string& name, const Value& value, const Arguments& args,
                const Context& context) {
  context.meter.step();
  const auto test = tests().find(name);
  if (test == tests().end()) throw Error("test \"" + name + "\" is not supported");
  return test->second(value, args, context);
}

}  // namespace gradus::policy::jinja
