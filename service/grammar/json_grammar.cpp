#include "service/grammar/json_grammar.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

namespace gradus::service {
namespace {

using Schema = nlohmann::ordered_json;
using Sequence = Grammar::Sequence;
using Symbol = Grammar::Symbol;

constexpr int kMaxDepth = 64;
constexpr int kMaxCount = 1000;

/// The parts of JSON that schemas are made of.
class JsonParts {
 public:
  explicit JsonParts(Grammar& grammar) : grammar_(grammar) {
    ByteSet blank;
    for (const char c : {' ', '\t', '\n', '\r'}) blank.set(static_cast<unsigned char>(c));
    space_ = grammar.repeated({grammar.set(blank)}, 0, -1);
    digits_ = grammar.repeated({digit()}, 1, -1);
    character_ = make_character();
    value_ = Grammar::rule(grammar.add_rule());
    object_ = make_object();
    make_value();
  }

  Symbol space() const { return space_; }
  Symbol value() const { return value_; }
  Symbol object() const { return object_; }
  Symbol byte(char c) { return grammar_.byte(static_cast<unsigned char>(c)); }
  Sequence text(std::string_view text) { return grammar_.text(text); }

  Symbol string(int low, int high) {
    return grammar_.either({{byte('"'), grammar_.repeated({character_}, low, high), byte('"')}});
  }

  Symbol integer() {
    ByteSet nonzero;
    for (char c = '1'; c <= '9'; ++c) nonzero.set(static_cast<unsigned char>(c));
    const Symbol more = grammar_.repeated({digit()}, 0, -1);
    const Symbol sign = grammar_.repeated({byte('-')}, 0, 1);
    return grammar_.either({{sign, byte('0')}, {sign, grammar_.set(nonzero), more}});
  }

  Symbol number() {
    ByteSet exponent;
    exponent.set('e').set('E');
    ByteSet signs;
    signs.set('+').set('-');
    const Symbol fraction = grammar_.repeated({byte('.'), digits_}, 0, 1);
    const Symbol power = grammar_.repeated(
        {grammar_.set(exponent), grammar_.repeated({grammar_.set(signs)}, 0, 1), digits_}, 0, 1);
    return grammar_.either({{integer(), fraction, power}});
  }

  /// [item, item, ...] of low to high items (-1: no end).
  Symbol array(const Sequence& item, int low, int high) {
    const Sequence begin{byte('['), space_};
    std::vector<Sequence> choices;
    if (low <= 0) choices.push_back({byte('['), space_, byte(']')});
    if (high != 0) {
      Sequence next{byte(','), space_};
      next.insert(next.end(), item.begin(), item.end());
      next.push_back(space_);
      Sequence some = begin;
      some.insert(some.end(), item.begin(), item.end());
      some.push_back(space_);
      some.push_back(grammar_.repeated(next, std::max(0, low - 1), high < 0 ? -1 : high - 1));
      some.push_back(byte(']'));
      choices.push_back(std::move(some));
    }
    return grammar_.either(choices);
  }

 private:
  Symbol digit() {
    ByteSet digits;
    for (char c = '0'; c <= '9'; ++c) digits.set(static_cast<unsigned char>(c));
    return grammar_.set(digits);
  }

  static ByteSet bytes_of(std::string_view text) {
    ByteSet bytes;
    for (const char c : text) bytes.set(static_cast<unsigned char>(c));
    return bytes;
  }

  /// One character of a string: as it is or escaped; surrogates in pairs alone.
  Symbol make_character() {
    const Symbol hex = grammar_.set(bytes_of("0123456789abcdefABCDEF"));
    const Symbol plain_first = grammar_.set(bytes_of("0123456789abcefABCEF"));
    const Symbol d = grammar_.set(bytes_of("dD"));
    const Symbol low_half = grammar_.set(bytes_of("01234567"));
    const Symbol high_surrogate = grammar_.set(bytes_of("89abAB"));
    const Symbol low_surrogate = grammar_.set(bytes_of("cdefCDEF"));
    const Symbol escape = byte('\\');
    const Symbol u = byte('u');
    const Symbol raw = grammar_.characters({{0x20, 0x21}, {0x23, 0x5B}, {0x5D, 0x10FFFF}});
    return grammar_.either(
        {{raw},
         {escape, grammar_.set(bytes_of("\"\\/bfnrt"))},
         {escape, u, plain_first, hex, hex, hex},
         {escape, u, d, low_half, hex, hex},
         {escape, u, d, high_surrogate, hex, hex, escape, u, d, low_surrogate, hex, hex}});
  }

  Symbol make_object() {
    const Sequence member{string(0, -1), space_, byte(':'), space_, value_, space_};
    Sequence next{byte(','), space_};
    next.insert(next.end(), member.begin(), member.end());
    Sequence some{byte('{'), space_};
    some.insert(some.end(), member.begin(), member.end());
    some.push_back(grammar_.repeated(next, 0, -1));
    some.push_back(byte('}'));
    return grammar_.either({{byte('{'), space_, byte('}')}, some});
  }

  void make_value() {
    const Symbol list = array({value_}, 0, -1);
    for (const Sequence& choice : {Sequence{object_}, Sequence{list}, Sequence{string(0, -1)},
                                   Sequence{number()}, text("true"), text("false"), text("null")})
      grammar_.add_alternative(value_.index, choice);
  }

  Grammar& grammar_;
  Symbol space_;
  Symbol digits_;
  Symbol character_;
  Symbol value_;
  Symbol object_;
};

class SchemaReader {
 public:
  SchemaReader(const Schema& root, Grammar& grammar)
      : root_(root), grammar_(grammar), json_(grammar) {}

  void read() {
    grammar_.add_alternative(0, {json_.space(), read_schema(root_, "schema", 0), json_.space()});
  }

 private:
  [[noreturn]] static void refuse(const std::string& where, const std::string& why) {
    throw GrammarError(where + ": " + why);
  }

  Symbol read_schema(const Schema& schema, const std::string& where, int depth) {
    if (depth > kMaxDepth) refuse(where, "is nested too deeply");
    if (schema.is_boolean() && schema.get<bool>()) return json_.value();
    if (!schema.is_object()) refuse(where, "is no schema");
    check_keywords(schema, where);
    if (schema.contains("$ref")) return read_reference(schema["$ref"], where, depth);
    if (schema.contains("const")) return literal(schema["const"]);
    if (schema.contains("enum")) return read_enum(schema["enum"], where);
    for (const char* key : {"anyOf", "oneOf"}) {
      if (schema.contains(key)) return read_choices(schema[key], where + "." + key, depth);
    }
    if (!schema.contains("type")) {
      if (schema.contains("properties")) return read_object(schema, where, depth);
      return json_.value();
    }
    if (schema["type"].is_string()) return read_type(schema, schema["type"], where, depth);
    if (!schema["type"].is_array()) refuse(where + ".type", "is neither a text nor a list");
    std::vector<Sequence> choices;
    for (const auto& type : schema["type"])
      choices.push_back({read_type(schema, type.get<std::string>(), where, depth)});
    return grammar_.either(choices);
  }

  static void check_keywords(const Schema& schema, const std::string& where) {
    static const std::set<std::string> known{
        "type",      "properties",  "required", "additionalProperties",
        "items",     "minItems",    "maxItems", "minLength",
        "maxLength", "enum",        "const",    "anyOf",
        "oneOf",     "$ref",        "$defs",    "definitions",
        "title",     "description", "default",  "examples",
        "$schema",   "$id",         "$comment"};
    for (const auto& [key, value] : schema.items()) {
      if (!known.contains(key))
        refuse(where, fmt::format("the keyword `{}` cannot be held to", key));
    }
  }

  Symbol read_type(const Schema& schema, const std::string& type, const std::string& where,
                   int depth) {
    if (type == "string")
      return json_.string(count_of(schema, "minLength", 0, where),
                          count_of(schema, "maxLength", -1, where));
    if (type == "integer") return json_.integer();
    if (type == "number") return json_.number();
    if (type == "boolean") return grammar_.either({json_.text("true"), json_.text("false")});
    if (type == "null") return grammar_.either({json_.text("null")});
    if (type == "object") return read_object(schema, where, depth);
    if (type == "array") {
      const Symbol item = schema.contains("items")
                              ? read_schema(schema["items"], where + ".items", depth + 1)
                              : json_.value();
      return json_.array({item}, count_of(schema, "minItems", 0, where),
                         count_of(schema, "maxItems", -1, where));
    }
    refuse(where + ".type", "is unknown: " + type);
  }

  static int count_of(const Schema& schema, const char* key, int if_absent,
                      const std::string& where) {
    if (!schema.contains(key)) return if_absent;
    const auto& value = schema[key];
    if (!value.is_number_integer() || value.get<int64_t>() < 0 || value.get<int64_t>() > kMaxCount)
      refuse(where + "." + key, fmt::format("must be a whole number up to {}", kMaxCount));
    return value.get<int>();
  }

  Symbol literal(const Schema& value) { return grammar_.either({grammar_.text(value.dump())}); }

  Symbol read_enum(const Schema& values, const std::string& where) {
    if (!values.is_array() || values.empty()) refuse(where + ".enum", "is no list of values");
    std::vector<Sequence> choices;
    for (const auto& value : values) choices.push_back(grammar_.text(value.dump()));
    return grammar_.either(choices);
  }

  Symbol read_choices(const Schema& list, const std::string& where, int depth) {
    if (!list.is_array() || list.empty()) refuse(where, "is no list of schemas");
    std::vector<Sequence> choices;
    for (size_t i = 0; i < list.size(); ++i)
      choices.push_back({read_schema(list[i], fmt::format("{}[{}]", where, i), depth + 1)});
    return grammar_.either(choices);
  }

  Symbol read_reference(const Schema& reference, const std::string& where, int depth) {
    if (!reference.is_string()) refuse(where + ".$ref", "is no text");
    const auto name = reference.get<std::string>();
    const auto known = references_.find(name);
    if (known != references_.end()) return Grammar::rule(known->second);
    if (name != "#" && !name.starts_with("#/")) refuse(where + ".$ref", "leads out of the schema");
    const Grammar::Rule rule = grammar_.add_rule();
    references_.emplace(name, rule);
    const Schema* target = nullptr;
    try {
      target = &root_.at(Schema::json_pointer(name.substr(1)));
    } catch (const std::exception&) {
      refuse(where + ".$ref", "leads nowhere: " + name);
    }
    const Symbol inner = read_schema(*target, name, depth + 1);
    if (inner.is_rule && inner.index == rule) refuse(where + ".$ref", "leads to itself alone");
    grammar_.add_alternative(rule, {inner});
    return Grammar::rule(rule);
  }

  /// {"a": A, "b": B, ...}: the keys that are there stand in the schema's order.
  Symbol read_object(const Schema& schema, const std::string& where, int depth) {
    const Schema properties = schema.value("properties", Schema::object());
    if (!properties.is_object()) refuse(where + ".properties", "is no object");
    std::set<std::string> required;
    for (const auto& key : schema.value("required", Schema::array()))
      required.insert(key.get<std::string>());
    for (const auto& key : required) {
      if (!properties.contains(key)) refuse(where + ".required", key + " is no property");
    }
    const bool is_open =
        schema.contains("additionalProperties") ? schema["additionalProperties"] != false : false;
    if (properties.empty() && !(schema.contains("additionalProperties") && !is_open)) {
      if (is_open && schema["additionalProperties"].is_object())
        refuse(where + ".additionalProperties", "a schema for further keys cannot be held to");
      return json_.object();
    }
    if (is_open) refuse(where + ".additionalProperties", "must be false beside properties");
    std::vector<std::pair<Sequence, bool>> members;
    for (const auto& [key, inner] : properties.items()) {
      Sequence member = grammar_.text(Schema(key).dump());
      for (const Symbol& symbol : {json_.space(), json_.byte(':'), json_.space(),
                                   read_schema(inner, where + "." + key, depth + 1), json_.space()})
        member.push_back(symbol);
      members.emplace_back(std::move(member), required.contains(key));
    }
    return grammar_.either({{json_.byte('{'), json_.space(), list_of(members), json_.byte('}')}});
  }

  /// From the last to the first: what may follow where a member stands before, and where none does.
  Symbol list_of(const std::vector<std::pair<Sequence, bool>>& members) {
    Symbol after_some = grammar_.either({{}});
    Symbol after_none = after_some;
    for (auto member = members.rbegin(); member != members.rend(); ++member) {
      Sequence first = member->first;
      first.push_back(after_some);
      Sequence later{json_.byte(','), json_.space()};
      later.insert(later.end(), member->first.begin(), member->first.end());
      later.push_back(after_some);
      std::vector<Sequence> some{later};
      std::vector<Sequence> none{first};
      if (!member->second) {
        some.push_back({after_some});
        none.push_back({after_none});
      }
      after_some = grammar_.either(some);
      after_none = grammar_.either(none);
    }
    return after_none;
  }

  const Schema& root_;
  Grammar& grammar_;
  JsonParts json_;
  std::map<std::string, Grammar::Rule> references_;
};

}  // namespace

Grammar grammar_of_json_object() {
  Grammar grammar;
  JsonParts json(grammar);
  grammar.add_alternative(0, {json.space(), json.object(), json.space()});
  return grammar;
}

Grammar grammar_of_json_schema(const nlohmann::ordered_json& schema) {
  Grammar grammar;
  SchemaReader(schema, grammar).read();
  return grammar;
}

}  // namespace gradus::service
