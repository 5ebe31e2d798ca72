#pragma once

#include <cstdint>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "policy/tokenizer/jinja/meter.h"

namespace gradus::policy::jinja {

struct List;
struct Dict;
struct Namespace;
struct Loop;
struct Macro;

/// A name or attribute that is not there; prints as nothing, is false, and fails when used.
struct Undefined {
  std::string name;
};
struct None {};

/// A function of the language (range, namespace, raise_exception, ...), by its name, or a method
/// that was named and not called: ".items".
struct Function {
  std::string name;
};

/// A whole number past 64 bits, which data may hold: it can be printed and compared.
struct BigInteger {
  std::shared_ptr<const std::string> digits;  ///< with its sign, no zeros in front
};

/// A value of a template. Strings, lists and dicts are shared and never change; values nest at most
/// kMaxNesting deep and hold no namespaces, so that no cycle can be made. As parts are shared, a
/// value may be exponentially larger to walk than to hold: whatever walks is given a Meter.
class Value {
 public:
  using Data =
      std::variant<Undefined, None, bool, int64_t, double, std::shared_ptr<const std::string>,
                   std::shared_ptr<const List>, std::shared_ptr<const Dict>,
                   std::shared_ptr<Namespace>, std::shared_ptr<const Loop>,
                   std::shared_ptr<const Macro>, Function, BigInteger>;

  Value() : data_(Undefined{}) {}
  explicit Value(Data data) : data_(std::move(data)) {}
  static Value undefined(std::string name) { return Value(Data(Undefined{std::move(name)})); }
  static Value none() { return Value(Data(None{})); }
  static Value boolean(bool b) { return Value(Data(b)); }
  static Value integer(int64_t i) { return Value(Data(i)); }
  static Value real(double d) { return Value(Data(d)); }
  static Value text(std::string s);
  static Value big_integer(std::string digits);
  /// @throws gradus::Error  an item is a namespace, a loop or a macro, or nests too deeply.
  static Value list(std::vector<Value> items, bool is_tuple = false);
  static Value dict(std::vector<std::pair<std::string, Value>> items);
  /// Integers that the data reader kept as digits (base/exact_json.h) are such integers here.
  static Value from_json(const nlohmann::ordered_json& json);

  template <class T>
  const T* as() const {
    return std::get_if<T>(&data_);
  }
  bool is_undefined() const { return as<Undefined>() != nullptr; }
  bool is_none() const { return as<None>() != nullptr; }
  bool is_integer() const { return as<int64_t>() != nullptr || as<BigInteger>() != nullptr; }
  bool is_number() const { return as<bool>() || is_integer() || as<double>(); }

  const std::string* string() const;
  const List* items() const;
  const Dict* entries() const;

  /// int or bool as int of 64 bits; for arithmetic.
  bool to_integer(int64_t* out) const;
  /// any number as double.
  bool to_real(double* out) const;

  /// Python's truth, str() and repr(), and the name of its type.
  bool truth() const;
  std::string str(Meter& meter) const;
  std::string repr(Meter& meter) const;
  const char* type_name() const;

  /// Python's ==; numbers of different types may be equal.
  bool equals(const Value& other, Meter& meter) const;

  int nesting() const;

 private:
  Data data_;
};

struct List {
  std::vector<Value> values;
  bool is_tuple = false;
  int nesting = 1;
};

/// In the order of insertion.
struct Dict {
  std::vector<std::pair<std::string, Value>> values;
  int nesting = 1;
  const Value* find(std::string_view key, Meter& meter) const;
};

/// The one thing a template can change.
struct Namespace {
  std::vector<std::pair<std::string, Value>> values;
  Value get(std::string_view name, Meter& meter) const;
  void set(const std::string& name, Value value, Meter& meter);
};

constexpr int kMaxNesting = 200;

/// Python's repr of a float: the shortest digits that read back the same.
std::string python_float(double value);

}  // namespace gradus::policy::jinja
