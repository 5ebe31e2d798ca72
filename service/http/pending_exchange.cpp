#include "service/http/pending_exchange.h"

namespace gradus::service {

void PendingExchange::answer(Response response) {
  {
    const std::lock_guard lock(mutex_);
    if (is_answered_) return;
    is_answered_ = true;
    head_ = std::move(response);
    is_over_ = true;
  }
  wake_();
}

std::shared_ptr<ResponseStream> PendingExchange::open_stream(Response head) {
  {
    const std::lock_guard lock(mutex_);
    if (!is_answered_) {
      is_answered_ = true;
      is_stream_ = true;
      head_ = std::move(head);
    }
  }
  wake_();
  return shared_from_this();
}

void PendingExchange::when_gone(std::function<void()> gone) {
  {
    const std::lock_guard lock(mutex_);
    if (!is_gone_) {
      gone_ = std::move(gone);
      return;
    }
  }
  gone();
}

bool PendingExchange::write(std::string bytes) {
  bool is_too_slow = false;
  {
    const std::lock_guard lock(mutex_);
    if (is_gone_ || is_over_) return false;
    is_too_slow = static_cast<int64_t>(queued_.size() + bytes.size()) > max_queued_bytes_;
    if (!is_too_slow) queued_ += bytes;
  }
  if (is_too_slow) {
    mark_gone();
    return false;
  }
  wake_();
  return true;
}

void PendingExchange::end() {
  {
    const std::lock_guard lock(mutex_);
    is_over_ = true;
  }
  wake_();
}

std::optional<PendingExchange::Piece> PendingExchange::take() {
  const std::lock_guard lock(mutex_);
  Piece piece;
  piece.is_stream = is_stream_;
  if (!is_head_taken_) {
    if (!head_) return std::nullopt;
    is_head_taken_ = true;
    piece.head = std::move(head_);
  } else if (queued_.empty() && !is_over_) {
    return std::nullopt;
  }
  piece.bytes = std::exchange(queued_, {});
  piece.is_over = is_over_;
  return piece;
}

void PendingExchange::mark_gone() {
  std::function<void()> gone;
  {
    const std::lock_guard lock(mutex_);
    if (is_gone_) return;
    is_gone_ = true;
    gone = std::exchange(gone_, {});
  }
  if (gone) gone();
  wake_();
}

bool PendingExchange::is_gone() const {
  const std::lock_guard lock(mutex_);
  return is_gone_;
}

}  // namespace gradus::service
