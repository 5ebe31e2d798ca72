#include "policy/tokenizer/chat_template.h"

#include "base/error.h"
#include "base/exact_json.h"
#include "tests/policy/tokenizer/fixtures.h"

namespace gradus::policy {
namespace {

const std::string kFolder = std::string(GRADUS_SOURCE_DIR) + "/tests/policy/tokenizer/";

ChatTemplate template_of(const nlohmann::ordered_json& c) {
  const std::string name = c["template"];
  return ChatTemplate::parse(name.empty() ? c["source"].get<std::string>()
                                          : fixtures::read(kFolder + "templates/" + name));
}

std::string refusal(const std::string& text) {
  try {
    ChatTemplate::parse(text);
  } catch (const Error& error) {
    return error.what();
  }
  return "accepted";
}

std::string render(const std::string& text) {
  return ChatTemplate::parse(text).render(nlohmann::ordered_json::array(), nullptr, false);
}

TEST_CASE("chat templates render what Jinja2 renders", "[policy][chat_template]") {
  std::ifstream in(kFolder + "chat_cases.jsonl");
  int count = 0;
  for (std::string line; std::getline(in, line); ++count) {
    const auto c = nlohmann::ordered_json::parse(line);
    ChatInput input;
    input.messages = c["variables"]["messages"];
    input.tools = c["variables"]["tools"];
    input.add_generation_prompt = c["variables"]["add_generation_prompt"];
    input.variables = c["variables"];
    for (const char* key : {"messages", "tools", "add_generation_prompt"}) {
      input.variables.erase(key);
    }
    CAPTURE(line);
    if (c["rendered"].is_null()) {
      CHECK_THROWS_AS(template_of(c).render(input), Error);
    } else {
      CHECK(template_of(c).render(input) == c["rendered"].get<std::string>());
    }
  }
  CHECK(count > 200);
}

TEST_CASE("an unknown part of a template is refused by name, with its place",
          "[policy][chat_template]") {
  CHECK(refusal("a\n{{ x | shuffle }}") ==
        "chat template, line 2, column 8: filter \"shuffle\" is not supported");
  CHECK(refusal("{% include 'x' %}") ==
        "chat template, line 1, column 4: statement \"include\" is not supported here");
  CHECK(refusal("{{ lipsum() }}") ==
        "chat template, line 1, column 4: function \"lipsum\" is not supported");
  CHECK(refusal("{{ x is prime }}") ==
        "chat template, line 1, column 6: test \"prime\" is not supported");
  CHECK(refusal("{{ x.append(1) }}") ==
        "chat template, line 1, column 5: method \"append\" is not supported");
  CHECK(refusal("{% for x in y %}") ==
        "chat template, line 1, column 17: the block is not closed by {% endfor %}");
  CHECK(refusal("é{{ 'abc }}") == "chat template, line 1, column 5: a string is not closed");
  CHECK(refusal("{{ a ? b }}") == "chat template, line 1, column 6: unexpected character '?'");
}

TEST_CASE("a template that never ends is stopped", "[policy][chat_template]") {
  CHECK_THROWS_AS(render("{% for a in range(1000000) %}{% for b in range(1000000) %}"
                         "{{ '' }}{% endfor %}{% endfor %}"),
                  Error);
  CHECK_THROWS_AS(render("{% set x = 'ab' * 400000000 %}{{ x * 400000000 }}"), Error);
  CHECK_THROWS_AS(render("{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}"), Error);
  CHECK_THROWS_AS(render("{% set n = namespace(x=[]) %}{% for i in range(100000) %}"
                         "{% set n.x = [n.x] %}{% endfor %}"),
                  Error);
  CHECK_THROWS_AS(render("{% set n = namespace() %}{% set n.me = [n] %}{{ n.me }}"), Error);
  CHECK_THROWS_AS(render("{% set n = namespace(s='x') %}{% for i in range(100) %}"
                         "{% set n.s = n.s ~ n.s %}{% endfor %}"),
                  Error);
}

TEST_CASE("a template pays for walking over values that share their parts",
          "[policy][chat_template]") {
  const std::string doubled =
      "{% set n = namespace(l=[], m=[1]) %}{% for i in range(100) %}{% set n.l = [n.l, n.l] %}"
      "{% set n.m = [n.m, n.m] %}{% endfor %}";
  for (const char* use :
       {"{{ n.l }}", "{{ n.l | tojson }}", "{{ n.l | string | length }}", "{{ n.l == [n.l][0] }}",
        "{{ [n.l, n.m] | sort }}", "{{ [n.l, n.m] | unique | list }}",
        "{{ '{}'.format(n.l) }}", "{{ '%s' % (n.l,) }}", "{{ raise_exception(n.l) }}",
        "{{ n.l ~ '' }}", "{{ [n.l] | join }}"}) {
    CAPTURE(use);
    CHECK_THROWS_WITH(render(doubled + use), Catch::Contains("budget"));
  }
}

TEST_CASE("a template pays for comparing, looking up and cutting up", "[policy][chat_template]") {
  const std::string forever = "{% for i in range(999999) %}";
  std::string names;
  for (int i = 0; i < 20000; ++i) names += "{% set v" + std::to_string(i) + " = 1 %}";
  for (const std::string& source :
       {"{% set s = 'a' * 50000000 %}{% set t = 'a' * 50000000 %}" + forever +
            "{{ s == t }}{% endfor %}",
        "{% set s = 'a' * 20000000 %}" + forever + "{{ 'b' in s }}{% endfor %}",
        names + forever + "{{ v0 }}{% endfor %}",
        std::string("{{ (',' * 50000000).split(',') | length }}"),
        std::string("{% for c in 'a' * 50000000 %}{% endfor %}"),
        std::string("{{ {'a': {'a': 1}} | tojson(indent='x' * 100000000) }}"),
        std::string("{{ 'x' * 9000000 }}"), std::string("{{ '%999999999s' % 1 }}")}) {
    CAPTURE(source.substr(0, 200));
    CHECK_THROWS_AS(render(source), Error);
  }
}

TEST_CASE("an error quotes no control characters of a template", "[policy][chat_template]") {
  for (const char* source : {"{{ raise_exception('\\x1b[2J\\x1b]0;title\\x07') }}",
                             "{{ {}['\x1b[2J'].x }}", "{% \x1b[2J %}", "{{ x | a\x1b }}"}) {
    std::string what;
    try {
      render(source);
    } catch (const Error& error) {
      what = error.what();
    }
    CHECK(!what.empty());
    CHECK(what.find('\x1b') == std::string::npos);
    CHECK(what.find('\a') == std::string::npos);
  }
}

TEST_CASE("integers of any size are printed as they are", "[policy][chat_template]") {
  const auto messages = parse_exact_json(
      R"([{"n": 123456789012345678901234567890, "m": 18446744073709551615, "k": -9223372036854775809}])",
      "row");
  CHECK(ChatTemplate::parse("{{ messages | tojson }} {{ messages[0].n }} {{ messages[0].m }}")
            .render(messages, nullptr, false) ==
        "[{\"n\": 123456789012345678901234567890, \"m\": 18446744073709551615, \"k\": "
        "-9223372036854775809}] 123456789012345678901234567890 18446744073709551615");
}

TEST_CASE("whole numbers divide as in Python, up to the ends of 64 bits",
          "[policy][chat_template]") {
  CHECK(render("{{ 7 // 2 }} {{ -7 // 2 }} {{ 7 // -2 }} {{ 7 % -3 }} {{ -7 % 3 }}") ==
        "3 -4 -4 -2 2");
  CHECK(render("{{ 5 % 9223372036854775807 }}") == "5");
  CHECK(render("{{ -5 % 9223372036854775807 }}") == "9223372036854775802");
  CHECK(render("{{ (-9223372036854775807 - 1) // 3 }}") == "-3074457345618258603");
  CHECK(render("{{ (-9223372036854775807 - 1) % -1 }}") == "0");
  CHECK_THROWS_AS(render("{{ (-9223372036854775807 - 1) // -1 }}"), Error);
  CHECK_THROWS_AS(render("{{ 1 // 0 }}"), Error);
}

TEST_CASE("deeply nested templates and messages are refused, not recursed into",
          "[policy][chat_template]") {
  CHECK(refusal("{{ " + std::string(100000, '(') + "}}") != "accepted");
  std::string sum = "{{ 1";
  for (int i = 0; i < 50000; ++i) sum += " + 1";
  CHECK(refusal(sum + " }}") != "accepted");
  std::string blocks;
  for (int i = 0; i < 50000; ++i) blocks += "{% if 1 %}";
  CHECK(refusal(blocks) != "accepted");
  nlohmann::ordered_json deep = "x";
  for (int i = 0; i < 5000; ++i) deep = nlohmann::ordered_json::array({std::move(deep)});
  CHECK_THROWS_AS(ChatTemplate::parse("{{ messages }}").render(deep, nullptr, false), Error);
}

TEST_CASE("braces inside messages are not expanded again", "[policy][chat_template]") {
  const auto t = ChatTemplate::parse("{{ messages[0].content }}");
  CHECK(t.render({{{"content", "{{ 7 * 7 }}{% raw %}"}}}, nullptr, false) ==
        "{{ 7 * 7 }}{% raw %}");
}

TEST_CASE("strftime_now uses the given clock", "[policy][chat_template]") {
  ChatInput input;
  input.now = std::chrono::system_clock::from_time_t(1'700'000'000);
  const std::string day = ChatTemplate::parse("{{ strftime_now('%Y-%m') }}").render(input);
  CHECK(day == "2023-11");
}

}  // namespace
}  // namespace gradus::policy
