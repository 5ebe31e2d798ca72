#pragma once

#include <functional>
#include <mutex>
#include <optional>
#include <stop_token>
#include <utility>

namespace gradus::cli {

/// What Ctrl-C does in a conversation: it ends the answer under way, or is noted for the prompt.
/// Any thread.
class Interrupts {
 public:
  void interrupt() {
    const std::lock_guard lock(mutex_);
    if (answer_)
      answer_->request_stop();
    else
      is_noted_ = true;
  }
  /// Whether there was one at the prompt since the last call.
  bool take() {
    const std::lock_guard lock(mutex_);
    return std::exchange(is_noted_, false);
  }

  /// An answer under way, from its construction to its end.
  class Answer {
   public:
    /// @param all  what ends the program ends the answer as well.
    Answer(Interrupts& interrupts, const std::stop_token& all)
        : interrupts_(interrupts), end_(all, [this] { source_.request_stop(); }) {
      const std::lock_guard lock(interrupts_.mutex_);
      interrupts_.answer_ = source_;
      interrupts_.is_noted_ = false;
    }
    ~Answer() {
      const std::lock_guard lock(interrupts_.mutex_);
      interrupts_.answer_.reset();
    }
    Answer(const Answer&) = delete;
    Answer& operator=(const Answer&) = delete;

    std::stop_token token() const { return source_.get_token(); }

   private:
    Interrupts& interrupts_;
    std::stop_source source_;
    std::stop_callback<std::function<void()>> end_;
  };

 private:
  std::mutex mutex_;
  std::optional<std::stop_source> answer_;
  bool is_noted_ = false;
};

}  // namespace gradus::cli
