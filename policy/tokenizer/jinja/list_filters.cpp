#include "policy/tokenizer/jinja/list_filters.h"

#include <algorithm>
#include <utility>

#include "base/error.h"
#include "policy/tokenizer/jinja/strings.h"

namespace gradus::policy::jinja::list_filters {
namespace {

// "a.b.0": entries, attributes and items, one after the other; a whole number is an index.
Value attribute_path(Value value, const Value& path, const Context& context) {
  int64_t index = 0;
  if (path.to_integer(&index)) return item_of(value, path, context);
  const std::string names = path.str(context.meter);
  for (size_t from = 0; from <= names.size();) {
    const size_t dot = std::min(names.find('.', from), names.size());
    const std::string part = names.substr(from, dot - from);
    const bool is_index = !part.empty() && part.size() < 10 &&
                          part.find_first_not_of("0123456789") == std::string::npos;
    value =
        item_of(value, is_index ? Value::integer(std::stoll(part)) : Value::text(part), context);
    from = dot + 1;
  }
  return value;
}

/// What an item is sorted, compared and grouped by: one of its attributes or itself, in lower case
/// unless case matters.
class Key {
 public:
  Key(const Value* path, bool case_sensitive, const Context& context)
      : path_(path != nullptr && path->is_none() ? nullptr : path),
        case_sensitive_(case_sensitive),
        context_(context) {}
  Value of(const Value& item) const {
    Value key = path_ != nullptr ? attribute_path(item, *path_, context_) : item;
    if (case_sensitive_ || key.string() == nullptr) return key;
    context_.charge(key.string()->size());
    return Value::text(lower_case(*key.string()));
  }

 private:
  const Value* path_;
  bool case_sensitive_;
  const Context& context_;
};

Value extreme(const Value& value, const Arguments& args, const Context& context, int wanted) {
  const Key key(args.find(1, "attribute"), args.flag(0, "case_sensitive", false), context);
  const std::vector<Value> items = items_of(value, context);
  if (items.empty()) return Value::undefined("an item of an empty list");
  const Value* best = &items[0];
  for (const Value& item : items) {
    if (compare(key.of(item), key.of(*best), context) == wanted) best = &item;
  }
  return *best;
}

// Item by item, so that what a list of lists needs is paid before it is made.
std::vector<std::pair<Value, Value>> sorted_pairs(std::vector<Value> items, const Key& key,
                                                  bool reverse, const Context& context) {
  std::vector<std::pair<Value, Value>> keyed;
  context.charge(items.size() * 2 * sizeof(Value));
  keyed.reserve(items.size());
  for (Value& item : items) keyed.emplace_back(key.of(item), std::move(item));
  std::stable_sort(keyed.begin(), keyed.end(), [&](const auto& a, const auto& b) {
    return reverse ? compare(a.first, b.first, context) > 0
                   : compare(a.first, b.first, context) < 0;
  });
  return keyed;
}

}  // namespace

std::vector<Value> items_of(const Value& value, const Context& context) {
  return iterate(value, context);
}

Value join(const Value& value, const Arguments& args, const Context& context) {
  const std::string between = args.text(0, "d", "");
  const Value* path = args.find(1, "attribute");
  std::string out;
  bool first = true;
  for (const Value& item : items_of(value, context)) {
    const Value part =
        path != nullptr && !path->is_none() ? attribute_path(item, *path, context) : item;
    context.charge(between.size());
    out += (first ? "" : between) + part.str(context.meter);
    first = false;
  }
  return Value::text(std::move(out));
}

Value map(const Value& value, const Arguments& args, const Context& context) {
  std::vector<Value> out;
  const Value* path = args.find(args.positional.size(), "attribute");
  const Value* otherwise = args.find(args.positional.size(), "default");
  Arguments rest;
  if (path == nullptr) {
    const std::string name = args.text(0, "filter");
    rest.positional.assign(args.positional.begin() + 1, args.positional.end());
    rest.named = args.named;
  }
  for (const Value& item : items_of(value, context)) {
    if (path == nullptr) {
      out.push_back(apply_filter(*args.positional[0].string(), item, rest, context));
      continue;
    }
    Value found = attribute_path(item, *path, context);
    if (found.is_undefined() && otherwise != nullptr) found = *otherwise;
    out.push_back(std::move(found));
  }
  return Value::list(std::move(out));
}

// select, reject, selectattr, rejectattr: `first` is the place of the test's name.
Value choose(const Value& value, const Arguments& args, const Context& context, bool by_attribute,
             bool keep) {
  const size_t first = by_attribute ? 1 : 0;
  const Value* path = by_attribute ? args.find(0, "attribute") : nullptr;
  if (by_attribute && path == nullptr) throw Error("the attribute is missing");
  const std::string test = args.text(first, "test", "");
  Arguments rest;
  if (args.positional.size() > first + 1) {
    rest.positional.assign(args.positional.begin() + static_cast<std::ptrdiff_t>(first) + 1,
                           args.positional.end());
  }
  std::vector<Value> out;
  for (const Value& item : items_of(value, context)) {
    const Value subject = by_attribute ? attribute_path(item, *path, context) : item;
    const bool holds = test.empty() ? subject.truth() : apply_test(test, subject, rest, context);
    if (holds == keep) out.push_back(item);
  }
  return Value::list(std::move(out));
}

Value sorted(const Value& value, const Arguments& args, const Context& context) {
  const Key key(args.find(2, "attribute"), args.flag(1, "case_sensitive", false), context);
  auto keyed = sorted_pairs(items_of(value, context), key, args.flag(0, "reverse", false), context);
  std::vector<Value> items;
  for (auto& [k, item] : keyed) items.push_back(std::move(item));
  return Value::list(std::move(items));
}

Value grouped_by(const Value& value, const Arguments& args, const Context& context) {
  const Value* path = args.find(0, "attribute");
  if (path == nullptr) throw Error("groupby needs an attribute");
  const bool case_sensitive = args.flag(2, "case_sensitive", false);
  const Key key(path, case_sensitive, context);
  const Key shown(path, true, context);
  std::vector<Value> groups;
  std::vector<Value> members;
  auto keyed = sorted_pairs(items_of(value, context), key, false, context);
  for (size_t i = 0; i < keyed.size(); ++i) {
    members.push_back(keyed[i].second);
    if (i + 1 < keyed.size() && keyed[i].first.equals(keyed[i + 1].first, context.meter)) continue;
    Value name = shown.of(members.front());
    groups.push_back(Value::list({std::move(name), Value::list(std::move(members))}, true));
    members = {};
  }
  return Value::list(std::move(groups));
}

Value batched(const Value& value, const Arguments& args, const Context& context) {
  const int64_t size = args.integer(0, "linecount", 0);
  const Value* fill = args.find(1, "fill_with");
  if (size < 1) throw Error("batch needs a size of 1 or more");
  std::vector<Value> rows;
  std::vector<Value> row;
  for (Value& item : items_of(value, context)) {
    row.push_back(std::move(item));
    if (static_cast<int64_t>(row.size()) == size)
      rows.push_back(Value::list(std::exchange(row, {})));
  }
  if (row.empty()) return Value::list(std::move(rows));
  if (fill != nullptr && !fill->is_none()) {
    context.charge(static_cast<size_t>(size) * sizeof(Value));
    row.resize(static_cast<size_t>(size), *fill);
  }
  rows.push_back(Value::list(std::move(row)));
  return Value::list(std::move(rows));
}

Value in_slices(const Value& value, const Arguments& args, const Context& context) {
  const int64_t count = args.integer(0, "slices", 0);
  const Value* fill = args.find(1, "fill_with");
  if (count < 1) throw Error("slice needs a number of 1 or more");
  const std::vector<Value> items = items_of(value, context);
  const auto size = static_cast<int64_t>(items.size());
  context.charge(static_cast<size_t>(std::min<int64_t>(count, 1 << 30)) * 4 * sizeof(Value));
  std::vector<Value> slices;
  int64_t at = 0;
  for (int64_t i = 0; i < count; ++i) {
    const int64_t length = size / count + (i < size % count ? 1 : 0);
    std::vector<Value> slice(items.begin() + at, items.begin() + at + length);
    at += length;
    if (fill != nullptr && !fill->is_none() && i >= size % count) {
      slice.push_back(*fill);
    }
    slices.push_back(Value::list(std::move(slice)));
  }
  return Value::list(std::move(slices));
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
  const Key key(args.find(1, "attribute"), args.flag(0, "case_sensitive", false), context);
  std::vector<Value> keys;
  std::vector<Value> out;
  for (const Value& item : items_of(value, context)) {
    Value k = key.of(item);
    if (std::any_of(keys.begin(), keys.end(),
                    [&](const Value& o) { return o.equals(k, context.meter); }))
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
        path != nullptr && !path->is_none() ? attribute_path(item, *path, context) : item;
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

Value smallest(const Value& value, const Arguments& args, const Context& context) {
  return extreme(value, args, context, -1);
}

Value largest(const Value& value, const Arguments& args, const Context& context) {
  return extreme(value, args, context, 1);
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
