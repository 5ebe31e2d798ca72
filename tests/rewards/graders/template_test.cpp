#include "rewards/graders/template.h"

#include "tests/catch.h"

using namespace gradus::rewards::graders;
using nlohmann::json;

namespace {

RenderedText render(const std::string& text, const json& item, const std::string& output = "out") {
  return Template(text).render({item, make_sample(output)});
}

}  // namespace

TEST_CASE("templates put in fields, elements and keys", "[rewards][graders][template]") {
  const json item = {
      {"x", "seven"}, {"a", {{"b", 1.5}, {"c d", true}}}, {"list", {"zero", {{"n", nullptr}}}}};
  CHECK(render("= {{ item.x }}!", item).text == "= seven!");
  CHECK(render("{{item.x}}{{item.x}}", item).text == "sevenseven");
  CHECK(render("{{ item.list[0] }}", item).text == "zero");
  CHECK(render("{{ item.list[1].n }}", item).text == "null");
  CHECK(render("{{ item.a[\"c d\"] }} {{ item['x'] }}", item).text == "true seven");
  CHECK(render("{{ item.a }}", item).text == R"({"b":1.5,"c d":true})");
  CHECK(render("{{ sample.output_text }}", item, "hi").text == "hi");
  CHECK(render("{{ sample.choices[0].message.content }}", item, "hi").text == "hi");
  CHECK(render("{ {{{item.x}}} }", item).text == "{ {seven} }");
  CHECK(render("no placeholder } {", item).text == "no placeholder } {");
}

TEST_CASE("what a value contains is not expanded again", "[rewards][graders][template]") {
  const json item = {{"x", "{{ item.secret }}"}, {"secret", "s"}};
  CHECK(render("{{ item.x }}", item).text == "{{ item.secret }}");
  CHECK(render("{{ sample.output_text }}", item, "{{item.secret}}").text == "{{item.secret}}");
  CHECK(render("{{{ item.x }}", item).text == "{{{ item.secret }}");
}

TEST_CASE("output_json is there only where the output is JSON", "[rewards][graders][template]") {
  CHECK(render("{{ sample.output_json.n }}", json::object(), R"( {"n": 3} )").text == "3");
  CHECK(render("{{ sample.output_json[1] }}", json::object(), "[1, 2]").text == "2");
  CHECK_THAT(render("{{ sample.output_json.n }}", json::object(), "n = 3").fault,
             Catch::Contains("sample is an object without \"output_json\""));
  CHECK_FALSE(make_sample("{\"a\": 1, \"a\": 2}").contains("output_json"));
  CHECK_FALSE(make_sample("{\"a\": 1}", false).contains("output_json"));
}

TEST_CASE("a missing field is a fault that names it", "[rewards][graders][template]") {
  const json item = {{"facts", {"one"}}};
  const auto rendered = render("a {{ item.facts[3] }}", item);
  CHECK(rendered.text.empty());
  CHECK(rendered.fault == "{{ item.facts[3] }} has no value: item.facts is a list of 1 without 3");
  CHECK_THAT(render("{{ item.answer }}", item).fault, Catch::Contains("without \"answer\""));
  CHECK_THAT(render("{{ item.facts.x }}", item).fault, Catch::Contains("a list of 1"));
}

TEST_CASE("templates that can never have a value are refused", "[rewards][graders][template]") {
  for (const char* text :
       {"{{ row.x }}", "{{ }}", "{{ item..x }}", "{{ item.x", "{{ item[x] }}", "{{ item.x y }}",
        "{{ item[-1] }}", "{{ item[99999999999999999999] }}", "{{ sample.text }}",
        "{{ sample[0] }}", "{{ items.x }}", "{{ item.x }", "{{ 1 }}"}) {
    INFO(text);
    CHECK_THROWS_AS(Template(text), TemplateError);
  }
  CHECK_THROWS_AS(Template(std::string(Template::kMaxBytes + 1, 'a')), TemplateError);
  std::string deep = "{{ item";
  for (int i = 0; i < 40; ++i) deep += ".a";
  CHECK_THROWS_AS(Template(deep + " }}"), TemplateError);
}

TEST_CASE("a text that grows past its limit is a fault", "[rewards][graders][template]") {
  const json item = {{"x", std::string(size_t{1} << 20, 'x')}};
  std::string text;
  for (int i = 0; i < 20; ++i) text += "{{ item.x }}";
  CHECK_THAT(render(text, item).fault, Catch::Contains("longer than"));
}
