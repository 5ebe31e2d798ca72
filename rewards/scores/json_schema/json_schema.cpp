#include "rewards/scores/json_schema/json_schema.h"

#include <algorithm>
#include <cmath>
#include <type_traits>
#include <vector>

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

constexpr int64_t kWorkOfStep = 64;  // a schema that meets a value; the unit is a value compared
constexpr int64_t kMaxWork = JsonSchema::kMaxSteps * kWorkOfStep;

/// Leaves a check at the place where its work is used up.
struct OverBudget {};

bool is_less(const json& a, const json& b) {
  return order_of_json(a, b) < 0;
}

}  // namespace

/// One value against one schema. `fails` notes the first violation and is false, so that checks
/// read `return holds || fails(...)`; it is given what makes the reason, as most are never read.
class SchemaCheck {
 public:
  explicit SchemaCheck(const JsonSchema& schema) : schema_(schema) {}

  JsonSchema::Verdict run(const json& value) {
    try {
      const bool is_valid = holds(schema_.schema_, value, 0);
      return {is_valid, reason_};
    } catch (const OverBudget&) {
      return {false, "the schema takes too long to check on this value"};
    }
  }

 private:
  template <class What>
  bool fails(const What& what) {
    if (num_quiet_ > 0 || !reason_.empty()) return false;
    const std::string place = path_.empty() ? "the value" : printable(path_text(), 200);
    if constexpr (std::is_invocable_v<What>) {
      reason_ = place + ": " + what();
    } else {
      reason_ = place + ": " + what;
    }
    return false;
  }

  std::string path_text() const {
    std::string text;
    for (size_t i = 0; i < path_.size() && text.size() <= 200; ++i) text += "/" + path_[i];
    return text;
  }

  void spend(int64_t work) {
    work_left_ -= work;
    if (work_left_ < 0) throw OverBudget{};
  }

  void spend_text(const std::string& text) { spend(static_cast<int64_t>(text.size() / 64)); }

  /// What comparing two values costs at most: the members of both, as far as they go together.
  void spend_on(const json& a, const json& b) {
    spend(1);
    if (a.type() != b.type()) return;
    if (a.is_string()) spend_text(std::min(a, b, is_shorter).get_ref<const std::string&>());
    if (!a.is_structured() || a.size() != b.size()) return;
    for (auto x = a.begin(), y = b.begin(); x != a.end(); ++x, ++y) spend_on(*x, *y);
  }

  static bool is_shorter(const json& a, const json& b) {
    return a.get_ref<const std::string&>().size() < b.get_ref<const std::string&>().size();
  }

  bool is_same(const json& a, const json& b) {
    if (a.is_structured() && (a.type() != b.type() || a.size() != b.size())) return false;
    spend_on(a, b);
    return order_of_json(a, b) == 0;
  }

  bool has_duplicates(const json& list) {
    std::vector<const json*> sorted;
    for (const json& entry : list) sorted.push_back(&entry);
    std::sort(sorted.begin(), sorted.end(), [this](const json* a, const json* b) {
      spend_on(*a, *b);
      return is_less(*a, *b);
    });
    return std::adjacent_find(sorted.begin(), sorted.end(), [this](const json* a, const json* b) {
             return is_same(*a, *b);
           }) != sorted.end();
  }

  bool holds(const json& schema, const json& value, int depth) {
    spend(kWorkOfStep);
    if (depth > kMaxDepth) throw OverBudget{};
    if (schema.is_boolean()) return schema.get<bool>() || fails("is not allowed");
    return check_any_type(schema, value) && check_combined(schema, value, depth) &&
           (!value.is_number() || check_number(schema, value)) &&
           (!value.is_string() || check_text(schema, value)) &&
           (!value.is_array() || check_list(schema, value, depth)) &&
           (!value.is_object() || check_object(schema, value, depth));
  }

  /// Whether it holds, without a word on why not.
  bool quietly_holds(const json& schema, const json& value, int depth) {
    ++num_quiet_;
    const bool result = holds(schema, value, depth);
    --num_quiet_;
    return result;
  }

  bool holds_at(const std::string& key, const json& schema, const json& value, int depth) {
    path_.push_back(key.substr(0, 200));
    const bool result = holds(schema, value, depth + 1);
    path_.pop_back();
    return result;
  }

  bool check_any_type(const json& schema, const json& value) {
    if (const auto type = schema.find("type"); type != schema.end() && !is_of_type(value, *type)) {
      return fails([&] {
        return std::string("is ") + type_of(value) + ", must be " + beginning_of_json(*type);
      });
    }
    if (const auto wanted = schema.find("const");
        wanted != schema.end() && !is_same(*wanted, value)) {
      return fails([&] {
        return "is " + beginning_of_json(value) + ", must be " + beginning_of_json(*wanted);
      });
    }
    if (const auto list = schema.find("enum"); list != schema.end()) {
      if (std::none_of(list->begin(), list->end(),
                       [&](const json& entry) { return is_same(entry, value); })) {
        return fails([&] {
          return "is " + beginning_of_json(value) + ", must be one of " + beginning_of_json(*list);
        });
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
      return fails([&] {
        return "is " + beginning_of_json(value) + ", must be " + sign + " " +
               beginning_of_json(*at);
      });
    };
    const auto is_at_most = [](const json& a, const json& b) { return order_of_json(a, b) <= 0; };
    const auto is_at_least = [](const json& a, const json& b) { return order_of_json(a, b) >= 0; };
    const auto is_greater = [](const json& a, const json& b) { return is_less(b, a); };
    return bound("minimum", is_at_least, ">=") && bound("maximum", is_at_most, "<=") &&
           bound("exclusiveMinimum", is_greater, ">") && bound("exclusiveMaximum", is_less, "<") &&
           bound("multipleOf", is_multiple, "a multiple of");
  }

  static std::string has(int64_t count, const char* what) {
    return "has " + std::to_string(count) + " " + what;
  }

  /// `min_key <= count <= max_key`
  bool check_count(const json& schema, const char* min_key, const char* max_key, int64_t count,
                   const char* what) {
    const auto least = schema.find(min_key);
    const auto most = schema.find(max_key);
    if (least != schema.end() && static_cast<double>(count) < least->get<double>()) {
      return fails([&] {
        return has(count, what) + ", must have " + beginning_of_json(*least) + " or more";
      });
    }
    if (most != schema.end() && static_cast<double>(count) > most->get<double>()) {
      return fails([&] {
        return has(count, what) + ", must have " + beginning_of_json(*most) + " or fewer";
      });
    }
    return true;
  }

  bool check_text(const json& schema, const json& value) {
    const auto& text = value.get_ref<const std::string&>();
    spend_text(text);
    if (!check_count(schema, "minLength", "maxLength", num_code_points(text), "characters")) {
      return false;
    }
    if (const auto pattern = schema.find("pattern"); pattern != schema.end()) {
      if (!matches(pattern->get_ref<const std::string&>(), text)) {
        return fails([&] {
          return "is " + beginning_of_json(value) + ", must match " + beginning_of_json(*pattern);
        });
      }
    }
    const auto format = schema.find("format");
    if (format == schema.end() || !schema_.checks_formats_) return true;
    return is_of_format(format->get_ref<const std::string&>(), text).value_or(false) || fails([&] {
             return "is " + beginning_of_json(value) + ", must be a " + beginning_of_json(*format);
           });
  }

  bool matches(const std::string& pattern, const std::string& text) {
    spend_text(text);
    const RegexMatches found = schema_.patterns_.at(pattern).find(text);
    // A step of the pattern costs about as much as a value compared.
    spend(found.num_steps);
    return !found.matches.empty();
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
    spend(static_cast<int64_t>(value.size()));
    for (const json& item : value) count += quietly_holds(*wanted, item, depth + 1) ? 1 : 0;
    if (count == 0 && !schema.contains("minContains")) return fails("has none of what it must");
    return check_count(schema, "minContains", "maxContains", count, "of what it must");
  }

  bool check_object(const json& schema, const json& value, int depth) {
    const auto size = static_cast<int64_t>(value.size());
    spend(size);
    if (!check_count(schema, "minProperties", "maxProperties", size, "members")) return false;
    if (const auto required = schema.find("required"); required != schema.end()) {
      for (const json& name : *required) {
        spend(1);
        if (!value.contains(name.get_ref<const std::string&>())) {
          return fails([&] { return "has no " + beginning_of_json(name); });
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
        spend(1);
        if (!value.contains(name)) continue;
        for (const json& other : needed) {
          spend(1);
          if (value.contains(other.get_ref<const std::string&>())) continue;
          return fails([&] {
            return "has " + beginning_of_json(name) + " without " + beginning_of_json(other);
          });
        }
      }
    }
    if (const auto map = schema.find("dependentSchemas"); map != schema.end()) {
      for (const auto& [name, part] : map->items()) {
        spend(1);
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
  std::vector<std::string> path_;
  std::string reason_;
  int num_quiet_ = 0;
  int64_t work_left_ = kMaxWork;
};

JsonSchema::JsonSchema(json schema, bool checks_formats)
    : schema_(std::move(schema)), checks_formats_(checks_formats) {
  SchemaReader(*this).read();
}

JsonSchema::Verdict JsonSchema::check(const json& value) const {
  return SchemaCheck(*this).run(value);
}

}  // namespace gradus::rewards
