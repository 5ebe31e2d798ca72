#include <clocale>
#include <limits>

#include "base/clock.h"
#include "base/error.h"
#include "base/json.h"
#include "base/log.h"
#include "base/printable.h"
#include "base/settings/nearest_name.h"
#include "base/utf8.h"
#include "tests/catch.h"

using namespace gradus;

namespace {

std::string json_error(std::string_view text, const JsonLimits& limits = {}) {
  try {
    parse_json(text, "rows.jsonl:3", limits);
  } catch (const FileError& error) {
    return error.what();
  }
  return "no error";
}

}  // namespace

TEST_CASE("strict JSON reads values and refuses what is not JSON", "[base][json]") {
  CHECK(parse_json(R"({"a":[1,-2,3.5,null,true,"é"]})", "x").at("a").size() == 6);
  CHECK(parse_json(" 18446744073709551615 ", "x") == std::numeric_limits<uint64_t>::max());
  for (const char* bad :
       {"", "{", "[1,]", "NaN", "[Infinity]", "-Infinity", "1e999", "\"\\ud800\"", "\"\xff\"",
        "{\"a\":1} x", "{'a':1}", "[1 2]", "\"\n\"", "01", "{\"a\":1,}", "\xEF\xBB"}) {
    CAPTURE(bad);
    CHECK_THROWS_AS(parse_json(bad, "x"), FileError);
  }
}

TEST_CASE("a NUL byte does not end JSON", "[base][json]") {
  using namespace std::string_view_literals;
  for (const auto text : {"{}\0"sv, "{}\0{}"sv, "[1,\0 2]"sv, "\"a\0\""sv}) {
    CHECK_THROWS_AS(parse_json(text, "x"), FileError);
  }
  CHECK_THAT(json_error("{\n}\0"sv), Catch::Contains("line 2, column 2: a NUL byte"));
}

TEST_CASE("JSON errors say where", "[base][json]") {
  CHECK(json_error("{\"a\":1,\n \"a\":2}") ==
        "rows.jsonl:3: is not valid JSON: key \"a\" appears twice");
  CHECK_THAT(json_error("{\n\"a\": tru}"), Catch::Contains("line 2, column"));
  CHECK_THAT(json_error("[1,2,3]", {64, 4}), Catch::Contains("has 7 bytes, allowed are 4"));
}

TEST_CASE("deep JSON is refused without using the stack", "[base][json]") {
  CHECK(parse_json(std::string(64, '[') + std::string(64, ']'), "x").is_array());
  CHECK_THAT(json_error(std::string(65, '[') + std::string(65, ']')),
             Catch::Contains("nested deeper than 64"));
  CHECK_THAT(json_error(std::string(1'000'000, '[')), Catch::Contains("nested deeper"));
  std::string objects;
  for (int i = 0; i < 100'000; ++i) objects += "{\"a\":";
  CHECK_THAT(json_error(objects), Catch::Contains("nested deeper"));
}

TEST_CASE("numbers keep their bits and their point in any locale", "[base][json]") {
  const std::string before = std::setlocale(LC_ALL, nullptr);
  for (const char* locale : {"C", "de_DE.UTF-8", "tr_TR.UTF-8"}) {
    if (std::setlocale(LC_ALL, locale) == nullptr) continue;
    CHECK(number_text(0.1 + 0.2) == "0.30000000000000004");
    CHECK(dump_json(parse_json("[0.5,1e-6]", "x")) == "[0.5,1e-06]");
    CHECK(parse_json("0.25", "x") == 0.25);
  }
  std::setlocale(LC_ALL, before.c_str());
  CHECK(dump_json(nlohmann::json("\xff")) == "\"\xEF\xBF\xBD\"");
}

TEST_CASE("UTF-8 is checked by the standard's table", "[base][utf8]") {
  CHECK(is_valid_utf8("aé中\xF0\x9F\x98\x80"));
  for (const char* bad : {"\x80", "\xC0\x80", "\xC1\xBF", "\xE0\x80\x80", "\xED\xA0\x80",
                          "\xF4\x90\x80\x80", "\xF5\x80\x80\x80", "\xE4\xB8", "a\xFF"}) {
    CAPTURE(bad);
    CHECK_FALSE(is_valid_utf8(bad));
  }
  CHECK(num_code_points("aé中") == 3);
  CHECK(to_valid_utf8("a\xFF") == "a\xEF\xBF\xBD");
  for (const uint32_t value : {0x41U, 0xE9U, 0x4E2DU, 0x1F600U}) {
    std::string text;
    append_code_point(text, value);
    CHECK(code_point_at(text, 0).value == value);
    CHECK(code_point_at(text, 0).num_bytes == text.size());
  }
}

TEST_CASE("text from outside cannot forge a log line", "[base][log]") {
  std::vector<std::string> lines;
  Log log(LogLevel::info, [&](std::string_view line) { lines.emplace_back(line); });
  log.debug("not shown {}", 1);
  log.warning("file {}", "a\n2026 error: forged \x1b[2J\xff");
  REQUIRE(lines.size() == 1);
  CHECK_THAT(lines[0], Catch::EndsWith("warning: file a\\n2026 error: forged \\x1b[2J\\xff"));
  CHECK(printable(std::string(100, 'x'), 10) == "xxxxxxxxxx... (90 more bytes)");
}

TEST_CASE("the nearest name is the one a typo meant", "[base][text]") {
  const std::vector<std::string> known{"group_size", "clip_ratio", "kl_coef", "lr"};
  CHECK(nearest_name("group-size", known) == "group_size");
  CHECK(nearest_name("gruop_size", known) == "group_size");
  CHECK(nearest_name("kl_coeff", known) == "kl_coef");
  CHECK_FALSE(nearest_name("temperature", known).has_value());
  CHECK_FALSE(nearest_name(std::string(100'000, 'x'), known).has_value());
}

TEST_CASE("a manual clock moves only when told", "[base][clock]") {
  ManualClock clock(5.0);
  clock.advance(2.5);
  CHECK(clock.now_s() == 7.5);
  const SteadyClock steady;
  const double earlier = steady.now_s();
  CHECK(earlier <= steady.now_s());
  CHECK(utc_now().size() == 20);
}
