#include "cli/chat/conversation.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <ostream>
#include <string_view>
#include <utility>

#include "base/error.h"
#include "base/files/atomic_file.h"
#include "base/json.h"

namespace gradus::cli {
namespace {

constexpr std::string_view kBlanks = " \t";

constexpr std::array kChatCommands{
    std::pair{"/help", "this list"},
    std::pair{"/system TEXT", "sets the system message; without a text: shows it"},
    std::pair{"/regen", "answers the last message again"},
    std::pair{"/reset", "forgets what was said"},
    std::pair{"/save FILE", "writes the chat as a row of messages, as training data has it"},
    std::pair{"/exit", "ends the chat, as /quit and Ctrl-D do"},
};

nlohmann::json chat_message(const char* role, const std::string& content) {
  return {{"role", role}, {"content", content}};
}

bool is_of(const nlohmann::json& messages, std::string_view role) {
  return !messages.empty() && messages.back()["role"] == role;
}

std::string trimmed(const std::string& text) {
  const size_t begin = text.find_first_not_of(kBlanks);
  if (begin == std::string::npos) return "";
  return text.substr(begin, text.find_last_not_of(kBlanks) + 1 - begin);
}

}  // namespace

Conversation::Conversation(const GeneratorOptions& options, const std::string& system,
                           Interrupts& interrupts, Session& session)
    : session_(session), interrupts_(interrupts), system_(system), generator_(options, 1) {
  forget();
  // Is there a template?
  generator_.chat_prompt(nlohmann::json::array({chat_message("user", "?")}));
}

bool Conversation::take(const std::string& line) {
  if (trimmed(line).empty()) return true;
  if (line.front() == '/') {
    const size_t end = std::min(line.find_first_of(kBlanks), line.size());
    return command(line.substr(0, end), trimmed(line.substr(end)));
  }
  messages_.push_back(chat_message("user", line));
  return answer();
}

bool Conversation::command(const std::string& name, const std::string& argument) {
  if (name == "/exit" || name == "/quit") return false;
  if (name == "/regen") return again();
  if (name == "/help") {
    for (const auto& [command, text] : kChatCommands)
      session_.out << fmt::format("{:<14} {}\n", command, text);
    session_.out << "A message that begins with / has a blank before it.\n";
  } else if (name == "/reset") {
    forget();
    session_.out << "(forgotten)\n";
  } else if (name == "/system") {
    set_system(argument);
  } else if (name == "/save") {
    save(argument);
  } else {
    session_.err << fmt::format(
        "gradus: there is no {}; /help lists what there is, and a message that begins with / has a "
        "blank before it\n",
        name);
  }
  session_.out << std::flush;
  return true;
}

void Conversation::forget() {
  messages_ = nlohmann::json::array();
  if (!system_.empty()) messages_.push_back(chat_message("system", system_));
}

void Conversation::set_system(const std::string& text) {
  if (text.empty()) {
    session_.out << (system_.empty() ? "(no system message)" : system_) << "\n";
    return;
  }
  if (!system_.empty()) messages_.erase(0);
  system_ = text;
  messages_.insert(messages_.begin(), chat_message("system", system_));
  session_.out << "(set, for what is said from here on)\n";
}

// Draws from other streams than the answer before did.
bool Conversation::again() {
  if (is_of(messages_, "assistant")) messages_.erase(messages_.size() - 1);
  if (is_of(messages_, "user")) return answer();
  session_.err << "gradus: nothing was said that could be answered again\n";
  return true;
}

void Conversation::save(const std::string& path) {
  if (path.empty()) {
    session_.err << "gradus: /save needs a file's name\n";
    return;
  }
  try {
    write_file_atomically(path, dump_json({{"messages", messages_}}) + "\n");
    session_.out << "(saved: " << path << ")\n";
  } catch (const FileError& error) {
    session_.err << "gradus: " << error.what() << "\n";
  }
}

bool Conversation::answer() {
  rollout::Rollout rollout;
  {
    const Interrupts::Answer under_way(interrupts_, session_.stop);
    rollout = generator_.generate(
        generator_.chat_prompt(messages_), 1, under_way.token(),
        [this](const rollout::TokenEvent& event) { session_.out << event.text << std::flush; });
  }
  const auto& completion = rollout.completions.front();
  session_.out << std::endl;
  if (completion.finish == rollout::FinishReason::failed) {
    messages_.erase(messages_.size() - 1);
    session_.err << "gradus: " << completion.error << "; /reset forgets what was said\n";
    return true;
  }
  if (session_.stop.stop_requested()) return false;
  const bool was_stopped = completion.finish == rollout::FinishReason::aborted;
  if (was_stopped) session_.out << "(stopped; /regen answers again)" << std::endl;
  // What was read is part of the chat, also where it was broken off.
  if (!was_stopped || !completion.text.empty())
    messages_.push_back(chat_message("assistant", completion.text));
  return true;
}

}  // namespace gradus::cli
