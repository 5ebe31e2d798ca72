#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>

#include "service/http/exchange.h"

namespace gradus::service {

/// The meeting place of a connection, which sends, and whoever answers, on any thread.
class PendingExchange final : public Exchange,
                              public ResponseStream,
                              public std::enable_shared_from_this<PendingExchange> {
 public:
  /// @param wake  tells the connection that there is something to send; any thread.
  PendingExchange(Request request, std::unique_ptr<BodySink> sink, int64_t max_queued_bytes,
                  std::function<void()> wake)
      : request_(std::move(request)),
        sink_(std::move(sink)),
        max_queued_bytes_(max_queued_bytes),
        wake_(std::move(wake)) {}

  const Request& request() const override { return request_; }
  BodySink* sink() override { return sink_.get(); }
  void answer(Response response) override;
  std::shared_ptr<ResponseStream> open_stream(Response head) override;
  void when_gone(std::function<void()> gone) override;
  bool write(std::string bytes) override;
  void end() override;

  /// What the connection may send now.
  struct Piece {
    std::optional<Response> head;  ///< once, first
    bool is_stream = false;
    std::string bytes;
    bool is_over = false;
  };
  /// The head when it is there, then what is queued. Empty: wait.
  std::optional<Piece> take();
  /// The client is gone: nothing can be sent any more.
  void mark_gone();
  bool is_gone() const;

 private:
  Request request_;
  std::unique_ptr<BodySink> sink_;
  int64_t max_queued_bytes_;
  std::function<void()> wake_;
  mutable std::mutex mutex_;
  std::optional<Response> head_;
  bool is_answered_ = false;
  bool is_head_taken_ = false;
  bool is_stream_ = false;
  bool is_over_ = false;
  bool is_gone_ = false;
  std::string queued_;
  std::function<void()> gone_;
};

}  // namespace gradus::service
