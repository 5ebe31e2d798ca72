#pragma once

#include <functional>
#include <memory>
#include <string>

#include "cli/session.h"

namespace gradus::cli {

/// What came of asking a person for a line.
struct TypedLine {
  enum class Kind {
    line,
    interrupted,  ///< Ctrl-C: what was typed so far is dropped
    end,          ///< Ctrl-D, the input's end, or the program is asked to stop
  };

  Kind kind = Kind::end;
  std::string text;  ///< UTF-8, without the newline
};

/// Lines that a person types, or that a file or pipe holds.
class TypedLines {
 public:
  virtual ~TypedLines() = default;
  /// Waits for the next line. @param prompt  shown on a terminal.
  virtual TypedLine next(const std::string& prompt) = 0;
};

/// With libedit (where the program was built with it) on a terminal that can be drawn on: cursor
/// keys, history, UTF-8; plain lines else.
/// @param take_interrupt  whether Ctrl-C came since the last call.
std::unique_ptr<TypedLines> typed_lines(Session& session, std::function<bool()> take_interrupt);

/// Whether the program was built with libedit.
bool has_line_editor();

}  // namespace gradus::cli
