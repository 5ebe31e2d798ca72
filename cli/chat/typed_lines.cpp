#include "cli/chat/typed_lines.h"

#include <poll.h>
#include <unistd.h>

#include <cstdlib>
#include <istream>
#include <ostream>
#include <string_view>
#include <utility>

#include "cli/chat/line_editor.h"
#include "cli/chat/wait_for_input.h"

namespace gradus::cli {
namespace {

constexpr int kLookEvery_ms = 100;

class PlainLines final : public TypedLines {
 public:
  PlainLines(Session& session, std::function<bool()> take_interrupt)
      : session_(session), take_interrupt_(std::move(take_interrupt)) {}

  TypedLine next(const std::string& prompt) override {
    if (session_.in_is_terminal) {
      session_.out << prompt << std::flush;
      if (session_.in.rdbuf()->in_avail() <= 0) {
        const Waited waited = wait_for_input(session_.stop, take_interrupt_);
        if (waited == Waited::interrupted) return {TypedLine::Kind::interrupted, ""};
        if (waited == Waited::stopped) return {};
      }
    }
    if (session_.stop.stop_requested()) return {};
    TypedLine line{TypedLine::Kind::line, ""};
    if (!std::getline(session_.in, line.text)) return {};
    return line;
  }

 private:
  Session& session_;
  std::function<bool()> take_interrupt_;
};

bool can_edit(const Session& session) {
  const char* kind = std::getenv("TERM");
  const bool can_draw = kind != nullptr && *kind != '\0' && std::string_view(kind) != "dumb";
  return session.in_is_terminal && session.out_is_terminal && can_draw;
}

}  // namespace

Waited wait_for_input(const std::stop_token& stop, const std::function<bool()>& take_interrupt) {
  for (;;) {
    if (stop.stop_requested()) return Waited::stopped;
    if (take_interrupt()) return Waited::interrupted;
    pollfd descriptor{STDIN_FILENO, POLLIN, 0};
    if (::poll(&descriptor, 1, kLookEvery_ms) > 0) return Waited::input;
  }
}

std::unique_ptr<TypedLines> typed_lines(Session& session, std::function<bool()> take_interrupt) {
  if (can_edit(session))
    if (auto editor = line_editor(session.stop, take_interrupt)) return editor;
  return std::make_unique<PlainLines>(session, std::move(take_interrupt));
}

}  // namespace gradus::cli
