#include "cli/printable_stream.h"

#include <nlohmann/json.hpp>
#include <sstream>

#include "tests/catch.h"
#include "tests/cli/program.h"

using namespace gradus::cli;

namespace {

/// What arrives of a text that is written in pieces of `size` bytes.
std::string shown(const std::string& text, size_t size = 1000) {
  std::ostringstream target;
  {
    PrintableStream stream(target);
    for (size_t begin = 0; begin < text.size(); begin += size)
      stream << text.substr(begin, size) << std::flush;
  }
  return target.str();
}

}  // namespace

TEST_CASE("a terminal is not told anything by others' text", "[cli][escapes]") {
  CHECK(shown("plain, \xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80\tand\n") ==
        "plain, \xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80\tand\n");
  CHECK(shown("\x1b[31mred\a\r") == "\\x1b[31mred\\x07\\r");
  CHECK(shown("\x7f\xC2\x9B\xE2\x80\xAE") == "\\u007f\\u009b\\u202e");
  CHECK(shown("\xff\xC3(\x80") == "\\xff\\xc3(\\x80");
  CHECK(shown("cut \xE2\x82") == "cut \\xe2\\x82");
  const std::string all = "a\xC3\xA9\xE2\x82\xAC\x1b\xF0\x9F\x98\x80\xC2\x9B\xFF.";
  for (const size_t size : {1, 2, 3, 5}) CHECK(shown(all, size) == shown(all));
}

TEST_CASE("JSON that passes is the same JSON", "[cli][escapes]") {
  const nlohmann::json value{{"text", "\x1b[0m\x7f\xC2\x9B\xE2\x80\xAE\r\n"}};
  CHECK(nlohmann::json::parse(shown(value.dump())) == value);
}

TEST_CASE("runs with escapes in their status and metrics are listed, shown and compared printably",
          "[cli][escapes]") {
  const TemporaryFolder folder;
  for (const char* name : {"a", "b"}) {
    const auto run = folder.path() / name;
    std::filesystem::create_directories(run / "checkpoints");
    write_text(run / "recipe.toml", std::string("[run]\nname = \"") + name + "\"\n");
    write_text(run / "status.json",
               R"({"state": "\u001b[2Jfinished", "reason": "\u001b]0;x\u0007\nline", "step": 1,)"
               R"( "steps": 1, "updated": "\u001b[31m"})");
    write_text(run / "metrics.jsonl", "{\"step\": 1, \"\\u001b[5m\": 1.0}\n");
    write_text(run / "ledger.jsonl",
               R"({"stage": "\u001b[7m", "step": 1, "seconds": 1.0, "device_seconds": 1.0,)"
               R"( "tokens": 1, "flops": 1.0, "money": null, "currency": "", "energy_wh": null})"
               "\n");
  }
  const std::string a = folder / "a";
  const std::string b = folder / "b";
  const std::vector<std::vector<std::string>> commands{{"runs", "list", folder.path().string()},
                                                       {"runs", "show", a},
                                                       {"runs", "show", a, "--json"},
                                                       {"runs", "compare", a, b, "--all"}};
  for (const auto& words : commands) {
    const auto result = run_gradus(words);
    INFO(words[1] << "\n" << result.out << result.err);
    CHECK(result.exit_code == 0);
    for (const char control : {'\x1b', '\a'})
      CHECK((result.out + result.err).find(control) == std::string::npos);
  }
  CHECK(run_gradus({"runs", "list", folder.path().string()}).out.find("\nline") ==
        std::string::npos);
}

TEST_CASE("one damaged status does not keep the other runs from being listed", "[cli][runs]") {
  const TemporaryFolder folder;
  for (const char* status : {"{\"state\": [1]}", "[]", "{", "{\"state\": \"finished\"}"}) {
    const auto run = folder.path() / std::to_string(std::string(status).size());
    std::filesystem::create_directories(run / "checkpoints");
    write_text(run / "recipe.toml", "");
    write_text(run / "status.json", status);
  }
  const auto result = run_gradus({"runs", "list", folder.path().string()});
  INFO(result.err);
  CHECK(result.exit_code == 0);
  CHECK(result.out.find("finished") != std::string::npos);
  CHECK(result.out.find("unreadable") != std::string::npos);
  const auto shown = run_gradus({"runs", "show", (folder.path() / "14").string()});
  CHECK(shown.exit_code == 1);
  CHECK(shown.err.find("status.json") != std::string::npos);
}
