#include "rl/run/checkpoint_store.h"

#include <sys/resource.h>

#include <algorithm>
#include <csignal>
#include <fstream>
#include <functional>

#include "base/error.h"
#include "base/files/file_descriptor.h"
#include "tests/catch.h"
#include "tests/rl/tiny_run.h"
#include "tests/support/temporary_folder.h"

using namespace gradus;
using namespace gradus::rl;
namespace fs = std::filesystem;

namespace {

/// Lowers a limit of this process for as long as it lives.
class Limit {
 public:
  Limit(int resource, rlim_t most) : resource_(resource) {
    ::getrlimit(kind(), &before_);
    const rlimit lower{most, before_.rlim_max};
    ::setrlimit(kind(), &lower);
  }
  ~Limit() { ::setrlimit(kind(), &before_); }

 private:
  __rlimit_resource_t kind() const { return static_cast<__rlimit_resource_t>(resource_); }
  int resource_;
  rlimit before_{};
};

/// A store of a stage without a learner, with its warnings.
struct Store {
  explicit Store(std::vector<int64_t> steps = {}) {
    fs::create_directories(path());
    for (const int64_t step : steps) save(step);
  }
  fs::path path() const { return folder.path() / "run" / "checkpoints"; }
  CheckpointStore open() {
    return {path(), [this](const std::string& warning) { warnings.push_back(warning); }};
  }
  void save(int64_t step) {
    TrainState state;
    state.step = step;
    open().save(state, nullptr);
  }
  void damage(int64_t step) const {
    std::ofstream(path() / step_name_of(step) / "state.json", std::ios::app) << " ";
  }
  static std::string step_name_of(int64_t step) { return "step-00000" + std::to_string(step); }
  std::vector<std::string> names() const {
    std::vector<std::string> names;
    for (const auto& entry : fs::directory_iterator(path()))
      names.push_back(entry.path().filename().string());
    std::ranges::sort(names);
    return names;
  }

  tests::TemporaryFolder folder;
  std::vector<std::string> warnings;
};

std::string kind_of_failure(const std::function<void()>& work) {
  try {
    work();
  } catch (const FileError& error) {
    return error.kind();
  }
  return "none";
}

}  // namespace

TEST_CASE("a good checkpoint that cannot be opened once is not thrown away", "[rl][checkpoint]") {
  Store store({2, 4});
  CheckpointStore opened = store.open();
  {
    const FileDescriptor highest = open_file("/dev/null", 0);
    const Limit limit(RLIMIT_NOFILE, static_cast<rlim_t>(highest.get()) + 1);
    CHECK_THROWS(opened.load_newest(nullptr));  // too many open files
  }
  const fs::path manifest = store.path() / "step-000004" / "manifest.json";
  fs::rename(manifest, store.path() / "aside");
  fs::create_symlink("manifest.json", manifest);  // any error of open that is not "no such file"
  CHECK(kind_of_failure([&] { opened.load_newest(nullptr); }) == "open_failed");
  fs::remove(manifest);
  fs::rename(store.path() / "aside", manifest);
  CHECK(store.names() == std::vector<std::string>{"step-000002", "step-000004"});
  CHECK(opened.load_newest(nullptr)->step == 4);
  CHECK(store.warnings.empty());
}

TEST_CASE("errors of reading are no damage, wrong contents are", "[rl][checkpoint]") {
  for (const char* kind : {"open_failed", "no_permission", "read_failed"})
    CHECK_FALSE(is_damage(FileError("f", kind, "")));
  for (const char* kind : {"missing", "checksum_mismatch", "checkpoint_truncated", "bad_state"})
    CHECK(is_damage(FileError("f", kind, "")));
}

TEST_CASE("a run whose only checkpoint is damaged does not begin anew by itself",
          "[rl][checkpoint]") {
  Store store({4});
  store.damage(4);
  CHECK(kind_of_failure([&] { store.open().load_newest(nullptr); }) == "no_checkpoint");
  CHECK(store.names() == std::vector<std::string>{"step-000004"});
  CHECK_FALSE(store.open().load_newest(nullptr, true).has_value());
  CHECK(store.names() == std::vector<std::string>{"damaged-step-000004"});
}

TEST_CASE("a run whose checkpoints were deleted does not begin anew by itself",
          "[rl][checkpoint]") {
  Store store({4});
  fs::remove_all(store.path());
  fs::create_directories(store.path());
  CHECK(kind_of_failure([&] { store.open().load_newest(nullptr); }) == "no_checkpoint");
  Store fresh;
  CHECK_FALSE(fresh.open().load_newest(nullptr).has_value());
}

TEST_CASE("a checkpoint of another step than its folder says is damaged", "[rl][checkpoint]") {
  Store store({2, 4});
  fs::rename(store.path() / "step-000004", store.path() / "step-000009");
  CHECK(store.open().load_newest(nullptr)->step == 2);
  REQUIRE(store.warnings.size() == 1);
  CHECK_THAT(store.warnings.front(), Catch::Contains("another step"));
}

TEST_CASE("a checkpoint that does not fit on the disk leaves nothing behind", "[rl][checkpoint]") {
  Store store({2});
  const auto before = std::signal(SIGXFSZ, SIG_IGN);
  {
    const Limit limit(RLIMIT_FSIZE, 16);
    CHECK(kind_of_failure([&] { store.save(4); }) == "disk_full");
  }
  std::signal(SIGXFSZ, before);
  CHECK(store.names() == std::vector<std::string>{"step-000002"});
}

TEST_CASE("an old checkpoint that cannot be removed is a warning", "[rl][checkpoint]") {
  Store store({2, 4, 6});
  CheckpointStore opened = store.open();
  // A folder with something in it stands where the old one would step aside to.
  fs::create_directories(store.path() / ".tmp-old-step-000002" / "in the way");
  opened.prune(1, -1);
  REQUIRE(store.warnings.size() == 1);
  CHECK_THAT(store.warnings.front(), Catch::Contains("cannot be removed"));
  CHECK(opened.steps() == std::vector<int64_t>{2, 6});
}
