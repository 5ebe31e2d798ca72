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
/// min and max. @param wanted  -1 or 1, as `compare` of the item with the others.
Value extreme(const Value& value, const Context& context, int wanted);
Value reversed(const Value& value, const Arguments& args, const Context& context);
/// The filter `items`.
Value pairs(const Value& value, const Arguments& args, const Context& context);

}  // namespace gradus::policy::jinja::list_filters
