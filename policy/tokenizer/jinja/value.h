#pragma once

#include <cstdint>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace gradus::policy::jinja {

class Value;
struct List;
struct Dict;
struct Namespace;
struct Loop;
struct Statement;

/// A name or attribute that is not there; prints as nothing, is false, and fails when used.
struct Undefined {
  std::string name;
};
struct None {};

/// A function of the language (range, namespace, raise_exception, ...), by its name.
struct Function {
  std::string name;
};

/// A value of a template. Strings, lists and dicts are shared and never change; values nest at most
/// kMaxNesting deep and hold no namespaces, so that no cycle can be made.
class Value {
 public:
  using Data = std::variant<Undefined, None, bool, int64_t, double,
                            std::shared_ptr<const std::string>, std::shared_ptr<const List>,
                            std::shared_ptr<const Dict>, std::shared_ptr<Namespace>,
                            std::shared_ptr<const Loop>, const Statement*, Function>;

  Value() : data_(Undefined{}) {}
  explicit Value(Data data) : data_(std::move(data)) {}
  static Value undefined(std::string name) { return Value(Data(Undefined{std::move(name)})); }
  static Value none() { return Value(Data(None{})); }
  static Value boolean(bool b) { return Value(Data(b)); }
  static Value integer(int64_t i) { return Value(Data(i)); }
  static Value real(double d) { return Value(Data(d)); }
  static Value text(std::string s);
  /// @throws gradus::Error  an item is a namespace, a loop or a macro, or nests too deeply.
  static Value list(std::vector<Value> items, bool is_tuple = false);
  static Value dict(std::vector<std::pair<std::string, Value>> items);
  static Value from_json(const nlohmann::ordered_json& json);

  template <class T>
  const T* as() const {
    return std::get_if<T>(&data_);
  }
  bool is_undefined() const { return as<Undefined>() != nullptr; }
  bool is_none() const { return as<None>() != nullptr; }
  bool is_integer() const { return as<int64_t>() != nullptr; }
  bool is_number() const { return as<bool>() || as<int64_t>() || as<double>(); }

  const std::string* string() const;
  const List* items() const;
  const Dict* entries() const;

  /// int or bool as int; for arithmetic.
  bool to_integer(int64_t* out) const;
  /// any number as double.
  bool to_real(double* out) const;

  /// Python's truth, str() and repr(), and the name of its type.
  bool truth() const;
  std::string str() const;
  std::string repr() const;
  const char* type_name() const;

  /// Python's ==; numbers of different types may be equal.
  bool equals(const Value& other) const;

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
  const Value* find(std::string_view key) const;
};

/// The one thing a template can change.
struct Namespace {
  std::vector<std::pair<std::string, Value>> values;
  Value get(std::string_view name) const;
  void set(const std::string& name, Value value);
};

/// The variable `loop`.
struct Loop {
  std::shared_ptr<const List> items;
  size_t index0 = 0;
  int depth = 1;
  Value attribute(const std::string& name) const;
};

constexpr int kMaxNesting = 200;

/// Python's repr of a float: the shortest digits that read back the same.
std::string python_float(double value);

}  // namespace gradus::policy::jinja
