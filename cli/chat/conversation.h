#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "cli/chat/interrupts.h"
#include "cli/generator.h"
#include "cli/session.h"

namespace gradus::cli {

/// A chat with a checkpoint: messages so far, and what a person may type beside messages (/help).
class Conversation {
 public:
  /// @throws ConfigError, FileError  the checkpoint cannot be loaded; ArgumentError  it has no chat
  /// template. @param interrupts, session  outlive this.
  Conversation(const GeneratorOptions& options, const std::string& system, Interrupts& interrupts,
               Session& session);

  /// A message or a command. False: the chat is over.
  bool take(const std::string& line);

 private:
  bool command(const std::string& name, const std::string& argument);
  void forget();
  void set_system(const std::string& text);
  bool again();
  void save(const std::string& path);
  bool answer();

  Session& session_;
  Interrupts& interrupts_;
  std::string system_;
  Generator generator_;
  nlohmann::json messages_;
};

}  // namespace gradus::cli
