#include "rewards/scores/json_schema/json_schema.h"

#include <algorithm>
#include <cmath>

#include "base/json.h"
#include "base/printable.h"
#include "base/utf8.h"
#include "rewards/scores/json_schema/json_schema_reader.h"
#include "rewards/scores/json_schema/json_values.h"
#include "rewards/scores/text_formats.h"

namespace gradus::rewards {

using nlohmann::json;

namespace {

constexpr int kMaxDepth = 500;  // schemas within each other, references followed

const char* type_of(const json& value) {
  if (value.is_number_float()) {
    const auto number = value.get<double>();
    return std::floor(number) == number ? "integer" : "number";
  }
  if (value.is_number()) return "integer";
  return value.type_name();
}

bool is_of_type(const json& value, const json& types) {
  if (types.is_array()) {
    return std::any_of(types.begin(), types.end(),
                       [&value](const json& type) { return is_of_type(value, type); });
  }
  const std::string type = type_of(value);
  return type == types || (types == "number" && type == "integer");
}

bool is_same(const json& a, const json& b) {
  return order_of_json(a, b) == 0;
}
bool is_less(const json& a, const json& b) {
  return order_of_json(a, b) < 0;
}

bool has_duplicates(const json& list) {
  std::vector<const json*> sorted;
  for (const json& entry : list) sorted.push_back(&entry);
  std::sort(sorted.begin(), sorted.end(),
            [](const json* a, const json* b) { return is_less(*a, *b); });
  return std::adjacent_find(sorted.begin(), sorted.end(), [](const json* a, const json* b) {
           return is_same(*a, *b);
         }) != sorted.end();
}

std::string shown(const json& value) {
  return printable(dump_json(value), 80);
}

}  // namespace

/// One value against one schema. `fails` notes the first violation and is false, so that checks
/// read `return holds || fails(...)`.
class SchemaCheck {
 public:
  explicit SchemaCheck(const JsonSchema& schema) : schema_(schema) {}

  JsonSchema::Verdict run(const json& value) {
    const bool is_valid = holds(schema_.schema_, value, 0);
    return {is_valid && !is_over_budget_, is_over_budget_ ? kBudget : reason_};
  }

 private:
  static constexpr const char* kBudget = "the schema takes too long to check on this value";

  bool fails(const std::string& what) {
    if (reason_.empty())
      reason_ = (path_.empty() ? "the value" : printable(path_, 200)) + ": " + what;
    return false;
  }

  bool holds(const json& schema, const json& value, int depth) {
    if (++steps_ > JsonSchema::kMaxSteps || depth > kMaxDepth) is_over_budget_ = true;
    if (is_over_budget_) return false;
    if (schema.is_boolean()) return schema.get<bool>() || fails("is not allowed");
    return check_any_type(schema, value) && check_combined(schema, value, depth) &&
           (!value.is_number() || check_number(schema, value)) &&
           (!value.is_string() || check_text(schema, value)) &&
           (!value.is_array() || check_list(schema, value, depth)) &&
           (!value.is_object() || check_object(schema, value, depth));
  }

  /// Whether it holds, without a word on why not.
  bool quietly_holds(const json& schema, const json& value, int depth) {
    std::string kept = std::move(reason_);
    const bool result = holds(schema, value, depth);
    reason_ = std::move(kept);
    return result;
  }

  bool holds_at(const std::string& key, const json& schema, const json& value, int depth) {
    const size_t size = path_.size();
    path_ += "/" + key;
    const bool result = holds(schema, value, depth + 1);
    path_.resize(size);
    return result;
  }

  bool check_any_type(const json& schema, const json& value) {
    if (const auto type = schema.find("type"); type != schema.end() && !is_of_type(value, *type)) {
      return fails(std::string("is ") + type_of(value) + ", must be " + shown(*type));
    }
    if (const auto wanted = schema.find("const");
        wanted != schema.end() && !is_same(*wanted, value)) {
      return fails("is " + shown(value) + ", must be " + shown(*wanted));
    }
    if (const auto list = schema.find("enum"); list != schema.end()) {
      if (std::none_of(list->begin(), list->end(),
                       [&value](const json& entry) { return is_same(entry, value); })) {
        return fails("is " + shown(value) + ", must be one of " + shown(*list));
      }
    }
    return true;
  }

  bool check_combined(const json& schema, const json& value, int depth) {
    if (const auto at = schema.find("$ref"); at != schema.end()) {
      const json* target = find_reference(schema_.schema_, at->get_ref<const std::string&>());
      if (!holds(*target, value, depth + 1)) return false;
    }
    if (const auto all = schema.find("allOf"); all != schema.end()) {
      for (const json& part : *all) {
        if (!holds(part, value, depth + 1)) return false;
      }
    }
    if (const auto any = schema.find("anyOf"); any != schema.end()) {
      if (count_holding(*any, value, depth, 1) == 0) return fails("is none of its anyOf");
    }
    if (const auto one = schema.find("oneOf"); one != schema.end()) {
      const int64_t count = count_holding(*one, value, depth, 2);
      if (count != 1) return fails(count == 0 ? "is none of its oneOf" : "is several of its oneOf");
    }
    if (const auto no = schema.find("not"); no != schema.end()) {
      if (quietly_holds(*no, value, depth + 1)) return fails("is what `not` rules out");
    }
    return check_condition(schema, value, depth);
  }

  bool check_condition(const json& schema, const json& value, int depth) {
    const auto condition = schema.find("if");
    if (condition == schema.end()) return true;
    const bool applies = quietly_holds(*condition, value, depth + 1);
    const auto part = schema.find(applies ? "then" : "else");
    return part == schema.end() || holds(*part, value, depth + 1);
  }

  int64_t count_holding(const json& list, const json& value, int depth, int64_t enough) {
    int64_t count = 0;
    for (const json& part : list) {
      if (count < enough && quietly_holds(part, value, depth + 1)) ++count;
    }
    return count;
  }

  bool check_number(const json& schema, const json& value) {
    const auto bound = [&](const char* key, auto&& is_within, const char* sign) {
      const auto at = schema.find(key);
      if (at == schema.end() || is_within(value, *at)) return true;
      return fails("is " + shown(value) + ", must be " + sign + " " + shown(*at));
    };
    const auto is_at_most = [](const json& a, const json& b) { return order_of_json(a, b) <= 0; };
    const auto is_at_least = [](const json& a, const json& b) { return order_of_json(a, b) >= 0; };
    const auto is_greater = [](const json& a, const json& b) { return is_less(b, a); };
    return bound("minimum", is_at_least, ">=") && bound("maximum", is_at_most, "<=") &&
           bound("exclusiveMinimum", is_greater, ">") && bound("exclusiveMaximum", is_less, "<") &&
           bound("multipleOf", is_multiple, "a multiple of");
  }

  /// `min_key <= count <= max_key`
  bool check_count(const json& schema, const char* min_key, const char* max_key, int64_t count,
                   const char* what) {
    const auto least = schema.find(min_key);
    const auto most = schema.find(max_key);
    if (least != schema.end() && static_cast<double>(count) < least->get<double>()) {
      return fails("has " + std::to_string(count) + " " + what + ", must have " + shown(*least) +
                   " or more");
    }
    if (most != schema.end() && static_cast<double>(count) > most->get<double>()) {
      return fails("has " + std::to_string(count) + " " + what + ", must have " + shown(*most) +
                   " or fewer");
    }
    return true;
  }

  bool check_text(const json& schema, const json& value) {
    const auto& text = value.get_ref<const std::string&>();
    if (!check_count(schema, "minLength", "maxLength", num_code_points(text), "characters")) {
      return false;
    }
    if (const auto pattern = schema.find("pattern"); pattern != schema.end()) {
      if (!matches(pattern->get_ref<const std::string&>(), text)) {
        return fails("is " + shown(value) + ", must match " + shown(*pattern));
      }
    }
    const auto format = schema.find("format");
    if (format == schema.end() || !schema_.checks_formats_) return true;
    return is_of_format(format->get_ref<const std::string&>(), text).value_or(false) ||
           fails("is " + shown(value) + ", must be a " + shown(*format));
  }

  bool matches(const std::string& pattern, const std::string& text) {
    return !schema_.patterns_.at(pattern).find(text).matches.empty();
  }

  bool check_list(const json& schema, const json& value, int depth) {
    const auto size = static_cast<int64_t>(value.size());
    if (!check_count(schema, "minItems", "maxItems", size, "items")) return false;
    if (schema.value("uniqueItems", false) && has_duplicates(value)) {
      return fails("has an item twice");
    }
    size_t next = 0;
    if (const auto prefix = schema.find("prefixItems"); prefix != schema.end()) {
      for (; next < std::min(prefix->size(), value.size()); ++next) {
        if (!holds_at(std::to_string(next), (*prefix)[next], value[next], depth)) return false;
      }
    }
    if (const auto items = schema.find("items"); items != schema.end()) {
      for (; next < value.size(); ++next) {
        if (!holds_at(std::to_string(next), *items, value[next], depth)) return false;
      }
    }
    return check_contains(schema, value, depth);
  }

  bool check_contains(const json& schema, const json& value, int depth) {
    const auto wanted = schema.find("contains");
    if (wanted == schema.end()) return true;
    int64_t count = 0;
    for (const json& item : value) count += quietly_holds(*wanted, item, depth + 1) ? 1 : 0;
    if (count == 0 && !schema.contains("minContains")) return fails("has none of what it must");
    return check_count(schema, "minContains", "maxContains", count, "of what it must");
  }

  bool check_object(const json& schema, const json& value, int depth) {
    const auto size = static_cast<int64_t>(value.size());
    if (!check_count(schema, "minProperties", "maxProperties", size, "members")) return false;
    if (const auto required = schema.find("required"); required != schema.end()) {
      for (const json& name : *required) {
        if (!value.contains(name.get_ref<const std::string&>())) {
          return fails("has no " + shown(name));
        }
      }
    }
    if (!check_dependents(schema, value, depth)) return false;
    for (const auto& [name, member] : value.items()) {
      if (!check_member(schema, name, member, depth)) return false;
    }
    return true;
  }

  bool check_dependents(const json& schema, const json& value, int depth) {
    if (const auto map = schema.find("dependentRequired"); map != schema.end()) {
      for (const auto& [name, needed] : map->items()) {
        if (!value.contains(name)) continue;
        for (const json& other : needed) {
          if (value.contains(other.get_ref<const std::string&>())) continue;
          return fails("has " + shown(name) + " without " + shown(other));
        }
      }
    }
    if (const auto map = schema.find("dependentSchemas"); map != schema.end()) {
      for (const auto& [name, part] : map->items()) {
        if (value.contains(name) && !holds(part, value, depth + 1)) return false;
      }
    }
    return true;
  }

  bool check_member(const json& schema, const std::string& name, const json& member, int depth) {
    if (const auto names = schema.find("propertyNames"); names != schema.end()) {
      if (!holds_at(name, *names, name, depth)) return false;
    }
    bool is_named = false;
    if (const auto map = schema.find("properties"); map != schema.end() && map->contains(name)) {
      is_named = true;
      if (!holds_at(name, (*map)[name], member, depth)) return false;
    }
    if (const auto map = schema.find("patternProperties"); map != schema.end()) {
      for (const auto& [pattern, part] : map->items()) {
        if (!matches(pattern, name)) continue;
        is_named = true;
        if (!holds_at(name, part, member, depth)) return false;
      }
    }
    const auto rest = schema.find("additionalProperties");
    return is_named || rest == schema.end() || holds_at(name, *rest, member, depth);
  }

  const JsonSchema& schema_;
  std::string path_;
  std::string reason_;
  int64_t steps_ = 0;
  bool is_over_budget_ = false;
};

JsonSchema::JsonSchema(json schema, bool checks_formats)
    : schema_(std::move(schema)), checks_formats_(checks_formats) {
  SchemaReader(*this).read();
}

JsonSchema::Verdict JsonSchema::check(const json& value) const {
  return SchemaCheck(*this).run(value);
}

}  // namespace gradus::rewards
