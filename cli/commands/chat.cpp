#include <fmt/format.h>

#include <memory>
#include <ostream>

#include "cli/chat/conversation.h"
#include "cli/chat/typed_lines.h"
#include "cli/commands/command_record.h"

namespace gradus::cli {
namespace {

struct ChatOptions {
  GeneratorOptions generator;
  std::string system;
};

/// Ctrl-C is the conversation's while this lives.
class OwnInterrupts {
 public:
  OwnInterrupts(Session& session, Interrupts& interrupts) : session_(session) {
    if (session_.on_interrupt) session_.on_interrupt([&interrupts] { interrupts.interrupt(); });
  }
  ~OwnInterrupts() {
    if (session_.on_interrupt) session_.on_interrupt({});
  }
  OwnInterrupts(const OwnInterrupts&) = delete;
  OwnInterrupts& operator=(const OwnInterrupts&) = delete;

 private:
  Session& session_;
};

// The second Ctrl-C in a row at the prompt ends the chat: somebody wants to leave.
void talk(Conversation& conversation, TypedLines& lines, Session& session) {
  bool was_interrupted = false;
  for (;;) {
    const TypedLine line = lines.next("> ");
    if (line.kind == TypedLine::Kind::end) return;
    if (line.kind == TypedLine::Kind::interrupted) {
      session.out << "\n";
      if (was_interrupted) return;
      session.out << "(Ctrl-C once more, Ctrl-D or /exit ends the chat)\n" << std::flush;
      was_interrupted = true;
      continue;
    }
    was_interrupted = false;
    if (!conversation.take(line.text)) return;
  }
}

void chat(const ChatOptions& options, Session& session) {
  Interrupts interrupts;
  Conversation conversation(options.generator, options.system, interrupts, session);
  const OwnInterrupts own(session, interrupts);
  const auto lines = typed_lines(session, [&interrupts] { return interrupts.take(); });
  if (session.in_is_terminal)
    session.out << "/help lists what can be typed beside messages; Ctrl-C stops an answer\n";
  talk(conversation, *lines, session);
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
