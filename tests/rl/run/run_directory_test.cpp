#include "rl/run/run_directory.h"

#include <fstream>
#include <iterator>

#include "base/error.h"
#include "rl/run/ledger.h"
#include "rl/run/metrics_log.h"
#include "tests/catch.h"
#include "tests/support/temporary_folder.h"

using namespace gradus;
using namespace gradus::rl;
using gradus::tests::TemporaryFolder;
namespace fs = std::filesystem;

namespace {

std::string contents(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

void write(const fs::path& path, const std::string& text) {
  std::ofstream(path) << text;
}

std::string kind_of(const std::function<void()>& call) {
  try {
    call();
  } catch (const FileError& error) {
    return error.kind();
  }
  return "";
}

}  // namespace

TEST_CASE("a second process is refused while a run is at work", "[rl][run_directory]") {
  const TemporaryFolder folder;
  const fs::path path = folder.path() / "run";
  {
    const auto run = RunDirectory::create(path, "a = 1\n");
    CHECK(kind_of([&] { RunDirectory::open(path); }) == "locked");
  }
  CHECK(kind_of([&] { RunDirectory::open(path); }).empty());
}

TEST_CASE("an earlier run is never overwritten by a new one", "[rl][run_directory]") {
  const TemporaryFolder folder;
  {
    const auto run = RunDirectory::create(folder.path(), "a = 1\n");
    write(run.metrics(), "{\"step\":1}\n");
  }
  CHECK(kind_of([&] { RunDirectory::create(folder.path(), "a = 2\n"); }) == "run_exists");
  CHECK(contents(folder.path() / "recipe.toml") == "a = 1\n");
  CHECK(kind_of([&] { RunDirectory::open(folder.path() / "absent"); }) == "missing");
}

TEST_CASE("a run that never finished a step is begun again, a written recipe is not replaced",
          "[rl][run_directory]") {
  const TemporaryFolder folder;
  write(folder.path() / "recipe.toml", "mine");
  CHECK(kind_of([&] { RunDirectory::create(folder.path(), "a = 2\n"); }) == "run_exists");
  CHECK(contents(folder.path() / "recipe.toml") == "mine");
  const fs::path path = folder.path() / "run";
  {
    const auto run = RunDirectory::create(path, "a = 1\n");
    write(run.metrics(), "{\"step\":0}\n");
    run.write_samples("eval-step-000000.jsonl", "{}\n");
    write(run.samples() / "notes.txt", "mine");
  }
  const auto run = RunDirectory::create(path, "a = 2\n");
  CHECK(contents(run.recipe()) == "a = 2\n");
  CHECK_FALSE(fs::exists(run.metrics()));
  CHECK_FALSE(fs::exists(run.samples() / "eval-step-000000.jsonl"));
  CHECK(fs::exists(run.samples() / "notes.txt"));
  CHECK(fs::is_directory(run.checkpoints()));
}

TEST_CASE("a run that did nothing leaves nothing but what others put there",
          "[rl][run_directory]") {
  const TemporaryFolder folder;
  const fs::path top = folder.path() / "a" / "b";
  {
    auto run = RunDirectory::create(top, "");
    run.discard();
  }
  CHECK_FALSE(fs::exists(folder.path() / "a"));
  fs::create_directories(top / "samples");
  write(top / "samples" / "notes.txt", "mine");
  {
    auto run = RunDirectory::create(top, "");
    run.discard();
  }
  CHECK(contents(top / "samples" / "notes.txt") == "mine");
  CHECK_FALSE(fs::exists(top / "recipe.toml"));
}

TEST_CASE("a final model that was being replaced is put back after a kill", "[rl][run_directory]") {
  const TemporaryFolder folder;
  const auto put = [](const std::string& text) {
    return [text](const fs::path& target) { write(target / "model", text); };
  };
  {
    const auto run = RunDirectory::create(folder.path(), "");
    publish_folder(run.final_model(), put("one"));
    publish_folder(run.final_model(), put("two"));
    CHECK(contents(run.final_model() / "model") == "two");
    fs::rename(run.final_model(), folder.path() / "final.old");
    fs::create_directory(folder.path() / "final.tmp");
  }
  const auto run = RunDirectory::open(folder.path());
  CHECK(contents(run.final_model() / "model") == "two");
  CHECK_FALSE(fs::exists(folder.path() / "final.tmp"));
  CHECK_FALSE(fs::exists(folder.path() / "final.old"));
}

TEST_CASE("step names are read back, and nothing else is taken for one", "[rl][run_directory]") {
  CHECK(step_name(123) == "step-000123");
  CHECK(step_of_name("step-000123") == 123);
  CHECK(step_of_name("step-1234567") == 1234567);
  for (const char* other : {"step-123", "step-", ".tmp-step-000123", "step-00012x", "step--00001"})
    CHECK(step_of_name(other) == -1);
}

TEST_CASE("sample files of steps that will be done again are dropped", "[rl][run_directory]") {
  const TemporaryFolder folder;
  const auto run = RunDirectory::create(folder.path(), "");
  for (const char* name : {"step-000002.jsonl", "step-000004.jsonl", "eval-step-000004.jsonl"})
    run.write_samples(name, "{}\n");
  run.drop_samples_after(2);
  CHECK(fs::exists(run.samples() / "step-000002.jsonl"));
  CHECK_FALSE(fs::exists(run.samples() / "step-000004.jsonl"));
  CHECK_FALSE(fs::exists(run.samples() / "eval-step-000004.jsonl"));
}

TEST_CASE("metrics are cut to what the checkpoint knew and read back exactly", "[rl][metrics]") {
  const TemporaryFolder folder;
  const fs::path path = folder.path() / "metrics.jsonl";
  int64_t known = 0;
  {
    MetricsLog log(path, 0);
    log.append({1, {{"reward", 0.1}, {"time/step", 3.0}, {"broken", std::nan("")}}, {}});
    known = log.num_bytes();
    log.append({2, {{"reward", 0.2}}, {}});
  }
  std::ofstream(path, std::ios::app) << "{\"step\": 3, \"rew";  // torn by a kill
  CHECK(read_metrics(path).size() == 2);
  const MetricsLog log(path, known);
  CHECK(contents(path) == "{\"step\":1,\"broken\":null,\"reward\":0.1,\"time/step\":3.0}\n");
  CHECK(read_metrics(path).at(0).values.at("reward") == 0.1);
  CHECK(is_deterministic_metric("reward"));
  CHECK_FALSE(is_deterministic_metric("time/step"));
}

TEST_CASE("work that a kill undid stays in the ledger as lost", "[rl][ledger]") {
  const TemporaryFolder folder;
  const fs::path path = folder.path() / "ledger.jsonl";
  const LedgerConfig config{7.2, "EUR", 360.0};
  int64_t known = 0;
  {
    Ledger ledger(path, 0, 0, config);
    ledger.append({"rollout", 1, 10.0, 10.0, 100, 1e6});
    known = ledger.num_bytes();
    ledger.append({"rollout", 2, 20.0, 20.0, 200, 2e6});
    ledger.append({"update", 2, 5.0, 5.0, 50, 3e6});
  }
  { const Ledger ledger(path, known, 1, config); }
  const auto totals = read_ledger(path);
  CHECK(totals.at("rollout").seconds == 10.0);
  CHECK(totals.at("lost").device_seconds == 25.0);
  CHECK(totals.at("lost").tokens == 250);
  CHECK(*totals.at("rollout").money == Approx(0.02));
  CHECK(*totals.at("rollout").energy_wh == Approx(1.0));
}
