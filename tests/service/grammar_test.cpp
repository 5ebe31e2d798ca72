#include "service/grammar/grammar.h"

#include <cmath>
#include <regex>
#include <string>
#include <vector>

#include "base/json.h"
#include "policy/tokenizer/load_tokenizer.h"
#include "service/grammar/json_grammar.h"
#include "service/grammar/matcher.h"
#include "service/grammar/token_mask.h"
#include "tests/catch.h"
#include "tests/support/fixtures.h"

using namespace gradus;
using namespace gradus::service;
using nlohmann::ordered_json;

namespace {

enum class Fit { whole, beginning, none };

Fit fit_of(const Grammar& grammar, const std::string& text) {
  Matcher matcher(grammar);
  auto state = matcher.start();
  for (const char c : text) state = matcher.advance(state, static_cast<unsigned char>(c));
  if (state.empty()) return Fit::none;
  return Matcher::is_whole(state) ? Fit::whole : Fit::beginning;
}

/// Every text of up to `length` of these letters.
std::vector<std::string> texts_of(const std::string& letters, int length) {
  std::vector<std::string> all{""};
  for (size_t begin = 0; length > 0; --length) {
    const size_t end = all.size();
    for (size_t i = begin; i < end; ++i)
      for (const char c : letters) all.push_back(all[i] + c);
    begin = end;
  }
  return all;
}

}  // namespace

TEST_CASE("a regular expression lets through exactly what it matches", "[service][grammar]") {
  const std::vector<std::string> patterns{
      "a*b",   "(ab|a)(c|bc)?", "[ab]{2,3}",  "a+?b|c",  "(a|b|)*c", "^a.c$",
      "[^a]b", "((a)|(b(c)))+", "a{2}b{0,1}", "(?:ab)*", "\\w\\d?",  "(a*)*"};
  for (const auto& pattern : patterns) {
    const Grammar grammar = grammar_of_regex(pattern);
    const std::regex oracle(pattern);
    for (const auto& text : texts_of("abc1", 5)) {
      INFO(pattern << " on " << text);
      CHECK((fit_of(grammar, text) == Fit::whole) == std::regex_match(text, oracle));
    }
  }
}

TEST_CASE("characters outside ASCII are whole in UTF-8", "[service][grammar]") {
  CHECK(fit_of(grammar_of_regex("[à-ü]+"), "éü") == Fit::whole);
  CHECK(fit_of(grammar_of_regex("[à-ü]+"), "\xC3") == Fit::beginning);
  CHECK(fit_of(grammar_of_regex("[à-ü]+"), "ÿ") == Fit::none);
  CHECK(fit_of(grammar_of_regex(".\\u4e2d."), "x中😀") == Fit::whole);
  CHECK(fit_of(grammar_of_regex("."), "\xED\xA0\x80") == Fit::none);
  CHECK(fit_of(grammar_of_regex("."), "\xC0\x80") == Fit::none);
}

TEST_CASE("patterns that cannot be held to are refused with their place", "[service][grammar]") {
  for (const char* pattern : {"(", ")", "a**?+", "[a", "(?=a)", "\\1", "a{3,2}", "a{9999}", "x^",
                              "a$b", "\\", "[[:alpha:]]", "*a"}) {
    INFO(pattern);
    CHECK_THROWS_AS(grammar_of_regex(pattern), GrammarError);
  }
}

TEST_CASE("any JSON object is let through and nothing else", "[service][grammar]") {
  const Grammar grammar = grammar_of_json_object();
  for (const char* text :
       {"{}", " {\n} ",
        R"({"a": [1, -2.5e+3, {"b": null}], "c": "\u00e9\n\ud83d\ude00 ü", "d": true})"}) {
    INFO(text);
    CHECK(fit_of(grammar, text) == Fit::whole);
    CHECK_NOTHROW(parse_json(text, "test"));
  }
  for (const char* text :
       {"[]", "{a", "{\"a\" 1", "{\"a\":01", "{\"a\":1,}", "{}x", "{\"a\":\"\\x\"", "{\"a\":\"\n",
        "{\"a\":tru}", "{\"a\":\"\\ud800x", "{\"a\":.5", "{\"a\":1.}"}) {
    INFO(text);
    CHECK(fit_of(grammar, text) == Fit::none);
  }
}

TEST_CASE("a schema's texts, with optional keys, lists and recursion", "[service][grammar]") {
  const Grammar grammar = grammar_of_json_schema(ordered_json::parse(R"({
    "type": "object", "additionalProperties": false, "required": ["name", "kind"],
    "properties": {
      "id": {"type": "integer"}, "name": {"type": "string", "minLength": 1, "maxLength": 3},
      "kind": {"enum": ["a", "b", 3]}, "tags": {"type": "array", "items": {"type": "boolean"},
      "minItems": 1, "maxItems": 2}, "next": {"anyOf": [{"$ref": "#"}, {"type": "null"}]}}})"));
  for (const char* text :
       {R"({"name":"x","kind":"a"})", R"({ "id" : -7 , "name":"xyz","kind":3 })",
        R"({"name":"x","kind":"b","tags":[true, false]})",
        R"({"name":"x","kind":"b","next":{"name":"y","kind":"a","next":null}})"}) {
    INFO(text);
    CHECK(fit_of(grammar, text) == Fit::whole);
  }
  for (const char* text :
       {R"({})", R"({"name":""})", R"({"name":"wxyz)", R"({"kind")", R"({"name":"x","id")",
        R"({"name":"x","kind":"c)", R"({"name":"x","kind":"a","tags":[]})",
        R"({"name":"x","kind":"a","tags":[true,true,)", R"({"id":1.)",
        R"({"name":"x","kind":"a","other")", R"({,)"}) {
    INFO(text);
    CHECK(fit_of(grammar, text) == Fit::none);
  }
}

TEST_CASE("keywords that cannot be held to are named", "[service][grammar]") {
  for (const char* schema :
       {R"({"type":"string","pattern":"a"})", R"({"type":"integer","minimum":1})",
        R"({"type":"thing"})", R"({"$ref":"#/nowhere"})", R"({"$ref":"http://x"})",
        R"({"type":"object","properties":{"a":{}},"additionalProperties":true})",
        R"({"$ref":"#"})"}) {
    INFO(schema);
    CHECK_THROWS_AS(grammar_of_json_schema(ordered_json::parse(schema)), GrammarError);
  }
}

TEST_CASE("a token is allowed exactly where its bytes go on", "[service][grammar]") {
  const auto loaded = policy::load_tokenizer(tests::fixture("parity/tokenizer_smollm2").string());
  const auto& tokenizer = *loaded.tokenizer;
  const auto size = static_cast<size_t>(tokenizer.vocab_size());
  const auto tree = std::make_shared<TokenTree>(tokenizer, tokenizer.vocab_size());
  const Grammar grammar = grammar_of_regex("(yes|no), [0-9]{2,4}!");
  for (const std::string begin : {"", "y", "no, 1", "no, 12", "no, 1234", "no, 12!"}) {
    GrammarEditor editor(grammar, tree);
    const auto tokens = tokenizer.encode(begin, false);
    std::vector<float> logits(size, 0.0F);
    editor.edit(0, tokens, logits);
    for (size_t token = 0; token < size; ++token) {
      const auto id = static_cast<int32_t>(token);
      const bool is_end = std::ranges::find(tokenizer.eos_ids(), id) != tokenizer.eos_ids().end();
      const bool may = is_end ? fit_of(grammar, begin) == Fit::whole
                              : !tokenizer.is_special(id) && !tokenizer.token_bytes(id).empty() &&
                                    fit_of(grammar, begin + tokenizer.token_bytes(id)) != Fit::none;
      if ((logits[token] == 0.0F) != may) {
        INFO("after \"" << begin << "\": " << tokenizer.token_bytes(id));
        CHECK((logits[token] == 0.0F) == may);
      }
    }
  }
}
