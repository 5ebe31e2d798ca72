#include "rl/collect/grade_record.h"

#include "base/json.h"
#include "tests/catch.h"

using namespace gradus;
using namespace gradus::rl;

TEST_CASE("details of a rule that are deep or huge are cut where they are recorded",
          "[rl][collect]") {
  nlohmann::json deep = 1;
  for (int i = 0; i < 5000; ++i) deep = nlohmann::json{{"a", std::move(deep)}};
  nlohmann::json wide = nlohmann::json::array();
  for (int i = 0; i < 100000; ++i) wide.push_back(std::string(100, 'x'));
  const nlohmann::json text = {{"text", std::string(60 << 20, 'y')}};
  for (const auto& details : {deep, wide, text}) {
    rewards::Grade grade = rewards::scored(0.5);
    grade.details = details;
    const std::string line = grade_json(grade).dump();
    CHECK(line.size() < 200000);
    CHECK(line.find("cut") != std::string::npos);
    CHECK(parse_json(line, "samples")["value"] == 0.5);  // reports read it with a limit of depth
  }
}

TEST_CASE("details of usual size are recorded as they are", "[rl][collect]") {
  rewards::Grade grade = rewards::scored(1.0);
  grade.details = {{"answer", "\xC3\xA9"}, {"list", {1, 2.5, nullptr, true}}, {"bad", "\xff"}};
  const auto record = grade_json(grade)["details"];
  CHECK(record.dump() == R"({"answer":")"
                         "\xC3\xA9"
                         R"(","bad":")"
                         "\xEF\xBF\xBD"
                         R"(","list":[1,2.5,null,true]})");
}
