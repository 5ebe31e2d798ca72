#include "cli/chat/line_editor.h"

#ifdef GRADUS_LIBEDIT
#include <histedit.h>
#include <locale.h>
#include <unistd.h>
#include <wchar.h>

#include <cerrno>
#include <cstdio>
#include <utility>

#include "cli/chat/wait_for_input.h"
#endif

namespace gradus::cli {

#ifdef GRADUS_LIBEDIT
namespace {

constexpr int kKeptLines = 1000;

/// UTF-8 on this thread while it lives: libedit draws characters as the locale has them, and the
/// process' locale is not ours to change.
class Utf8Thread {
 public:
  Utf8Thread() : locale_(::newlocale(LC_CTYPE_MASK, "C.UTF-8", nullptr)) {
    if (locale_ != nullptr) before_ = ::uselocale(locale_);
  }
  ~Utf8Thread() {
    if (locale_ == nullptr) return;
    ::uselocale(before_);
    ::freelocale(locale_);
  }
  Utf8Thread(const Utf8Thread&) = delete;
  Utf8Thread& operator=(const Utf8Thread&) = delete;

 private:
  locale_t locale_;
  locale_t before_ = nullptr;
};

class EditedLines final : public TypedLines {
 public:
  EditedLines(std::stop_token stop, std::function<bool()> take_interrupt)
      : stop_(std::move(stop)), take_interrupt_(std::move(take_interrupt)) {
    const Utf8Thread utf8;
    edit_ = ::el_init("gradus", stdin, stdout, stderr);
    history_ = ::history_init();
    if (edit_ == nullptr || history_ == nullptr) return;
    HistEvent event;
    ::history(history_, &event, H_SETSIZE, kKeptLines);
    ::el_set(edit_, EL_CLIENTDATA, this);
    ::el_set(edit_, EL_PROMPT, prompt_of);
    ::el_set(edit_, EL_GETCFN, read_character);
    ::el_set(edit_, EL_SIGNAL, 0);  // ours are handled in cli/stop_signals.h
    ::el_set(edit_, EL_HIST, ::history, history_);
    ::el_set(edit_, EL_EDITOR, "emacs");
  }
  ~EditedLines() override {
    if (edit_ != nullptr) ::el_end(edit_);
    if (history_ != nullptr) ::history_end(history_);
  }

  bool is_ready() const { return edit_ != nullptr && history_ != nullptr; }

  TypedLine next(const std::string& prompt) override {
    const Utf8Thread utf8;
    prompt_ = prompt;
    waited_ = Waited::input;
    int length = 0;
    const char* text = ::el_gets(edit_, &length);
    if (waited_ == Waited::interrupted) return {TypedLine::Kind::interrupted, ""};
    if (text == nullptr || length <= 0 || waited_ == Waited::stopped) return {};
    TypedLine line{TypedLine::Kind::line, std::string(text, static_cast<size_t>(length))};
    while (line.text.ends_with('\n') || line.text.ends_with('\r')) line.text.pop_back();
    HistEvent event;
    if (!line.text.empty()) ::history(history_, &event, H_ENTER, line.text.c_str());
    return line;
  }

 private:
  static EditedLines& of(EditLine* edit) {
    void* self = nullptr;
    ::el_get(edit, EL_CLIENTDATA, &self);
    return *static_cast<EditedLines*>(self);
  }
  static char* prompt_of(EditLine* edit) { return of(edit).prompt_.data(); }

  // 1: a character; 0: the input's end; -1: Ctrl-C.
  static int read_character(EditLine* edit, wchar_t* character) {
    EditedLines& self = of(edit);
    std::mbstate_t state{};
    for (;;) {
      self.waited_ = wait_for_input(self.stop_, self.take_interrupt_);
      if (self.waited_ == Waited::stopped) return 0;
      if (self.waited_ == Waited::interrupted) {
        errno = EINTR;
        return -1;
      }
      char byte = 0;
      const ssize_t count = ::read(STDIN_FILENO, &byte, 1);
      if (count < 0 && (errno == EINTR || errno == EAGAIN)) continue;
      if (count <= 0) return 0;
      const size_t used = std::mbrtowc(character, &byte, 1, &state);
      if (used == static_cast<size_t>(-2)) continue;  // the character has more bytes
      if (used == static_cast<size_t>(-1)) {
        *character = L'\uFFFD';
      } else if (used == 0) {
        *character = L'\0';
      }
      return 1;
    }
  }

  std::stop_token stop_;
  std::function<bool()> take_interrupt_;
  EditLine* edit_ = nullptr;
  History* history_ = nullptr;
  std::string prompt_;
  Waited waited_ = Waited::input;
};

}  // namespace

bool has_line_editor() {
  return true;
}

std::unique_ptr<TypedLines> line_editor(std::stop_token stop,
                                        std::function<bool()> take_interrupt) {
  auto lines = std::make_unique<EditedLines>(std::move(stop), std::move(take_interrupt));
  if (!lines->is_ready()) return nullptr;
  return lines;
}

#else

bool has_line_editor() {
  return false;
}

std::unique_ptr<TypedLines> line_editor(std::stop_token, std::function<bool()>) {
  return nullptr;
}

#endif

}  // namespace gradus::cli
