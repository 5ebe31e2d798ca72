#include <poll.h>
#include <unistd.h>

#include <istream>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <ostream>

#include "cli/commands/command_record.h"
#include "cli/generator.h"

namespace gradus::cli {
namespace {

constexpr int kLookEvery_ms = 100;

struct ChatOptions {
  GeneratorOptions generator;
  std::string system;
};

// On a terminal, waits in short turns, so that Ctrl-C at the prompt ends the chat.
bool wait_for_input(const Session& session) {
  while (session.in_is_terminal && session.in.rdbuf()->in_avail() <= 0) {
    if (session.stop.stop_requested()) return false;
    pollfd descriptor{STDIN_FILENO, POLLIN, 0};
    if (::poll(&descriptor, 1, kLookEvery_ms) > 0) return true;
  }
  return !session.stop.stop_requested();
}

std::optional<std::string> read_message(Session& session) {
  if (session.in_is_terminal) session.out << "> " << std::flush;
  if (!wait_for_input(session)) return std::nullopt;
  std::string line;
  if (!std::getline(session.in, line)) return std::nullopt;
  return line;
}

class Chat {
 public:
  Chat(const ChatOptions& options, Session& session)
      : session_(session), system_(options.system), generator_(options.generator, 1) {
    reset();
    generator_.chat_prompt(nlohmann::json::array({message("user", "?")}));  // is there a template?
  }

  /// False: the chat is over.
  bool take(const std::string& line) {
    if (line.empty()) return true;
    if (line == "/quit" || line == "/exit") return false;
    if (line == "/reset") {
      reset();
      session_.out << "(forgotten)\n";
      return true;
    }
    messages_.push_back(message("user", line));
    return answer();
  }

 private:
  static nlohmann::json message(const char* role, const std::string& content) {
    return {{"role", role}, {"content", content}};
  }

  void reset() {
    messages_ = nlohmann::json::array();
    if (!system_.empty()) messages_.push_back(message("system", system_));
  }

  bool answer() {
    auto rollout = generator_.generate(
        generator_.chat_prompt(messages_), 1, session_.stop,
        [this](const rollout::TokenEvent& event) { session_.out << event.text << std::flush; });
    const auto& completion = rollout.completions.front();
    session_.out << std::endl;
    if (completion.finish == rollout::FinishReason::failed) {
      messages_.erase(messages_.size() - 1);
      session_.err << "gradus: " << completion.error << "; /reset forgets what was said\n";
      return true;
    }
    messages_.push_back(message("assistant", completion.text));
    return completion.finish != rollout::FinishReason::aborted;
  }

  Session& session_;
  std::string system_;
  Generator generator_;
  nlohmann::json messages_;
};

void chat(const ChatOptions& options, Session& session) {
  Chat chat(options, session);
  if (session.in_is_terminal) session.out << "/reset forgets what was said, /quit ends\n";
  while (const auto line = read_message(session)) {
    if (!chat.take(*line)) break;
  }
  if (session.in_is_terminal) session.out << "\n";
}

void declare_chat(Command app, Session& session) {
  auto options = std::make_shared<ChatOptions>();
  options->generator.sampling.temperature = 0.7;
  options->generator.sampling.max_tokens = 1024;
  add_generator_options(app, options->generator);
  app.add_option("--system", options->system, "system message");
  app.callback([options, &session] { chat(*options, session); });
}

}  // namespace

extern const CommandRecord kChatCommand{
    "", "chat", "talk with a checkpoint that has a chat template", declare_chat};

}  // namespace gradus::cli
