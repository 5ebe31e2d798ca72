#include "policy/tokenizer/jinja/list_filters.h"

#include <algorithm>

#include "base/error.h"
#include "policy/tokenizer/jinja/strings.h"

namespace gradus::policy::jinja::list_filters {
namespace {

// "a.b.0": attributes and items, one after the other.
Value attribute_path(Value value, const std::string& path) {
  for (size_t from = 0; from <= path.size();) {
    const size_t dot = std::min(path.find('.', from), path.size());
    const std::string part = path.substr(from, dot - from);
    const bool is_index = !part.empty() && part.size() < 10 &&
                          part.find_first_not_of("0123456789") == std::string::npos;
    value = is_index ? item_of(value, Value::integer(std::stoll(part))) : attribute_of(value, part);
    from = dot + 1;
  }
  return value;
}

}  // namespace

std::vector<Value> items_of(const Value& value, const Context& context) {
  std::vector<Value> items = iterate(value);
  context.charge(items.size());
  return items;
}

Value join(const Value& value, const Arguments& args, const Context& context) {
  const std::string between = args.text(0, "d", "");
  const Value* path = args.find(1, "attribute");
  std::string out;
  bool first = true;
  for (const Value& item : items_of(value, context)) {
    const Value part = path != nullptr ? attribute_path(item, path->str()) : item;
    out += (first ? "" : between) + part.str();
    context.charge(between.size() + 16);
    first = false;
  }
  context.charge(out.size());
  return Value::text(std::move(out));
}

Value map(const Value& value, const Arguments& args, const Context& context) {
  std::vector<Value> out;
  const Value* path = args.find(args.positional.size(), "attribute");
  const Value* otherwise = args.find(args.positional.size(), "default");
  Arguments rest;
  if (path == nullptr) {
    const std::string name = args.text(0, "filter");
    if (!is_filter(name)) throw Error("filter \"" + name + "\" is not supported");
    rest.positional.assign(args.positional.begin() + 1, args.positional.end());
    rest.named = args.named;
  }
  for (const Value& item : items_of(value, context)) {
    if (path == nullptr) {
      out.push_back(apply_filter(*args.positional[0].string(), item, rest, context));
      continue;
    }
    Value found = attribute_path(item, path->str());
    if (found.is_undefined() && otherwise != nullptr) found = *otherwise;
    out.push_back(std::move(found));
  }
  return Value::list(std::move(out));
}

// select, reject, selectattr, rejectattr: `first` is the place of the test's name.
Value choose(const Value& value, const Arguments& args, const Context& context, bool by_attribute,
             bool keep) {
  const size_t first = by_attribute ? 1 : 0;
  std::string path;
  if (by_attribute) path = args.text(0, "attribute");
  const std::string test = args.text(first, "test", "");
  if (!test.empty() && !is_test(test)) throw Error("test \"" + test + "\" is not supported");
  Arguments rest;
  if (args.positional.size() > first + 1) {
    rest.positional.assign(args.positional.begin() + static_cast<std::ptrdiff_t>(first) + 1,
                           args.positional.end());
  }
  std::vector<Value> out;
  for (const Value& item : items_of(value, context)) {
    const Value subject = by_attribute ? attribute_path(item, path) : item;
    const bool holds = test.empty() ? subject.truth() : apply_test(test, subject, rest);
    if (holds == keep) out.push_back(item);
  }
  return Value::list(std::move(out));
}

Value sorted(const Value& value, const Arguments& args, const Context& context) {
  std::vector<Value> items = items_of(value, context);
  const bool reverse = args.flag(0, "reverse", false);
  const bool case_sensitive = args.flag(1, "case_sensitive", false);
  const Value* path = args.find(2, "attribute");
  const auto key = [&](const Value& item) {
    Value k = path != nullptr ? attribute_path(item, path->str()) : item;
    return !case_sensitive && k.string() ? Value::text(lower_case(*k.string())) : k;
  };
  std::vector<std::pair<Value, Value>> keyed;
  keyed.reserve(items.size());
  for (Value& item : items) keyed.emplace_back(key(item), item);
  context.charge(keyed.size() * 16);
  std::stable_sort(keyed.begin(), keyed.end(), [&](const auto& a, const auto& b) {
    return reverse ? compare(a.first, b.first) > 0 : compare(a.first, b.first) < 0;
  });
  for (size_t i = 0; i < items.size(); ++i) items[i] = keyed[i].second;
  return Value::list(std::move(items));
}

Value dict_sorted(const Value& value, const Arguments& args, const Context& context) {
  if (value.entries() == nullptr) throw Error("dictsort of something that is not a dict");
  const bool case_sensitive = args.flag(0, "case_sensitive", false);
  const bool by_value = args.text(1, "by", "key") == "value";
  Arguments order;
  order.named = {{"reverse", Value::boolean(args.flag(2, "reverse", false))},
                 {"case_sensitive", Value::boolean(case_sensitive)},
                 {"attribute", Value::text(by_value ? "1" : "0")}};
  return sorted(call_method(value, "items", {}, context), order, context);
}

Value unique(const Value& value, const Arguments& args, const Context& context) {
  const bool case_sensitive = args.flag(0, "case_sensitive", false);
  const Value* path = args.find(1, "attribute");
  std::vector<Value> keys;
  std::vector<Value> out;
  for (const Value& item : items_of(value, context)) {
    Value k = path != nullptr ? attribute_path(item, path->str()) : item;
    if (!case_sensitive && k.string()) k = Value::text(lower_case(*k.string()));
    context.charge(keys.size());
    if (std::any_of(keys.begin(), keys.end(), [&](const Value& o) { return o.equals(k); }))
      continue;
    keys.push_back(std::move(k));
    out.push_back(item);
  }
  return Value::list(std::move(out));
}

Value sum(const Value& value, const Arguments& args, const Context& context) {
  const Value* path = args.find(0, "attribute");
  int64_t whole = args.integer(1, "start", 0);
  double real = 0;
  bool is_real = false;
  for (const Value& item : items_of(value, context)) {
    const Value part =
        path != nullptr && !path->is_none() ? attribute_path(item, path->str()) : item;
    int64_t i = 0;
    double d = 0;
    if (part.to_integer(&i)) {
      if (__builtin_add_overflow(whole, i, &whole)) throw Error("sum: the number is too large");
    } else if (part.to_real(&d)) {
      real += d;
      is_real = true;
    } else {
      throw Error("sum of something that is not a number");
    }
  }
  return is_real ? Value::real(real + static_cast<double>(whole)) : Value::integer(whole);
}

Value extreme(const Value& value, const Context& context, int wanted) {
  const std::vector<Value> items = items_of(value, context);
  if (items.empty()) return Value::undefined("an item of an empty list");
  const Value* best = &items[0];
  for (const Value& item : items) {
    if (compare(item, *best) == wanted) best = &item;
  }
  return *best;
}

Value reversed(const Value& value, const Arguments&, const Context& context) {
  std::vector<Value> items = items_of(value, context);
  std::reverse(items.begin(), items.end());
  if (value.string() == nullptr) return Value::list(std::move(items));
  std::string out;
  for (const Value& c : items) out += *c.string();
  return Value::text(std::move(out));
}

Value pairs(const Value& value, const Arguments&, const Context& context) {
  if (value.is_undefined()) return Value::list({});
  if (value.entries() == nullptr) throw Error("items of something that is not a dict");
  return call_method(value, "items", {}, context);
}

}  // namespace gradus::policy::jinja::list_filters
