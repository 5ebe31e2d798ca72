#include "rewards/rule_text.h"

#include "base/error.h"
#include "tests/catch.h"

using namespace gradus;
using namespace gradus::rewards;
using nlohmann::json;

TEST_CASE("a rule is read from one line", "[rewards][rule_text]") {
  CHECK(parse_rule("accuracy").type == "accuracy");
  const auto config = parse_rule("accuracy:extract=boxed,weight=2,gate=1,name=boxes,wrong=-1");
  CHECK(config.weight == 2.0);
  CHECK(config.gate == 1.0);
  CHECK(config.name == "boxes");
  CHECK(config.options == json{{"extract", "boxed"}, {"wrong", -1}});
  CHECK(parse_rule("python:file=rewards.py:score").options == json{{"file", "rewards.py:score"}});
  CHECK(parse_rule("exact_match:reference=5").options == json{{"reference", "5"}});
}

TEST_CASE("values hold commas, quotes and brackets", "[rewards][rule_text]") {
  const auto pattern = [](const char* text) {
    return parse_rule(text).options.at("pattern").get<std::string>();
  };
  CHECK(pattern("regex:pattern=a,b") == "a,b");
  CHECK(pattern("regex:pattern=[^\"]+,whole=true") == "[^\"]+");
  CHECK(pattern("regex:pattern=\"a,b=c\",whole=true") == "a,b=c");
  CHECK(pattern("regex:pattern='\\d{1,3}=x'") == "\\d{1,3}=x");
  CHECK(pattern("regex:pattern=\\d{1,3}") == "\\d{1,3}");
  const auto listed =
      parse_rule("ifeval:instructions=[\"punctuation:no_comma\", \"a=b\"],mode=loose");
  CHECK(listed.options.at("instructions").size() == 2);
  CHECK(listed.options.at("mode") == "loose");
  const auto table = parse_rule("json_schema:schema={type = \"object\", required = [\"a\"]}");
  CHECK(table.options.at("schema").at("required") == json{"a"});
}

TEST_CASE("a line that is no rule is refused with what is wrong", "[rewards][rule_text]") {
  CHECK_THROWS_WITH(parse_rule("accuracy:boxed"),
                    "--rule accuracy:boxed: \"boxed\" must be key=value");
  CHECK_THROWS_WITH(parse_rule("accuracy:wrong=1,wrong=2"),
                    Catch::Contains("wrong: is given twice"));
  CHECK_THROWS_WITH(parse_rule("accuracy:weight=x"), Catch::Contains("weight"));
  CHECK_THROWS_AS(parse_rule(""), ConfigError);
}
