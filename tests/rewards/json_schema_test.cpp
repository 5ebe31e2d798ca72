#include "rewards/scores/json_schema/json_schema.h"

#include <chrono>

#include "tests/rewards/one_grade.h"
#include "tests/support/patience.h"

using namespace gradus;
using namespace gradus::rewards;
using nlohmann::json;

namespace {

bool valid(const char* schema, const char* value, bool formats = false) {
  return JsonSchema(json::parse(schema), formats).check(json::parse(value)).is_valid;
}

std::string reason(const char* schema, const char* value) {
  return JsonSchema(json::parse(schema)).check(json::parse(value)).reason;
}

std::string complaint(const char* schema, bool formats = false) {
  try {
    JsonSchema made(json::parse(schema), formats);
  } catch (const ArgumentError& error) {
    return error.what();
  }
  return "none";
}

}  // namespace

TEST_CASE("types, constants and enumerations", "[rewards][json_schema]") {
  CHECK(valid(R"({"type": "integer"})", "1.0"));
  CHECK_FALSE(valid(R"({"type": "integer"})", "1.5"));
  CHECK(valid(R"({"type": "number"})", "1"));
  CHECK(valid(R"({"type": ["string", "null"]})", "null"));
  CHECK_FALSE(valid(R"({"type": "string"})", "1"));
  CHECK(valid(R"({"const": {"a": [1]}})", R"({"a": [1.0]})"));
  CHECK(valid(R"({"enum": ["a", 1]})", "1"));
  CHECK_FALSE(valid(R"({"enum": ["a", 1]})", "\"b\""));
  CHECK(valid("true", "1"));
  CHECK_FALSE(valid("false", "1"));
  CHECK(valid("{}", "1"));
}

TEST_CASE("numbers and texts within bounds", "[rewards][json_schema]") {
  CHECK(valid(R"({"minimum": 1, "maximum": 2})", "2"));
  CHECK_FALSE(valid(R"({"exclusiveMaximum": 2})", "2"));
  CHECK_FALSE(valid(R"({"exclusiveMinimum": 2})", "2.0"));
  CHECK(valid(R"({"multipleOf": 0.1})", "0.3"));
  CHECK_FALSE(valid(R"({"multipleOf": 3})", "10"));
  CHECK(valid(R"({"minLength": 2, "maxLength": 2})", "\"éé\""));
  CHECK_FALSE(valid(R"({"maxLength": 1})", "\"ab\""));
  CHECK(valid(R"({"pattern": "b+"})", "\"abc\""));
  CHECK_FALSE(valid(R"({"pattern": "^b+$"})", "\"abc\""));
  CHECK(valid(R"({"minLength": 2})", "1"));
}

TEST_CASE("numbers are compared as the decimals that are written", "[rewards][json_schema]") {
  const char* large = "9223372036854775808";
  CHECK_FALSE(valid(R"({"maximum": -1})", large));
  CHECK(valid(R"({"minimum": -1})", large));
  CHECK(valid(R"({"exclusiveMinimum": 9223372036854775807})", large));
  CHECK_FALSE(valid(R"({"const": -1})", "18446744073709551615"));
  CHECK_FALSE(valid(R"({"multipleOf": 3})", "18446744073709551614"));
  CHECK(valid(R"({"multipleOf": 3})", "18446744073709551615"));
  CHECK_FALSE(valid(R"({"enum": [9007199254740992.0]})", "9007199254740993"));
  CHECK_FALSE(valid(R"({"maximum": 9007199254740992.0})", "9007199254740993"));
  CHECK(
      valid(R"({"uniqueItems": true})", "[9007199254740993, 9007199254740992, 9007199254740994]"));
  CHECK_FALSE(valid(R"({"uniqueItems": true})", R"([{"a": 1}, 2, {"a": 1.0}])"));
  CHECK_FALSE(valid(R"({"multipleOf": 1})", "1234567890.5"));
  CHECK(valid(R"({"multipleOf": 1e-300})", "1e300"));
  CHECK(valid(R"({"multipleOf": 0.01})", "-19.99"));
}

TEST_CASE("patterns are JavaScript's", "[rewards][json_schema]") {
  CHECK_FALSE(valid(R"({"pattern": "^a$"})", R"("a\n")"));
  CHECK(valid(R"({"pattern": "^\\u00e9$"})", R"("é")"));
}

TEST_CASE("lists by place, kind, number and difference", "[rewards][json_schema]") {
  const char* pair = R"({"prefixItems": [{"type": "string"}, {"type": "number"}], "items": false})";
  CHECK(valid(pair, R"(["a", 1])"));
  CHECK(valid(pair, R"(["a"])"));
  CHECK_FALSE(valid(pair, R"(["a", 1, 2])"));
  CHECK_FALSE(valid(pair, R"([1])"));
  CHECK_FALSE(valid(R"({"items": {"type": "string"}})", R"(["a", 1])"));
  CHECK_FALSE(valid(R"({"uniqueItems": true})", R"([1, 2, 1.0])"));
  CHECK(valid(R"({"uniqueItems": true})", R"([1, "1", true])"));
  CHECK_FALSE(valid(R"({"minItems": 1})", "[]"));
  CHECK(valid(R"({"contains": {"const": 1}})", "[2, 1]"));
  CHECK_FALSE(valid(R"({"contains": {"const": 1}})", "[2]"));
  CHECK(valid(R"({"contains": {"const": 1}, "minContains": 0})", "[2]"));
  CHECK_FALSE(valid(R"({"contains": {"const": 1}, "maxContains": 1})", "[1, 1]"));
}

TEST_CASE("objects by member", "[rewards][json_schema]") {
  const char* person = R"({"type": "object", "required": ["name"], "additionalProperties": false,
    "properties": {"name": {"type": "string"}, "age": {"type": "integer", "minimum": 0}}})";
  CHECK(valid(person, R"({"name": "A", "age": 3})"));
  CHECK_FALSE(valid(person, R"({"age": 3})"));
  CHECK_FALSE(valid(person, R"({"name": "A", "x": 1})"));
  CHECK(reason(person, R"({"name": "A", "age": -1})") == "/age: is -1, must be >= 0");
  CHECK(reason(person, R"({"age": 1})") == "the value: has no \"name\"");
  CHECK(reason(person, R"({"name": 1})") == "/name: is integer, must be \"string\"");
  CHECK(valid(R"({"patternProperties": {"^x": {"type": "number"}}, "additionalProperties": false})",
              R"({"x1": 1})"));
  CHECK_FALSE(valid(R"({"patternProperties": {"^x": {"type": "number"}}})", R"({"x1": ""})"));
  CHECK_FALSE(valid(R"({"propertyNames": {"maxLength": 2}})", R"({"abc": 1})"));
  CHECK_FALSE(valid(R"({"minProperties": 1})", "{}"));
  CHECK_FALSE(valid(R"({"dependentRequired": {"a": ["b"]}})", R"({"a": 1})"));
  CHECK_FALSE(valid(R"({"dependentSchemas": {"a": {"maxProperties": 1}}})", R"({"a": 1, "b": 2})"));
}

TEST_CASE("schemas combine and refer to each other", "[rewards][json_schema]") {
  CHECK(valid(R"({"anyOf": [{"type": "string"}, {"minimum": 5}]})", "5"));
  CHECK_FALSE(valid(R"({"anyOf": [{"type": "string"}, {"minimum": 5}]})", "4"));
  CHECK_FALSE(valid(R"({"oneOf": [{"minimum": 1}, {"minimum": 5}]})", "6"));
  CHECK(valid(R"({"oneOf": [{"minimum": 1}, {"minimum": 5}]})", "2"));
  CHECK_FALSE(valid(R"({"allOf": [{"minimum": 1}, {"maximum": 5}]})", "6"));
  CHECK_FALSE(valid(R"({"not": {"type": "string"}})", "\"a\""));
  CHECK_FALSE(
      valid(R"({"if": {"minimum": 5}, "then": {"maximum": 7}, "else": {"const": 0}})", "8"));
  CHECK_FALSE(
      valid(R"({"if": {"minimum": 5}, "then": {"maximum": 7}, "else": {"const": 0}})", "1"));
  const char* tree = R"({"$defs": {"a/b": {"type": "object", "properties": {
      "left": {"$ref": "#/$defs/a~1b"}, "value": {"type": "number"}},
      "required": ["value"]}}, "$ref": "#/$defs/a~1b"})";
  CHECK(valid(tree, R"({"value": 1, "left": {"value": 2}})"));
  CHECK(reason(tree, R"({"value": 1, "left": {"left": {}, "value": 1}})") ==
        "/left/left: has no \"value\"");
}

TEST_CASE("formats are checked where asked for", "[rewards][json_schema]") {
  const auto of = [](const char* format, const char* text) {
    return JsonSchema(json{{"format", format}}, true).check(text).is_valid;
  };
  CHECK(of("date", "2024-02-29"));
  CHECK_FALSE(of("date", "2023-02-29"));
  CHECK(of("date-time", "2024-01-01T10:00:00.5+01:00"));
  CHECK_FALSE(of("date-time", "2024-01-01"));
  CHECK(of("time", "10:00:00Z"));
  CHECK(of("time", "23:59:60Z"));
  CHECK(of("time", "22:29:60-01:30"));
  CHECK_FALSE(of("time", "22:59:60Z"));
  CHECK_FALSE(of("date", "১963-06-17"));
  CHECK(of("email", "a.b@example.org"));
  CHECK_FALSE(of("email", "a..b@example.org"));
  CHECK_FALSE(of("email", "a b@example.org"));
  CHECK(of("ipv4", "192.168.0.1"));
  CHECK_FALSE(of("ipv4", "192.168.0.256"));
  CHECK(of("ipv6", "2001:db8::1"));
  CHECK(of("ipv6", "::1"));
  CHECK_FALSE(of("ipv6", "1::2::3"));
  CHECK_FALSE(of("ipv6", "12345::"));
  CHECK(of("ipv6", "::ffff:192.168.0.1"));
  CHECK(of("uri", "https://example.org/a?b#c"));
  CHECK_FALSE(of("uri", "no uri"));
  CHECK_FALSE(of("uri", "http://example.org/%6G"));
  CHECK_FALSE(of("uri", "http://example.org:abc/"));
  CHECK(of("uuid", "123e4567-e89b-12d3-a456-426614174000"));
  CHECK(of("hostname", "example.org"));
  CHECK_FALSE(of("hostname", "-a.org"));
  CHECK(of("regex", "a+"));
  CHECK_FALSE(of("regex", "(a"));
  CHECK(valid(R"({"format": "date"})", "\"no date\""));
  CHECK_THAT(complaint(R"({"format": "dat"})", true), Catch::Contains("not a format"));
}

TEST_CASE("a schema that cannot be checked is refused by its place", "[rewards][json_schema]") {
  CHECK(complaint(R"({"properties": {"a": {"minLenght": 1}}})") ==
        "/properties/a/minLenght: is not a keyword that is checked; did you mean minLength?");
  CHECK_THAT(complaint(R"({"unevaluatedProperties": false})"), Catch::Contains("not a keyword"));
  CHECK_THAT(complaint(R"({"items": [{}]})"), Catch::Contains("write prefixItems"));
  CHECK_THAT(complaint(R"({"type": "int"})"), Catch::Contains("must be array, boolean"));
  CHECK_THAT(complaint(R"({"pattern": "(a"})"), Catch::Contains("not a regular expression"));
  CHECK_THAT(complaint(R"({"$ref": "#/$defs/x"})"), Catch::Contains("#/$defs/x is not there"));
  CHECK_THAT(complaint(R"({"$ref": "https://example.org"})"), Catch::Contains("is not there"));
  CHECK_THAT(complaint(R"({"minLength": -1})"), Catch::Contains("whole number"));
  CHECK_THAT(complaint(R"({"$schema": "https://example.org/own"})"),
             Catch::Contains("not a draft"));
  CHECK_THAT(complaint("[]"), Catch::Contains("the schema: must be an object"));
}

TEST_CASE("no schema takes long", "[rewards][json_schema][hostile]") {
  CHECK_THAT(reason(R"({"$ref": "#"})", "1"), Catch::Contains("too long"));
  CHECK_THAT(reason(R"({"not": {"$ref": "#"}})", "1"), Catch::Contains("too long"));
  // Two ways at each of 64 levels.
  std::string deep = "1";
  for (int i = 0; i < 60; ++i) deep = "[" + deep + "]";
  CHECK_THAT(reason(R"({"anyOf": [{"items": {"$ref": "#"}, "type": "array"},
                                  {"items": {"$ref": "#"}, "minItems": 1, "type": "array"}]})",
                    deep.c_str()),
             Catch::Contains("too long"));
}

TEST_CASE("failing constants, lists and patterns have one bounded cost", "[rewards][json_schema]") {
  json names = json::array();
  for (int i = 0; i < 100'000; ++i) names.push_back("k" + std::to_string(i));
  json chain{{"$defs", {{"d0", {{"const", 2}}}}}, {"$ref", "#/$defs/d17"}};
  for (int i = 1; i <= 17; ++i) {
    const json below{{"$ref", "#/$defs/d" + std::to_string(i - 1)}};
    chain["$defs"]["d" + std::to_string(i)] = {{"anyOf", {below, below}}};
  }
  const auto begin = std::chrono::steady_clock::now();
  const auto reason_of = [](const json& schema, const json& value) {
    return JsonSchema(schema).check(value).reason;
  };
  // What took minutes: each of 131,072 constants wrote the whole value down.
  CHECK_THAT(reason_of(chain, names), Catch::Contains("too long"));
  json almost = names;
  almost.back() = "other";
  json many{{"$defs", {{"all", {{"const", almost}}}}}, {"anyOf", json::array()}};
  for (int i = 0; i < 1000; ++i) many["anyOf"].push_back({{"$ref", "#/$defs/all"}});
  CHECK_THAT(reason_of(many, names), Catch::Contains("too long"));
  CHECK_THAT(reason_of({{"items", {{"not", {{"pattern", "^(k+)+(\\d+)*$"}}}}}},
                       json(std::vector<std::string>(20'000, std::string(24, 'k') + "!"))),
             Catch::Contains("too long"));
  // Large and right is still right.
  CHECK(JsonSchema({{"uniqueItems", true}, {"items", {{"type", "string"}}}}).check(names).is_valid);
  // A reason shows the beginning of a value.
  const std::string shown = reason_of({{"const", names}}, almost);
  CHECK_THAT(shown, Catch::Contains("the value: is [\"k0\",\"k1\","));
  CHECK(shown.size() < 300);
  CHECK(std::chrono::steady_clock::now() - begin < gradus::tests::patience(20));
}

TEST_CASE("the rule reads JSON from the answer, fenced or not", "[rewards][json_schema]") {
  const std::string rule =
      "type = \"json_schema\"\nschema = {type = \"object\", required = [\"a\"]}\n";
  CHECK(one_value(rule, "{\"a\": 1}") == 1.0);
  CHECK(one_value(rule, "<think>{}</think>\n{\"a\": 1}") == 1.0);
  CHECK(one_value(rule, "```json\n{\"a\": 1}\n```") == 1.0);
  CHECK(one_value(rule + "fence = false", "```json\n{\"a\": 1}\n```") == 0.0);
  CHECK(one_value(rule + "part = \"fence\"", "Here:\n```json\n{\"a\": 1}\n``` done") == 1.0);
  CHECK(one_value(rule, "Here: {\"a\": 1}") == 0.0);
  CHECK(one_value(rule, "{\"a\": 1, \"a\": 2}") == 0.0);
  CHECK(one_value(rule + "wrong = -1.0", "{}") == -1.0);
  CHECK(one_grade(rule, "{}").reason == "the value: has no \"a\"");
  CHECK(one_value(rule, std::string(100'000, '[')) == 0.0);
  CHECK(one_value("type = \"json_schema\"\nschema = '{\"type\": \"array\"}'", "[]") == 1.0);
  const std::string by_row = "type = \"json_schema\"\ncolumn = \"form\"";
  CHECK(one_value(by_row, "1", json{{"form", {{"type", "number"}}}}) == 1.0);
  CHECK(one_value(by_row, "1", json{{"form", "{\"type\": \"string\"}"}}) == 0.0);
  CHECK(one_grade(by_row, "1", json::object()).outcome == GradeOutcome::skipped);
  CHECK(one_grade(by_row, "1", json{{"form", {{"typ", "x"}}}}).outcome == GradeOutcome::failed);
  CHECK_THAT(rule_error("type = \"json_schema\""), Catch::Contains("give one of"));
  CHECK_THAT(rule_error("type = \"json_schema\"\nschema = {typ = \"object\"}"),
             Catch::Contains("recipe.toml:1: rewards[0]: schema: /typ: is not a keyword"));
}
