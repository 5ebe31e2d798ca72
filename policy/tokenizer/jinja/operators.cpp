#include "policy/tokenizer/jinja/operators.h"

#include <cmath>
#include <cstdint>

#include "base/error.h"
#include "policy/tokenizer/jinja/strings.h"

namespace gradus::policy::jinja {
namespace {

Value joined(const List& left, const List& right, const Context& context) {
  context.charge((left.values.size() + right.values.size()) * sizeof(Value));
  std::vector<Value> out = left.values;
  out.insert(out.end(), right.values.begin(), right.values.end());
  return Value::list(std::move(out), left.is_tuple);
}

Value repeated_list(const List& list, int64_t times, const Context& context) {
  size_t bytes = 0;
  if (list.values.empty() || times <= 0) return Value::list({}, list.is_tuple);
  if (__builtin_mul_overflow(static_cast<size_t>(times), list.values.size() * sizeof(Value),
                             &bytes)) {
    bytes = SIZE_MAX;
  }
  context.charge(bytes);
  std::vector<Value> out;
  for (int64_t i = 0; i < times; ++i) {
    out.insert(out.end(), list.values.begin(), list.values.end());
  }
  return Value::list(std::move(out), list.is_tuple);
}

bool is_sequence(const Value& value) {
  return value.string() != nullptr || value.items() != nullptr;
}

Value repeated(const Value& left, const Value& right, const Context& context) {
  const Value& sequence = is_sequence(left) ? left : right;
  int64_t times = 0;
  if (!(is_sequence(left) ? right : left).to_integer(&times)) {
    throw Error(std::string("a ") + sequence.type_name() +
                " can only be repeated a whole number of times");
  }
  if (const List* list = sequence.items()) return repeated_list(*list, times, context);
  const std::string* text = sequence.string();
  if (text->empty() || times <= 0) return Value::text("");
  size_t bytes = 0;
  if (__builtin_mul_overflow(static_cast<size_t>(times), text->size(), &bytes)) bytes = SIZE_MAX;
  context.charge(bytes);
  return Value::text(repeat(*text, static_cast<size_t>(times)));
}

/// Rounded down, as Python divides; j is neither 0 nor -1.
int64_t floor_quotient(int64_t i, int64_t j) {
  return i / j - ((i % j != 0 && (i < 0) != (j < 0)) ? 1 : 0);
}

/// With the divisor's sign.
int64_t floor_remainder(int64_t i, int64_t j) {
  const int64_t remainder = i % j;
  return remainder != 0 && (remainder < 0) != (j < 0) ? remainder + j : remainder;
}

Value divided(const std::string& op, int64_t i, int64_t j) {
  if (j == 0) throw Error("division by zero");
  if (j != -1) return Value::integer(op == "%" ? floor_remainder(i, j) : floor_quotient(i, j));
  if (op == "%") return Value::integer(0);
  if (i == INT64_MIN) throw Error("'//' gives a number past 64 bits");
  return Value::integer(-i);
}

Value reals(const std::string& op, double a, double b) {
  if (op == "+") return Value::real(a + b);
  if (op == "-") return Value::real(a - b);
  if (op == "*") return Value::real(a * b);
  if (op == "**") return Value::real(std::pow(a, b));
  if (b == 0) throw Error("division by zero");
  if (op == "/") return Value::real(a / b);
  if (op == "//") return Value::real(std::floor(a / b));
  const double remainder = std::fmod(a, b);
  return Value::real(remainder != 0 && (remainder < 0) != (b < 0) ? remainder + b : remainder);
}

Value power(int64_t base, int64_t exponent) {
  if (exponent < 0) return reals("**", static_cast<double>(base), static_cast<double>(exponent));
  int64_t out = 1;
  for (int64_t n = 0; n < exponent; ++n) {
    if (base == 0 || base == 1 || base == -1) {
      return Value::integer(base == -1 && exponent % 2 == 0 ? 1 : base);
    }
    if (__builtin_mul_overflow(out, base, &out)) throw Error("'**' gives a number past 64 bits");
  }
  return Value::integer(out);
}

Value integers(const std::string& op, int64_t i, int64_t j) {
  if (op == "//" || op == "%") return divided(op, i, j);
  if (op == "**") return power(i, j);
  int64_t out = 0;
  bool overflow = false;
  if (op == "+") overflow = __builtin_add_overflow(i, j, &out);
  if (op == "-") overflow = __builtin_sub_overflow(i, j, &out);
  if (op == "*") overflow = __builtin_mul_overflow(i, j, &out);
  if (overflow) throw Error("'" + op + "' gives a number past 64 bits");
  return Value::integer(out);
}

[[noreturn]] void refuse_types(const std::string& op, const Value& left, const Value& right) {
  for (const Value* side : {&left, &right}) {
    if (const Undefined* undefined = side->as<Undefined>()) {
      throw Error("\"" + undefined->name + "\" is undefined, '" + op + "' needs a value");
    }
  }
  throw Error(std::string("'") + op + "' of a " + left.type_name() + " and a " + right.type_name() +
              " is not supported");
}

}  // namespace

Value apply_operator(const std::string& op, const Value& left, const Value& right,
                     const Context& context) {
  if (op == "~") {
    return Value::text(left.str(context.meter) + right.str(context.meter));
  }
  if (op == "+" && left.string() && right.string()) {
    context.charge(left.string()->size() + right.string()->size());
    return Value::text(*left.string() + *right.string());
  }
  if (op == "+" && left.items() && right.items() &&
      left.items()->is_tuple == right.items()->is_tuple) {
    return joined(*left.items(), *right.items(), context);
  }
  if (op == "*" && (is_sequence(left) || is_sequence(right))) {
    return repeated(left, right, context);
  }
  if (op == "%" && left.string()) return format_percent(*left.string(), right, context);
  if ((left.as<BigInteger>() && right.is_integer()) ||
      (right.as<BigInteger>() && left.is_integer())) {
    throw Error("'" + op + "' of whole numbers past 64 bits");
  }
  int64_t i = 0;
  int64_t j = 0;
  if (left.to_integer(&i) && right.to_integer(&j) && op != "/") return integers(op, i, j);
  double a = 0;
  double b = 0;
  if (left.to_real(&a) && right.to_real(&b)) return reals(op, a, b);
  refuse_types(op, left, right);
}

bool apply_comparison(const std::string& op, const Value& left, const Value& right,
                      const Context& context) {
  if (op == "==") return left.equals(right, context.meter);
  if (op == "!=") return !left.equals(right, context.meter);
  if (op == "in" || op == "not in") return contains(right, left, context) == (op == "in");
  const int order = compare(left, right, context);
  if (op == "<") return order < 0;
  if (op == "<=") return order <= 0;
  if (op == ">") return order > 0;
  return order >= 0;
}

Value signed_number(const Value& value, bool negative) {
  int64_t i = 0;
  double d = 0;
  if (value.to_integer(&i) && i != INT64_MIN) return Value::integer(negative ? -i : i);
  if (value.to_real(&d)) return Value::real(negative ? -d : d);
  throw Error(std::string("a ") + value.type_name() + " has no sign");
}

}  // namespace gradus::policy::jinja
