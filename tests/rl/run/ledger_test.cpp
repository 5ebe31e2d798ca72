#include "rl/run/ledger.h"

#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "base/clock.h"
#include "rl/run/energy_meter.h"
#include "rl/run/lives.h"
#include "tests/catch.h"
#include "tests/support/temporary_folder.h"

namespace gradus::rl {
namespace {

namespace fs = std::filesystem;
using tests::TemporaryFolder;

double sum_of_seconds(const std::map<std::string, LedgerTotal>& totals) {
  double seconds = 0.0;
  for (const auto& [stage, total] : totals) seconds += total.seconds;
  return seconds;
}

/// As if the process had been killed: its line says that it goes on. Lines keep their length.
void forget_end(const fs::path& lives) {
  const std::string over = "\"is_over\":true} ";
  std::string text;
  std::getline(std::ifstream(lives), text, '\0');
  for (size_t at; (at = text.find(over)) != std::string::npos;)
    text.replace(at, over.size(), "\"is_over\":false}");
  std::ofstream(lives) << text;
}

}  // namespace

TEST_CASE("a ledger's lines cover the time of every process, killed ones too", "[rl][ledger]") {
  const TemporaryFolder folder;
  const fs::path path = folder.path() / "ledger.jsonl";
  const fs::path lives = folder.path() / "lives.jsonl";
  ManualClock clock(100.0);
  int64_t known = 0;
  {
    const LifeKeeper life(lives, clock, 98.0);  // two seconds before the program had come so far
    Ledger ledger(path, 0, 0, {}, &life);
    clock.advance(1.0);
    ledger.settle("load", 0);
    clock.advance(4.0);
    ledger.append({"update", 1, 3.0, 3.0, 10, 1e6});
    ledger.settle("idle", 1);
    known = ledger.num_bytes();
    clock.advance(5.0);
    ledger.append({"update", 2, 5.0, 5.0, 10, 1e6});
    clock.advance(2.5);  // of step 3, which is never entered
  }
  forget_end(lives);
  clock.advance(1000.0);  // nobody has the devices
  {
    const LifeKeeper life(lives, clock, clock.now_s());
    CHECK(life.number() == 1);
    Ledger ledger(path, known, 1, {}, &life);
    clock.advance(2.0);
    ledger.settle("load", 1);
  }
  const auto totals = read_ledger(path);
  CHECK(totals.at("load").seconds == Approx(3.0 + 2.0));
  CHECK(totals.at("update").seconds == Approx(3.0));
  CHECK(totals.at("idle").seconds == Approx(1.0));
  CHECK(totals.at("lost").seconds == Approx(5.0));
  CHECK(totals.at("killed").seconds == Approx(2.5));
  CHECK(sum_of_seconds(totals) == Approx(14.5 + 2.0));
}

TEST_CASE("what was lost in several lives is counted once", "[rl][ledger]") {
  const TemporaryFolder folder;
  const fs::path path = folder.path() / "ledger.jsonl";
  const fs::path lives = folder.path() / "lives.jsonl";
  ManualClock clock(50.0);
  for (int kill = 0; kill < 4; ++kill) {  // each before the first checkpoint
    {
      const LifeKeeper life(lives, clock, clock.now_s());
      Ledger ledger(path, 0, 0, {}, &life);
      clock.advance(1.0);
      ledger.settle("load", 0);
      clock.advance(3.0);
      ledger.append({"update", 1, 3.0, 3.0});
      clock.advance(0.5);
    }
    forget_end(lives);
  }
  const LifeKeeper life(lives, clock, clock.now_s());
  const Ledger ledger(path, 0, 0, {}, &life);
  const auto totals = read_ledger(path);
  CHECK(totals.at("load").seconds == Approx(4.0));
  CHECK(totals.at("lost").seconds == Approx(12.0));
  CHECK(totals.at("killed").seconds == Approx(2.0));
}

TEST_CASE("devices and graders are held all the time", "[rl][ledger]") {
  const TemporaryFolder folder;
  const fs::path path = folder.path() / "ledger.jsonl";
  ManualClock clock(0.0);
  LedgerConfig config{3600.0, "EUR", 0.0, 4, 2, 1800.0};
  const LifeKeeper life(folder.path() / "lives.jsonl", clock, 0.0);
  Ledger ledger(path, 0, 0, config, &life);
  clock.advance(10.0);
  ledger.append({"update", 1, 8.0, 8.0});
  ledger.settle("idle", 1);
  const auto totals = read_ledger(path);
  CHECK(totals.at("update").device_seconds == Approx(32.0));
  CHECK(*totals.at("update").money == Approx(32.0));
  CHECK(totals.at("idle").device_seconds == Approx(8.0));
  CHECK(totals.at("graders").seconds == 0.0);
  CHECK(totals.at("graders").device_seconds == Approx(20.0));
  CHECK(*totals.at("graders").money == Approx(10.0));
  CHECK(totals.at("update").peak_memory > 0);
  CHECK(totals.at("update").energy_wh.has_value());
}

TEST_CASE("energy is read from counters that wrap, or estimated and said so", "[rl][ledger]") {
  const TemporaryFolder folder;
  const fs::path zone = folder.path() / "intel-rapl:0";
  fs::create_directories(zone);
  const auto write = [&](const char* name, const std::string& text) {
    std::ofstream(zone / name) << text << "\n";
  };
  write("name", "package-0");
  write("max_energy_range_uj", "1000000");
  write("energy_uj", "900000");
  EnergyMeter meter(folder.path());
  CHECK(meter.is_measured());
  CHECK(meter.source().find("rapl") == 0);
  write("energy_uj", "200000");
  CHECK(meter.joules() >= 0.3 - 1e-9);
  EnergyMeter none(folder.path() / "missing");
  if (!none.is_measured()) {
    CHECK(none.source() == "estimated");
    CHECK(none.joules() >= 0.0);
  }
}

}  // namespace gradus::rl
