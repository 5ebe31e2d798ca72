// `gradus serve` as people run it: keys, jobs, kills.
#include "tests/cli/program.h"

#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>

#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>

#include "base/files/file_descriptor.h"
#include "tests/catch.h"
#include "tests/service/raw_client.h"
#include "tests/service/server_process.h"

namespace fs = std::filesystem;
using namespace gradus::service;
using gradus::cli::read_text;
using gradus::cli::run_gradus;
using gradus::tests::TemporaryFolder;
using nlohmann::json;

namespace {

constexpr const char* kJobs = "/v1/fine_tuning/jobs";

std::string training_rows(int count) {
  std::string text;
  for (int i = 0; i < count; ++i) {
    const int a = i % 7 + 1;
    const int b = i % 5 + 2;
    text +=
        json({{"messages",
               {{{"role", "user"},
                 {"content", "What is " + std::to_string(a) + " + " + std::to_string(b) + "?"}}}},
              {"answer", std::to_string(a + b)}})
            .dump() +
        "\n";
  }
  return text;
}

json job_body(const std::string& file, int epochs) {
  return {{"model", "nano"},
          {"training_file", file},
          {"seed", 3},
          {"method",
           {{"type", "reinforcement"},
            {"reinforcement",
             {{"grader",
               {{"type", "string_check"},
                {"name", "g"},
                {"input", "{{sample.output_text}}"},
                {"reference", "<answer>{{item.answer}}</answer>"},
                {"operation", "like"}}},
              {"hyperparameters",
               {{"batch_size", 4}, {"n_epochs", epochs}, {"reasoning_effort", "low"}}}}}}}};
}

json wait_for(int port, const std::string& job, const std::string& status, int steps = 0) {
  for (int i = 0; i < 1200; ++i) {
    const json now = ask(port, "GET", std::string(kJobs) + "/" + job).json();
    const auto events = ask(port, "GET", std::string(kJobs) + "/" + job + "/events?limit=1").json();
    int step = 0;
    for (const auto& event : events["data"]) step = event["data"].value("step", 0);
    const bool has_ended = now["status"] == "failed" || now["status"] == "succeeded";
    if ((now["status"] == status && step >= steps) || has_ended) return now;
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
  FAIL("the job did not get to be " + status);
  return {};
}

}  // namespace

TEST_CASE("keys open what their scopes say, and a wrong one nothing", "[service][cli]") {
  const TemporaryFolder folder;
  const std::string data = (folder / "data").string();
  const auto add = [&](const std::string& scope, const std::string& project) {
    const auto made = run_gradus({"keys", "add", "--data", data, "--name", "k", "--scope", scope,
                                  "--project", project, "--json"});
    REQUIRE(made.exit_code == 0);
    return json::parse(made.out);
  };
  const auto infer = add("infer", "one");
  const auto files = add("files", "one");
  const auto others = add("files", "two");
  ServerProcess server(data, {});
  const auto as = [](const json& key) {
    return std::map<std::string, std::string>{
        {"authorization", "Bearer " + key["key"].get<std::string>()}};
  };
  CHECK(ask(server.port(), "GET", "/health").status == 200);
  CHECK(ask(server.port(), "GET", "/v1/models").status == 401);
  CHECK(ask(server.port(), "GET", "/v1/models", "", as({{"key", "tml-gr-nonsense-nonsense"}}))
            .status == 401);
  CHECK(ask(server.port(), "GET", "/v1/models", "", as(infer)).status == 200);
  CHECK(
      ask(server.port(), "GET", "/v1/models", "", {{"x-api-key", infer["key"].get<std::string>()}})
          .status == 200);
  CHECK(ask(server.port(), "GET", "/v1/files", "", as(infer)).status == 403);
  CHECK(ask(server.port(), "GET", "/metrics", "", as(files)).status == 403);
  const std::string id = upload(server.port(), training_rows(1), as(files));
  CHECK(ask(server.port(), "GET", "/v1/files/" + id, "", as(files)).status == 200);
  CHECK(ask(server.port(), "GET", "/v1/files/" + id, "", as(others)).status == 404);
  CHECK(run_gradus({"keys", "revoke", "--data", data, files["id"]}).exit_code == 0);
  CHECK(ask(server.port(), "GET", "/v1/files/" + id, "", as(files)).status == 401);
  CHECK(server.stop() == 0);
}

TEST_CASE("a server refuses to be reached by others without keys and TLS", "[service][cli]") {
  const TemporaryFolder folder;
  const std::string data = (folder / "data").string();
  const auto open = run_gradus({"serve", "--data", data, "--listen", "0.0.0.0:0", "--open"});
  CHECK(open.exit_code == 2);
  const auto bare = run_gradus({"serve", "--data", data, "--listen", "0.0.0.0:0"});
  CHECK(bare.exit_code == 2);
  CHECK(bare.err.find("gradus keys add") != std::string::npos);
  run_gradus({"keys", "add", "--data", data, "--name", "k"});
  const auto plain = run_gradus({"serve", "--data", data, "--listen", "0.0.0.0:0"});
  CHECK(plain.exit_code == 2);
  CHECK(plain.err.find("TLS") != std::string::npos);
  const auto wrong = run_gradus({"serve", "--data", data, "--set", "jobs.runing=2"});
  CHECK(wrong.exit_code == 2);
  CHECK(wrong.err.find("jobs.running") != std::string::npos);
  const ServerProcess first(data, {"--open"});
  const auto second = run_gradus({"serve", "--data", data, "--open", "--listen", "127.0.0.1:0"});
  CHECK(second.exit_code == 1);
  CHECK(second.err.find("another") != std::string::npos);
}

TEST_CASE("names of other hosts are refused on loopback", "[service][cli]") {
  const TemporaryFolder folder;
  ServerProcess server(folder / "data");
  RawClient client(server.port());
  client.send("GET /health HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n");
  CHECK(client.read_all().starts_with("HTTP/1.1 421"));
  CHECK(ask_json(server.port(), "POST", "/v1/tokenize", {{"model", "nano"}, {"prompt", "1"}},
                 {{"origin", "http://evil.example"}})
            .status == 403);
}

TEST_CASE("what was acknowledged survives a kill, and jobs end with the same bits",
          "[service][cli][slow]") {
  const TemporaryFolder folder;
  const fs::path data = folder / "data";
  auto server = std::make_unique<ServerProcess>(data);
  const std::string file = upload(server->port(), training_rows(8));
  const auto created = ask_json(server->port(), "POST", kJobs, job_body(file, 10));
  REQUIRE(created.status == 200);
  const std::string job = created.json()["id"];
  wait_for(server->port(), job, "running", 3);
  server->kill();
  server = std::make_unique<ServerProcess>(data);
  CHECK(ask(server->port(), "GET", "/v1/files/" + file).status == 200);
  wait_for(server->port(), job, "running", 6);
  // The job's own process.
  const auto status = json::parse(read_text(data / "jobs" / job / "run" / "status.json"));
  ::kill(status["pid"].get<pid_t>(), SIGKILL);
  const json done = wait_for(server->port(), job, "succeeded");
  INFO(done.dump());
  REQUIRE(done["status"] == "succeeded");
  std::vector<int> steps;
  const json events =
      ask(server->port(), "GET", std::string(kJobs) + "/" + job + "/events?limit=100").json();
  for (const auto& event : events["data"]) {
    if (event["type"] == "metrics") steps.insert(steps.begin(), event["data"]["step"].get<int>());
  }
  REQUIRE(steps.size() == 20);
  for (int i = 0; i < 20; ++i) CHECK(steps[static_cast<size_t>(i)] == i + 1);

  const auto alone = run_gradus({"train", (data / "jobs" / job / "recipe.toml").string(),
                                 "--run-dir", (folder / "alone").string()});
  REQUIRE(alone.exit_code == 0);
  CHECK(read_text(folder / "alone" / "final" / "model.safetensors") ==
        read_text(data / "jobs" / job / "run" / "final" / "model.safetensors"));
  const std::string model = done["fine_tuned_model"];
  const auto chat = ask_json(server->port(), "POST", "/v1/chat/completions",
                             {{"model", model},
                              {"messages", {{{"role", "user"}, {"content", "What is 2 + 3?"}}}},
                              {"max_tokens", 4}});
  CHECK(chat.status == 200);
  CHECK(server->stop() == 0);
}

TEST_CASE("a stop keeps a job running for the next start", "[service][cli][slow]") {
  const TemporaryFolder folder;
  const fs::path data = folder / "data";
  auto server = std::make_unique<ServerProcess>(data);
  const std::string file = upload(server->port(), training_rows(64));
  const std::string job = ask_json(server->port(), "POST", kJobs, job_body(file, 50)).json()["id"];
  wait_for(server->port(), job, "running", 2);
  CHECK(server->stop() == 0);
  server = std::make_unique<ServerProcess>(data);
  wait_for(server->port(), job, "running", 4);
  CHECK(ask(server->port(), "POST", std::string(kJobs) + "/" + job + "/cancel", "{}",
            {{"content-type", "application/json"}})
            .json()["status"] == "cancelled");
}

TEST_CASE("a backup of a service that trains goes on with the same bits", "[service][cli]") {
  const TemporaryFolder folder;
  const fs::path data = folder / "data";
  const fs::path copy = folder / "copy";
  auto server = std::make_unique<ServerProcess>(data);
  const std::string file = upload(server->port(), training_rows(8));
  const std::string job = ask_json(server->port(), "POST", kJobs, job_body(file, 20)).json()["id"];
  wait_for(server->port(), job, "running", 4);
  const std::vector<std::string> words{"serve", "backup", "--data", data, "--to", copy};
  const auto made = run_gradus(words);
  INFO(made.err);
  REQUIRE(made.exit_code == 0);
  CHECK(run_gradus(words).err.find("new folder") != std::string::npos);
  CHECK(run_gradus({"serve", "--open"}).err.find("--data") != std::string::npos);
  REQUIRE(wait_for(server->port(), job, "succeeded")["status"] == "succeeded");
  CHECK(server->stop() == 0);
  const auto weights = fs::path("jobs") / job / "run/final/model.safetensors";
  const std::string undisturbed = read_text(data / weights);
  CHECK_FALSE(fs::exists(copy / weights));  // it trained when the copy was made
  fs::rename(data, folder / "lost");
  fs::rename(copy, data);
  server = std::make_unique<ServerProcess>(data);
  CHECK(ask(server->port(), "GET", "/v1/files/" + file + "/content").body == training_rows(8));
  REQUIRE(wait_for(server->port(), job, "succeeded")["status"] == "succeeded");
  CHECK(read_text(data / weights) == undisturbed);
  CHECK(server->stop() == 0);
}

TEST_CASE("systemd is told when the service is ready and when it stops", "[service][cli]") {
  const TemporaryFolder folder;
  const std::string path = folder / "notify";
  const gradus::FileDescriptor socket(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  REQUIRE(path.size() < sizeof(address.sun_path));
  path.copy(address.sun_path, path.size());
  REQUIRE(::bind(socket.get(), reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0);
  const timeval patience{30, 0};
  ::setsockopt(socket.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
  const auto next = [&] {
    char text[64];
    const ssize_t count = ::recv(socket.get(), text, sizeof(text), 0);
    return std::string(text, count > 0 ? static_cast<size_t>(count) : 0);
  };
  ::setenv("NOTIFY_SOCKET", path.c_str(), 1);
  ServerProcess server(folder / "data");
  ::unsetenv("NOTIFY_SOCKET");
  CHECK(next() == "READY=1");
  CHECK(ask(server.port(), "GET", "/ready").status == 200);
  CHECK(server.stop() == 0);
  CHECK(next() == "STOPPING=1");
}

TEST_CASE("the packaged settings are known ones", "[service][cli]") {
  const TemporaryFolder folder;
  const fs::path packaging = fs::path(GRADUS_SOURCE_DIR) / "packaging";
  const ServerProcess server(folder / "data",
                             {"--open", "--config", (packaging / "gradus.toml").string()});
  CHECK(ask(server.port(), "GET", "/health").status == 200);
}

TEST_CASE("a dpo job learns which of two answers is preferred", "[service][cli]") {
  const TemporaryFolder folder;
  ServerProcess server(folder / "data");
  std::string rows;
  for (int i = 0; i < 16; ++i) {
    const auto answer = [](int value) {
      const std::string text = "<answer>" + std::to_string(value) + "</answer>";
      return json::array({{{"role", "assistant"}, {"content", text}}});
    };
    const std::string question = "What is 10" + std::to_string(i % 10) + " + 200?";
    const json prompt = json::array({{{"role", "user"}, {"content", question}}});
    rows += json({{"input", {{"messages", prompt}}},
                  {"preferred_output", answer(300 + i % 10)},
                  {"non_preferred_output", answer(400 + i % 10)}})
                .dump() +
            "\n";
  }
  const std::string file = upload(server.port(), rows);
  const json body{
      {"model", "nano"},
      {"training_file", file},
      {"seed", 3},
      {"method",
       {{"type", "dpo"},
        {"dpo",
         {{"hyperparameters",
           {{"batch_size", 8}, {"n_epochs", 5}, {"learning_rate_multiplier", 4.0}}}}}}}};
  const json made = ask_json(server.port(), "POST", kJobs, body).json();
  REQUIRE(made.contains("id"));
  const json done = wait_for(server.port(), made["id"], "succeeded");
  INFO(done.dump());
  REQUIRE(done["status"] == "succeeded");
  const auto events = ask(server.port(), "GET",
                          std::string(kJobs) + "/" + made["id"].get<std::string>() + "/events")
                          .json()["data"];
  double accuracy = -1.0;  // events come newest first
  for (auto event = events.rbegin(); event != events.rend(); ++event)
    if ((*event)["data"].is_object() && (*event)["data"].contains("train_accuracy"))
      accuracy = (*event)["data"]["train_accuracy"];
  CHECK(accuracy == 1.0);
  CHECK(server.stop() == 0);
}

TEST_CASE("another trainer pauses the sampler and gives it new weights", "[service][cli]") {
  const TemporaryFolder folder;
  ServerProcess server(folder / "data");
  const int port = server.port();
  const auto chat = [&](int max_tokens) {
    return ask_json(port, "POST", "/v1/completions",
                    {{"model", "nano"},
                     {"prompt", "What is 123 + 456?\n"},
                     {"seed", 1},
                     {"temperature", 0},
                     {"max_tokens", max_tokens}});
  };
  const auto control = [&](const char* method, const std::string& path) {
    return ask(port, method, path, method == std::string("POST") ? "{}" : "",
               {{"content-type", "application/json"}})
        .json();
  };
  const json before = chat(32).json();
  CHECK(control("POST", "/pause?mode=abort")["at_rest"] == true);
  CHECK(chat(4).status == 503);
  CHECK(control("GET", "/is_paused")["is_paused"] == true);
  // What comes while the models are held waits, and is answered as ever.
  control("POST", "/pause?mode=keep");
  std::atomic<bool> is_answered{false};
  json held;
  std::thread waiting([&] {
    held = chat(32).json();
    is_answered = true;
  });
  std::this_thread::sleep_for(std::chrono::milliseconds(500));
  CHECK_FALSE(is_answered);
  control("POST", "/resume");
  waiting.join();
  CHECK(held["choices"] == before["choices"]);
  CHECK(
      ask(port, "POST", "/pause?mode=later", "{}", {{"content-type", "application/json"}}).status ==
      400);

  // Weights that a run made from the base.
  const fs::path base = fs::path(GRADUS_SOURCE_DIR) / "examples/nano/base";
  const auto trained =
      run_gradus({"train", (fs::path(GRADUS_SOURCE_DIR) / "examples/nano/grpo.toml").string(),
                  "--run-dir", folder / "run", "--set", "run.steps=3", "--set", "run.eval_every=0",
                  "--set", "rl.prompts_per_step=4", "--set", "optim.lr=1e-2"});
  REQUIRE(trained.exit_code == 0);
  const auto update = [&](const fs::path& path) {
    return ask_json(port, "POST", "/update_weights", {{"model", "nano"}, {"path", path.string()}});
  };
  CHECK(update(folder / "nothing").status == 400);
  CHECK(update(fs::path(GRADUS_SOURCE_DIR) / "tests").status == 400);
  CHECK(chat(32).json()["choices"] == before["choices"]);
  CHECK(update(folder.path() / "run/final").json()["version"] == 1);
  CHECK(chat(32).json()["choices"] != before["choices"]);
  CHECK(update(base).json()["version"] == 2);
  CHECK(chat(32).json()["choices"] == before["choices"]);
  CHECK(control("GET", "/weight_info")["data"][0]["version"] == 2);

  control("POST", "/sleep");
  CHECK(control("GET", "/is_sleeping")["is_sleeping"] == true);
  CHECK(chat(4).status == 503);
  control("POST", "/wake_up");
  CHECK(chat(32).json()["choices"] == before["choices"]);
  CHECK(server.stop() == 0);
}
