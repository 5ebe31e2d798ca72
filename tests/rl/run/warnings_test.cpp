#include "rl/run/warnings.h"

#include <fstream>

#include "rl/run/ledger.h"
#include "rl/run/resumed_log.h"
#include "tests/catch.h"
#include "tests/rl/tiny_run.h"
#include "tests/support/temporary_folder.h"

using namespace gradus;
using namespace gradus::rl;
namespace fs = std::filesystem;

TEST_CASE("warnings are kept in the run, once, with their step", "[rl][run]") {
  const tests::TemporaryFolder folder;
  const fs::path path = folder.path() / "warnings.jsonl";
  RunObserver observer;
  {
    WarningKeeper keeper(path, observer);
    CHECK_FALSE(fs::exists(path));
    keeper.on_phase(1, "rollout");
    keeper.on_warning("no signal");
    keeper.on_warning("no signal");
    keeper.on_phase(2, "rollout");
    keeper.on_warning("no signal");
  }
  std::ofstream(path, std::ios::app) << "{\"step\": 3, \"mess";  // killed in the middle of a line
  WarningKeeper resumed(path, observer);
  resumed.on_phase(2, "rollout");
  resumed.on_warning("no signal");  // of a step that is done again
  resumed.on_warning("another\nmatter");
  const auto warnings = read_warnings(path);
  REQUIRE(warnings.size() == 3);
  CHECK(warnings[0].step == 1);
  CHECK(warnings[1].step == 2);
  CHECK(warnings[2].message == "another\nmatter");
}

TEST_CASE("a log that was deleted or cut begins anew, with a warning", "[rl][run]") {
  const tests::TemporaryFolder folder;
  const fs::path path = folder.path() / "metrics.jsonl";
  std::vector<std::string> said;
  const auto warn = [&](const std::string& text) { said.push_back(text); };
  CHECK(bytes_to_keep(path, 0, warn) == 0);
  CHECK(said.empty());
  CHECK(bytes_to_keep(path, 12, warn) == 0);
  CHECK(said.size() == 1);
  std::ofstream(path) << "one\ntwo\nthr";
  CHECK(bytes_to_keep(path, 8, warn) == 8);
  CHECK(said.size() == 1);
  CHECK(bytes_to_keep(path, 100, warn) == 8);
  CHECK(said.size() == 2);
}

TEST_CASE("saving the checkpoint that a run goes on from is no lost work", "[rl][ledger]") {
  const tests::TemporaryFolder folder;
  const fs::path path = folder.path() / "ledger.jsonl";
  int64_t known = 0;
  {
    Ledger ledger(path, 0, 0, {});
    ledger.append({"update", 4, 3.0, 3.0, 10, 1.0});
    known = ledger.num_bytes();
    ledger.append({"save", 4, 0.5, 0.5, 0, 0.0});
    ledger.append({"update", 5, 2.0, 2.0, 10, 1.0});
    ledger.append({"save", 5, 0.25, 0.25, 0, 0.0});
  }
  Ledger resumed(path, known, 4, {});
  const auto totals = read_ledger(path);
  CHECK(totals.at("save").seconds == 0.5);
  CHECK(totals.at("lost").seconds == 2.25);
  CHECK(totals.at("update").seconds == 3.0);
}
