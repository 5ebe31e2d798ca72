// The page and its routes, over real sockets.
#include <filesystem>
#include <fstream>
#include <regex>
#include <string>

#include "base/json.h"
#include "service/service.h"
#include "service/store/keys.h"
#include "service/store/logins.h"
#include "service/web/assets.h"
#include "service/web/run_shelf.h"
#include "tests/catch.h"
#include "tests/service/raw_client.h"
#include "tests/support/temporary_folder.h"

namespace fs = std::filesystem;
using namespace gradus;
using namespace gradus::service;
using gradus::tests::TemporaryFolder;
using nlohmann::json;
using Headers = std::map<std::string, std::string>;

namespace {

constexpr const char* kHostile = "<script>alert(1)</script>\"'&";

void write(const fs::path& path, const std::string& text) {
  fs::create_directories(path.parent_path());
  std::ofstream(path) << text;
}

/// A run's folder, as `gradus train` leaves it.
fs::path make_run(const fs::path& path) {
  write(path / "recipe.toml", "[run]\ntask = \"grpo\"\n[rl]\nmask_truncated = true\n");
  write(path / "status.json", R"({"state":"finished","step":2,"steps":4,"updated":"now"})");
  write(path / "metrics.jsonl",
        "{\"step\":1,\"reward\":0.5,\"loss\":null}\n{\"step\":2,\"reward\":0.75}\n");
  const json sample{{"step", 2},
                    {"prompt_id", "p"},
                    {"index", 0},
                    {"prompt", kHostile},
                    {"completion", kHostile},
                    {"finish", "stop"},
                    {"error", ""},
                    {"num_tokens", 3},
                    {"reward", 1.0},
                    {"advantage", 0.5},
                    {"is_used", true},
                    {"grades", {{"rule", {{"value", 1.0}, {"outcome", "scored"}}}}}};
  write(path / "samples" / "step-000002.jsonl", sample.dump() + "\n" + sample.dump() + "\n");
  return path;
}

/// A server in this process.
struct PageServer {
  PageServer(const fs::path& data, bool is_open, std::vector<fs::path> watched = {})
      : service(options(data, is_open, std::move(watched))) {
    service.start();
    port = std::stoi(service.url().substr(service.url().rfind(':') + 1));
  }
  static ServiceOptions options(const fs::path& data, bool is_open, std::vector<fs::path> watched) {
    ServiceOptions options;
    options.data_dir = data;
    options.listen = "127.0.0.1:0";
    options.is_open = is_open;
    options.watched = std::move(watched);
    return options;
  }
  Service service;
  int port = 0;
};

std::string make_key(const fs::path& data, const std::string& project,
                     const std::vector<std::string>& scopes) {
  fs::create_directories(data);
  Store store(data);
  NewKey wanted;
  wanted.name = "k";
  wanted.project = project;
  wanted.scopes = scopes;
  return KeyStore(store).add(wanted).key;
}

const Headers kPage{{"x-gradus-page", "1"}};

Headers with_cookie(const Answer& login, Headers headers = {}) {
  const std::string cookie = login.headers.at("set-cookie");
  headers["cookie"] = cookie.substr(0, cookie.find(';'));
  return headers;
}

}  // namespace

TEST_CASE("the page asks nothing of other hosts and writes no HTML", "[service][page]") {
  REQUIRE(find_asset("index.html") != nullptr);
  static const std::regex reference(R"re((?:src|href)="([^"#]+)")re");
  const std::string page(find_asset("index.html")->bytes);
  int references = 0;
  for (std::sregex_iterator at(page.begin(), page.end(), reference), end; at != end; ++at) {
    const std::string target = (*at)[1];
    INFO(target);
    ++references;
    REQUIRE(target.starts_with("/page/"));
    CHECK(find_asset(target.substr(6)) != nullptr);
  }
  CHECK(references >= 4);
  CHECK(page.find("<style") == std::string::npos);
  CHECK(page.find("style=") == std::string::npos);
  CHECK_FALSE(std::regex_search(page, std::regex(R"(<script[^>]*>[^<])")));
  static const std::regex import(R"re(from "\./([^"]+)")re");
  for (const PageAsset& asset : page_assets()) {
    if (!asset.name.ends_with(".js") || asset.name == "uplot.js") continue;
    const std::string script(asset.bytes);
    INFO(asset.name);
    for (const char* way : {"innerHTML", "outerHTML", "insertAdjacentHTML", "document.write",
                            "eval(", "Function(", "https://", "setAttribute(\"style"})
      CHECK(script.find(way) == std::string::npos);
    for (std::sregex_iterator at(script.begin(), script.end(), import), end; at != end; ++at)
      CHECK(find_asset((*at)[1].str()) != nullptr);
  }
}

TEST_CASE("the page comes with a strict policy and from memory where it is unchanged",
          "[service][page]") {
  const TemporaryFolder folder;
  const PageServer server(folder / "data", true);
  const Answer page = ask(server.port, "GET", "/");
  CHECK(page.status == 200);
  const std::string policy = page.headers.at("content-security-policy");
  CHECK(policy.find("default-src 'none'") != std::string::npos);
  CHECK(policy.find("frame-ancestors 'none'") != std::string::npos);
  CHECK(policy.find("unsafe") == std::string::npos);
  CHECK(page.headers.at("x-content-type-options") == "nosniff");
  CHECK(ask(server.port, "GET", "/page/app.js", "", {{"if-none-match", "\"x\""}}).status == 200);
  const std::string tag = ask(server.port, "GET", "/page/app.js").headers.at("etag");
  CHECK(ask(server.port, "GET", "/page/app.js", "", {{"if-none-match", tag}}).status == 304);
  CHECK(ask(server.port, "GET", "/page/..%2Fkeys.h").status == 400);
  CHECK(ask(server.port, "GET", "/page/keys.h").status == 404);
  CHECK(ask(server.port, "GET", "/api/gradus/v1/session").json()["is_open"] == true);
}

TEST_CASE("a login by key gives a cookie that only the page can use", "[service][page]") {
  const TemporaryFolder folder;
  const std::string key = make_key(folder / "data", "one", {"admin"});
  const PageServer server(folder / "data", false);
  const int port = server.port;
  CHECK(ask(port, "GET", "/api/gradus/v1/runs").status == 401);
  CHECK(ask(port, "GET", "/api/gradus/v1/session").json()["key"].is_null());
  CHECK(ask_json(port, "POST", "/api/gradus/v1/session", {{"key", key}}).status == 403);
  CHECK(ask_json(port, "POST", "/api/gradus/v1/session",
                 {{"key", "tml-gr-not-a-key-of-this-server"}}, kPage)
            .status == 401);
  const Answer login = ask_json(port, "POST", "/api/gradus/v1/session", {{"key", key}}, kPage);
  REQUIRE(login.status == 200);
  const std::string cookie = login.headers.at("set-cookie");
  CHECK(cookie.find("HttpOnly") != std::string::npos);
  CHECK(cookie.find("SameSite=Strict") != std::string::npos);
  CHECK(cookie.find(key) == std::string::npos);
  CHECK(login.body.find(key) == std::string::npos);
  CHECK(ask(port, "GET", "/api/gradus/v1/runs", "", with_cookie(login)).status == 200);
  CHECK(
      ask(port, "GET", "/api/gradus/v1/session", "", with_cookie(login)).json()["key"]["project"] ==
      "one");
  // What changes something needs the header, and no foreign origin.
  const json wanted{{"name", "second"}, {"scopes", {"infer"}}};
  CHECK(ask_json(port, "POST", "/api/gradus/v1/keys", wanted, with_cookie(login)).status == 403);
  auto foreign = with_cookie(login, kPage);
  foreign["origin"] = "http://localhost:1";
  CHECK(ask_json(port, "POST", "/api/gradus/v1/keys", wanted, foreign).status == 403);
  const Answer made =
      ask_json(port, "POST", "/api/gradus/v1/keys", wanted, with_cookie(login, kPage));
  REQUIRE(made.status == 200);
  CHECK(ask(port, "GET", "/v1/models", "",
            {{"authorization", "Bearer " + made.json()["key"].get<std::string>()}})
            .status == 200);
  const std::string id = made.json()["id"];
  CHECK(ask(port, "DELETE", "/api/gradus/v1/keys/" + id, "", with_cookie(login, kPage)).status ==
        200);
  CHECK(ask(port, "DELETE", "/api/gradus/v1/keys/" + id, "", with_cookie(login, kPage)).status ==
        404);
  CHECK(ask(port, "DELETE", "/api/gradus/v1/session", "", with_cookie(login, kPage)).status == 200);
  CHECK(ask(port, "GET", "/api/gradus/v1/runs", "", with_cookie(login)).status == 401);
}

TEST_CASE("a session ends with its key", "[service][page]") {
  const TemporaryFolder folder;
  Store store(folder.path());
  KeyStore keys(store);
  LoginStore logins(store, keys);
  NewKey wanted;
  wanted.name = "k";
  const auto made = keys.add(wanted);
  const std::string token = logins.open(*keys.find(made.key));
  CHECK(logins.key_of(token)->id == made.id);
  CHECK_FALSE(logins.key_of(token + "x"));
  keys.revoke(made.id);
  CHECK_FALSE(logins.key_of(token));
}

TEST_CASE("a project sees its own jobs, and watched runs are the administrator's",
          "[service][page]") {
  const TemporaryFolder folder;
  make_run(folder / "watched" / "first");
  Store store(folder.path());
  JobStore jobs(store);
  const RunShelf shelf(jobs, folder.path(), {folder / "watched"});
  Job job;
  job.project = "one";
  job.key = "key_x";
  job.model = "nano";
  job.training_file = "file-x";
  job.method = {{"type", "supervised"}};
  const std::string id = jobs.create(job, "", "", 10).id;
  Key one;
  one.project = "one";
  one.scopes = {"jobs"};
  Key two = one;
  two.project = "two";
  Key admin = two;
  admin.scopes = {"admin"};
  REQUIRE(shelf.list(one).size() == 1);
  CHECK(shelf.find(id, one));
  CHECK(shelf.list(two).empty());
  CHECK_FALSE(shelf.find(id, two));
  CHECK_FALSE(shelf.find(id, admin));
  REQUIRE(shelf.list(admin).size() == 1);
  const std::string watched = shelf.list(admin).front().id;
  CHECK(shelf.find(watched, admin)->name == "first");
  CHECK_FALSE(shelf.find(watched, one));
  CHECK_FALSE(shelf.find("../first", admin));
}

TEST_CASE("another project's job is not there, and keys are for administrators",
          "[service][page]") {
  const TemporaryFolder folder;
  make_run(folder / "watched" / "first");
  std::string id;
  fs::create_directories(folder / "data");
  {
    Store store(folder / "data");
    JobStore jobs(store);
    Job job;
    job.project = "one";
    job.key = "key_x";
    job.model = "nano";
    job.training_file = "file-x";
    job.method = {{"type", "supervised"}};
    id = jobs.create(job, "", "", 10).id;
    jobs.change_state(id, {"validating_files", "queued"}, "cancelled", "");
  }
  const auto headers = [&](const std::string& project, const std::vector<std::string>& scopes) {
    return Headers{{"authorization", "Bearer " + make_key(folder / "data", project, scopes)}};
  };
  const Headers one = headers("one", {"jobs"});
  const Headers two = headers("two", {"jobs"});
  const Headers admin = headers("two", {"admin"});
  const Headers chatter = headers("one", {"infer"});
  const PageServer server(folder / "data", false, {folder / "watched"});
  const std::string path = "/api/gradus/v1/runs/" + id;
  CHECK(ask(server.port, "GET", path, "", one).status == 200);
  CHECK(ask(server.port, "GET", path, "", chatter).status == 403);
  for (const char* part : {"", "/metrics", "/timeline", "/groups?step=1", "/evaluation?step=1"}) {
    CHECK(ask(server.port, "GET", path + part, "", two).status == 404);
    CHECK(ask(server.port, "GET", path + part, "", admin).status == 404);
    CHECK(ask(server.port, "GET", path + part).status == 401);
  }
  CHECK(ask(server.port, "GET", "/api/gradus/v1/runs", "", two).json()["data"].empty());
  CHECK(ask(server.port, "GET", "/api/gradus/v1/runs", "", admin).json()["data"].size() == 1);
  CHECK(ask(server.port, "GET", "/api/gradus/v1/keys", "", one).status == 403);
  const json keys = ask(server.port, "GET", "/api/gradus/v1/keys", "", admin).json()["data"];
  CHECK(keys.size() == 2);
  CHECK(keys.dump().find("hash") == std::string::npos);
  CHECK(ask(server.port, "GET", "/", "", {{"host", "elsewhere.example"}}).status >= 400);
}

TEST_CASE("a watched run's figures, groups and advice are there as JSON", "[service][page]") {
  const TemporaryFolder folder;
  make_run(folder / "watched" / "first");
  const PageServer server(folder / "data", true, {folder / "watched"});
  const json list = ask(server.port, "GET", "/api/gradus/v1/runs").json()["data"];
  REQUIRE(list.size() == 1);
  const std::string path = "/api/gradus/v1/runs/" + list[0]["id"].get<std::string>();
  CHECK(list[0]["state"] == "finished");
  CHECK(list[0]["reward"] == 0.75);
  const json detail = ask(server.port, "GET", path).json();
  CHECK(detail["recipe"]["masks_truncated"] == true);
  CHECK(detail["sample_steps"] == json({2}));
  CHECK(detail["advice"].size() == 1);
  const json metrics = ask(server.port, "GET", path + "/metrics?after=1").json();
  CHECK(metrics["steps"] == json({2}));
  CHECK(metrics["series"]["reward"] == json({0.75}));
  const Answer groups = ask(server.port, "GET", path + "/groups?step=2&first=0&limit=4");
  CHECK(groups.headers.at("content-type") == "application/json");
  CHECK(groups.json()["groups"][0]["prompt"] == kHostile);
  CHECK(groups.json()["groups"][0]["completions"].size() == 2);
  CHECK(ask(server.port, "GET", path + "/groups?step=3").status == 404);
  CHECK(ask(server.port, "GET", path + "/groups?step=x").status == 400);
  CHECK(ask(server.port, "GET", path + "/evaluation?step=2").status == 404);
  CHECK(ask(server.port, "GET", path + "/timeline").json()["steps"].empty());
  CHECK(ask(server.port, "GET", "/api/gradus/v1/runs/run-nothing").status == 404);
  // A damaged run is told, not crashed on.
  write(folder / "watched" / "first" / "metrics.jsonl", "not JSON\n");
  CHECK(ask(server.port, "GET", path).status == 422);
  CHECK(ask(server.port, "GET", "/api/gradus/v1/runs").json()["data"][0]["state"] == "unreadable");
}
