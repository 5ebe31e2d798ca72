#include "runs/run_view.h"

#include <filesystem>
#include <fstream>
#include <string>

#include "base/error.h"
#include "tests/catch.h"
#include "tests/support/temporary_folder.h"

using namespace gradus;
using gradus::tests::TemporaryFolder;
namespace fs = std::filesystem;

namespace {

void write(const fs::path& path, const std::string& text, std::ios::openmode mode = std::ios::out) {
  fs::create_directories(path.parent_path());
  std::ofstream(path, mode) << text;
}

void append(const fs::path& path, const std::string& text) {
  write(path, text, std::ios::app);
}

/// A run with a step.
fs::path make_run(const fs::path& run) {
  write(run / "recipe.toml", "[run]\n");
  write(run / "status.json", R"({"state":"stopped","step":1,"steps":9})");
  write(run / "metrics.jsonl", "{\"step\":1,\"reward\":0.25}\n");
  return run;
}

}  // namespace

TEST_CASE("a run that goes on is read on, and one that was cut from its beginning", "[runs]") {
  const TemporaryFolder folder;
  const fs::path run = make_run(folder / "run");
  const fs::path metrics = run / "metrics.jsonl";
  auto view = runs::read_run(run);
  CHECK(view.metrics.size() == 1);
  append(metrics, "{\"step\":2,\"reward\":0.5,\"eval/accuracy\":0.125}\n{\"step\":3,\"rew");
  view = runs::read_run_again(run, std::move(view));
  REQUIRE(view.metrics.size() == 2);  // the torn line is not there yet
  CHECK(view.evals.size() == 1);
  append(metrics, "ard\":1.0}\n");
  view = runs::read_run_again(run, std::move(view));
  REQUIRE(view.metrics.size() == 3);
  CHECK(view.last("reward") == 1.0);
  CHECK(view.step == 3);
  view = runs::read_run_again(run, std::move(view));
  CHECK(view.metrics.size() == 3);
  // It went on from a checkpoint: steps are done again, with other figures.
  write(metrics, "{\"step\":1,\"reward\":0.25}\n{\"step\":2,\"reward\":0.75}\n");
  view = runs::read_run_again(run, std::move(view));
  REQUIRE(view.metrics.size() == 2);
  CHECK(view.last("reward") == 0.75);
  CHECK(view.evals.empty());
  fs::remove(metrics);
  view = runs::read_run_again(run, std::move(view));
  CHECK(view.metrics.empty());
  CHECK(runs::read_run_again(make_run(folder / "other"), std::move(view)).metrics.size() == 1);
}

TEST_CASE("a line that is no step is told with its place", "[runs]") {
  const TemporaryFolder folder;
  const fs::path run = make_run(folder / "run");
  auto view = runs::read_run(run);
  append(run / "metrics.jsonl", "nothing\n");
  CHECK_THROWS_WITH(runs::read_run_again(run, std::move(view)),
                    Catch::Matchers::Contains("metrics.jsonl:2"));
}
