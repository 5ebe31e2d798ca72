#pragma once

#include <vector>

#include "policy/tokenizer/jinja/builtins.h"

/// The filters that walk through their value's items, by Jinja2's names where those are no words of
/// C++.
namespace gradus::policy::jinja::list_filters {

/// The items, paid for.
std::vector<Value> items_of(const Value& value, const Context& context);

Value join(const Value& value, const Arguments& args, const Context& context);
Value map(const Value& value, const Arguments& args, const Context& context);
/// select, reject, selectattr, rejectattr.
/// @param by_attribute  the test is of an attribute, which the first argument names.
/// @param keep          what passes the test stays, else it goes.
Value choose(const Value& value, const Arguments& args, const Context& context, bool by_attribute,
             bool keep);
Value sorted(const Value& value, const Arguments& args, const Context& context);
Value dict_sorted(const Value& value, const Arguments& args, const Context& context);
Value unique(const Value& value, const Arguments& args, const Context& context);
Value sum(const Value& value, const Arguments& args, const Context& context);
/// min and max.
Value smallest(const Value& value, const Arguments& args, const Context& context);
Value largest(const Value& value, const Arguments& args, const Context& context);
/// Lists of so many items.
Value batched(const Value& value, const Arguments& args, const Context& context);
/// So many lists.
Value in_slices(const Value& value, const Arguments& args, const Context& context);
/// Pairs of a value of the attribute and the items that have it, in the order of the values.
Value grouped_by(const Value& value, const Arguments& args, const Context& context);
Value reversed(const Value& value, const Arguments& args, const Context& context);
/// The filter `items`.
Value pairs(const Value& value, const Arguments& args, const Context& context);

}  // namespace gradus::policy::jinja::list_filters
