// Talking with a model: piped, and on a terminal as a person does.

#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <nlohmann/json.hpp>

#include "tests/catch.h"
#include "tests/cli/program.h"
#include "tests/cli/tiny_recipe.h"

using namespace gradus::cli;
namespace fs = std::filesystem;

namespace {

bool says(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

/// A model of random weights with a chat template.
std::string chat_model(const TemporaryFolder& folder) {
  const auto made = run_gradus({"train", write_recipe(folder), "--run-dir", folder / "made",
                                "--set", "run.steps=1", "--set", "run.eval_every=0"});
  INFO(made.err);
  REQUIRE(made.exit_code == 0);
  // A context in which a greedy answer, which goes round in circles, takes minutes.
  auto config = nlohmann::json::parse(read_text(folder / "made/final/config.json"));
  config["max_position_embeddings"] = 200000;
  write_text(folder / "made/final/config.json", config.dump());
  write_text(folder / "made/final/chat_template.jinja",
             "{% for m in messages %}{{ m.role }}: {{ m.content }}\n{% endfor %}assistant: ");
  return folder / "made/final";
}

/// The program on a terminal of its own, 80 columns wide.
class Terminal {
 public:
  Terminal(const std::vector<std::string>& arguments, const char* kind) {
    winsize size{24, 80, 0, 0};
    pid_ = ::forkpty(&fd_, nullptr, nullptr, &size);
    if (pid_ != 0) return;
    ::setenv("TERM", kind, 1);
    std::vector<char*> argv{const_cast<char*>(GRADUS_PROGRAM)};
    for (const auto& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
    argv.push_back(nullptr);
    ::signal(SIGINT, SIG_DFL);  // a shell that runs this behind may have had it ignored
    ::execv(GRADUS_PROGRAM, argv.data());
    ::_exit(127);
  }
  ~Terminal() {
    if (pid_ > 0 && !is_over_) {
      ::kill(pid_, SIGKILL);
      ::waitpid(pid_, nullptr, 0);
    }
    ::close(fd_);
  }
  Terminal(const Terminal&) = delete;
  Terminal& operator=(const Terminal&) = delete;

  void type(const std::string& text) {
    REQUIRE(::write(fd_, text.data(), text.size()) == std::ssize(text));
  }
  /// Reads until the text was written since the last call that found one.
  bool waits_for(const std::string& text) {
    const auto end = std::chrono::steady_clock::now() + std::chrono::minutes(2);
    while (std::chrono::steady_clock::now() < end) {
      const size_t found = screen_.find(text, seen_);
      if (found != std::string::npos) {
        seen_ = found + text.size();
        return true;
      }
      if (!read_some()) break;
    }
    return screen_.find(text, seen_) != std::string::npos;
  }
  /// Reads until so many bytes were written since then.
  bool waits_for_more(size_t count) {
    while (screen_.size() < seen_ + count)
      if (!read_some()) return false;
    return true;
  }
  int exit_code() {
    while (read_some()) {
    }
    int status = 0;
    // What is typed while a terminal changes its mode may be lost: the end of input is typed again.
    for (int tries = 0; ::waitpid(pid_, &status, WNOHANG) == 0; ++tries) {
      if (tries == 5) ::kill(pid_, SIGKILL);
      type("\x04");
      read_some();
    }
    is_over_ = true;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  }
  const std::string& screen() const { return screen_; }

 private:
  bool read_some() {
    pollfd waiting{fd_, POLLIN, 0};
    if (::poll(&waiting, 1, 120000) <= 0) return false;
    char text[4096];
    const ssize_t count = ::read(fd_, text, sizeof(text));
    if (count <= 0) return false;  // the other end is closed
    screen_.append(text, static_cast<size_t>(count));
    return true;
  }

  int fd_ = -1;
  pid_t pid_ = -1;
  bool is_over_ = false;
  std::string screen_;
  size_t seen_ = 0;
};

}  // namespace

TEST_CASE("a chat that is piped answers, sets the system message, answers again and is saved",
          "[cli][chat]") {
  const TemporaryFolder folder;
  const std::string model = chat_model(folder);
  const auto chat =
      run_gradus({"chat", "--model", model, "--max-tokens", "4"},
                 "/help\n/regen\n/system Be brief.\nHello\n/regen\n /not a command\n"
                 "/nothing\n/save " +
                     (folder / "chat.jsonl").string() + "\n/reset\n/system\n/exit\nunread\n");
  INFO(chat.out + chat.err);
  CHECK(chat.exit_code == 0);
  CHECK(says(chat.out, "/save FILE"));
  CHECK(says(chat.err, "nothing was said"));
  CHECK(says(chat.err, "there is no /nothing"));
  CHECK(says(chat.out, "(forgotten)"));
  CHECK(says(chat.out, "Be brief."));
  const auto row = nlohmann::json::parse(read_text(folder / "chat.jsonl"));
  std::vector<std::string> roles;
  for (const auto& message : row["messages"]) roles.push_back(message["role"]);
  CHECK(roles == std::vector<std::string>{"system", "user", "assistant", "user", "assistant"});
  CHECK(row["messages"][3]["content"] == " /not a command");
}

TEST_CASE("Ctrl-C stops an answer and not the chat", "[cli][chat]") {
  const TemporaryFolder folder;
  const std::string model = chat_model(folder);
  for (const char* kind : {"xterm", "dumb"}) {
    INFO(kind);
    Terminal terminal({"chat", "--model", model, "--max-tokens", "150000", "--temperature", "0"},
                      kind);
    REQUIRE(terminal.waits_for("> "));
    terminal.type("Hello\n");
    REQUIRE(terminal.waits_for("Hello"));
    REQUIRE(terminal.waits_for_more(20));
    terminal.type("\x03");
    REQUIRE(terminal.waits_for("(stopped"));
    REQUIRE(terminal.waits_for("> "));
    terminal.type("/system Be brief.\n");
    REQUIRE(terminal.waits_for("(set"));
    REQUIRE(terminal.waits_for("> "));
    terminal.type("half a li\x03");
    REQUIRE(terminal.waits_for("ends the chat"));
    terminal.type("/exit\n");
    CHECK(terminal.exit_code() == 0);
  }
}

TEST_CASE("Ctrl-C twice at the prompt, and Ctrl-D, end a chat", "[cli][chat]") {
  const TemporaryFolder folder;
  const std::string model = chat_model(folder);
  {
    Terminal terminal({"chat", "--model", model}, "xterm");
    REQUIRE(terminal.waits_for("> "));
    terminal.type("\x03");
    REQUIRE(terminal.waits_for("ends the chat"));
    terminal.type("\x03");
    CHECK(terminal.exit_code() == 0);
  }
  Terminal terminal({"chat", "--model", model}, "xterm");
  REQUIRE(terminal.waits_for("> "));
  terminal.type("\x04");
  CHECK(terminal.exit_code() == 0);
}

TEST_CASE("the demo's last line asks the model that it made", "[cli][readme]") {
  const std::string run = read_text(fs::path(GRADUS_SOURCE_DIR) / "run");
  const std::string begin =
      "echo 'What is 417 + 286?' | build/gradus sample --model $run --prompt ";
  REQUIRE(says(run, begin + "- --temperature 0"));
  const auto base = (fs::path(GRADUS_SOURCE_DIR) / "examples/nano/base").string();
  const auto answer = run_gradus({"sample", "--model", base, "--prompt", "-", "--temperature", "0"},
                                 "What is 417 + 286?\n");
  INFO(answer.out + answer.err);
  CHECK(answer.exit_code == 0);
  CHECK(says(answer.out, "<answer>"));
}
