#include "service/store/store.h"

#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <thread>
#include <vector>

#include "base/error.h"
#include "service/http/message.h"
#include "service/jobs/job_store.h"
#include "service/store/files.h"
#include "service/store/keys.h"
#include "tests/catch.h"
#include "tests/support/temporary_folder.h"

namespace fs = std::filesystem;
using namespace gradus;
using namespace gradus::service;
using gradus::tests::TemporaryFolder;

namespace {

Job new_job(const std::string& project = "default") {
  Job job;
  job.project = project;
  job.key = "key_x";
  job.model = "nano";
  job.training_file = "file-x";
  job.method = {{"type", "supervised"}};
  return job;
}

}  // namespace

TEST_CASE("a write that fails takes no other with it", "[service][store]") {
  const TemporaryFolder folder;
  Store store(folder.path());
  std::vector<std::thread> threads;
  std::atomic<int> failed = 0;
  for (int i = 0; i < 20; ++i) {
    threads.emplace_back([&, i] {
      try {
        store.write([&](Database& database) {
          database.change("INSERT INTO idempotency VALUES('p', ?, 'h', 'j', 0)",
                          {std::to_string(i / 2)});
        });
      } catch (const FileError& error) {
        CHECK(error.kind() == "constraint");
        ++failed;
      }
    });
  }
  for (auto& thread : threads) thread.join();
  CHECK(failed == 10);
  const auto count = store.read([](Database& database) {
    return database.first("SELECT count(*) FROM idempotency")->integer(0);
  });
  CHECK(count == 10);
}

TEST_CASE("a store of a later Gradus is refused", "[service][store]") {
  const TemporaryFolder folder;
  { const Store store(folder.path()); }
  { Database(folder.path() / "gradus.db").run_script("PRAGMA user_version=999"); }
  CHECK_THROWS_AS(Store(folder.path()), FileError);
}

TEST_CASE("keys are shown once, found by their digest and revoked at once", "[service][store]") {
  const TemporaryFolder folder;
  Store store(folder.path());
  KeyStore keys(store);
  CHECK_FALSE(keys.has_any());
  const auto made = keys.add({"laptop", "mine", {"infer"}, 0, ""});
  CHECK(made.key.starts_with("tml-gr-"));
  CHECK(made.key.size() == 39);
  const auto found = keys.find(made.key);
  REQUIRE(found);
  CHECK(found->project == "mine");
  CHECK(found->may(Scope::infer));
  CHECK_FALSE(found->may(Scope::jobs));
  CHECK_FALSE(keys.find(made.key + "x"));
  CHECK_FALSE(keys.find("tml-gr-" + std::string(32, 'a')));
  std::ifstream in(folder.path() / "gradus.db-wal", std::ios::binary);
  const std::string bytes{std::istreambuf_iterator<char>(in), {}};
  CHECK(bytes.find(made.key.substr(7)) == std::string::npos);
  CHECK(keys.revoke(made.id));
  CHECK_FALSE(keys.revoke(made.id));
  CHECK_FALSE(keys.find(made.key));
  const auto old = keys.add({"old", "mine", {}, 1, ""});
  CHECK_FALSE(keys.find(old.key));
  CHECK_THROWS_AS(keys.add({"bad", "mine", {"everything"}, 0, ""}), ArgumentError);
}

TEST_CASE("files are listed when they are whole, and what is left over goes", "[service][store]") {
  const TemporaryFolder folder;
  Store store(folder.path());
  std::vector<std::string> ids;
  {
    FileStore files(store, folder.path());
    for (int i = 0; i < 5; ++i) {
      const auto upload = files.new_upload();
      std::ofstream(upload) << i;
      ids.push_back(files.adopt(upload, "mine", "a.jsonl", "fine-tune", 0).id);
    }
    std::ofstream(files.new_upload()) << "half";
    CHECK_FALSE(files.find(ids[0], "theirs"));
    CHECK_FALSE(files.remove(ids[0], "theirs"));
    const auto page = files.list("mine", "", "", 2, false);
    CHECK(page.has_more);
    CHECK(page.files[0].id == ids[4]);
    const auto rest = files.list("mine", "", ids[1], 2, false);
    CHECK(rest.files.size() == 1);
    CHECK_FALSE(rest.has_more);
    CHECK_FALSE(files.list("mine", "", "file-none", 2, false).knows_after);
    CHECK(files.remove(ids[0], "mine"));
  }
  const FileStore again(store, folder.path());
  int64_t count = 0;
  for ([[maybe_unused]] const auto& entry : fs::directory_iterator(folder.path() / "files"))
    ++count;
  CHECK(count == 4);
}

TEST_CASE("a job that has ended never changes its state", "[service][jobs]") {
  const TemporaryFolder folder;
  Store store(folder.path());
  JobStore jobs(store);
  const Job job = jobs.create(new_job(), "", "", 10);
  CHECK(job.status == "validating_files");
  CHECK(jobs.change_state(job.id, {"validating_files"}, "queued", "queued"));
  CHECK_FALSE(jobs.change_state(job.id, {"validating_files"}, "queued", "queued"));
  CHECK(jobs.change_state(job.id, {"queued"}, "cancelled", "cancelled"));
  CHECK_FALSE(jobs.fail(job.id, "x", "x", ""));
  CHECK_THROWS_AS(store.write([&](Database& database) {
    database.change("UPDATE jobs SET status='running' WHERE id=?", {job.id});
  }),
                  FileError);
  CHECK(jobs.find_any(job.id)->status == "cancelled");
  CHECK(jobs.find_any(job.id)->finished > 0);
}

TEST_CASE("a job made twice under one key is one job", "[service][jobs]") {
  const TemporaryFolder folder;
  Store store(folder.path());
  JobStore jobs(store);
  const auto first = jobs.create(new_job(), "k", "h", 10);
  CHECK(jobs.create(new_job(), "k", "h", 10).id == first.id);
  CHECK_THROWS_AS(jobs.create(new_job(), "k", "other", 10), HttpError);
  CHECK(jobs.create(new_job("theirs"), "k", "h", 10).id != first.id);
  CHECK_THROWS_AS(jobs.create(new_job(), "", "", 1), HttpError);
  CHECK_FALSE(jobs.find(first.id, "theirs"));
}

TEST_CASE("a step is reported once, whoever reads its line again", "[service][jobs]") {
  const TemporaryFolder folder;
  Store store(folder.path());
  JobStore jobs(store);
  const auto job = jobs.create(new_job(), "", "", 10);
  JobEvent step;
  step.type = "metrics";
  step.message = "Step 1";
  step.step = 1;
  JobEvent warning;
  warning.level = "warn";
  warning.message = "careful";
  jobs.add_events(job.id, {step, warning});
  jobs.add_events(job.id, {step, warning});
  CHECK(jobs.metrics(job.id).size() == 1);
  CHECK(jobs.events(job.id, "", 100).items.size() == 4);
}

TEST_CASE("old checkpoints leave with their models", "[service][jobs]") {
  const TemporaryFolder folder;
  Store store(folder.path());
  JobStore jobs(store);
  const auto job = jobs.create(new_job(), "", "", 10);
  for (int step = 1; step <= 4; ++step) {
    const auto name = "ft:x:ckpt-step-" + std::to_string(step);
    jobs.add_checkpoint(job.id, step, name, "/tmp/" + std::to_string(step), {{"step", step}});
    jobs.add_checkpoint(job.id, step, name, "/tmp/" + std::to_string(step), {{"step", step}});
  }
  CHECK(jobs.drop_old_checkpoints(job.id, 2) == std::vector<std::string>{"/tmp/2", "/tmp/1"});
  const auto page = jobs.checkpoints(job.id, "", 1);
  CHECK(page.has_more);
  CHECK(page.items[0].step == 4);
  CHECK(jobs.find_checkpoint("ft:x:ckpt-step-3"));
  CHECK_FALSE(jobs.find_checkpoint("ft:x:ckpt-step-1"));
}
