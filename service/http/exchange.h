#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "service/http/message.h"

namespace gradus::service {

/// Where a long body goes while it arrives. One thread at a time.
class BodySink {
 public:
  virtual ~BodySink() = default;
  /// @throws HttpError, FileError  end the request.
  virtual void take(std::string_view bytes) = 0;
  /// The body is complete.
  virtual void finish() = 0;
};

/// A body that is sent while it is made: server-sent events. Any thread.
class ResponseStream {
 public:
  virtual ~ResponseStream() = default;
  /// Queues bytes. @return false: the client is gone or reads too slowly; nothing more is sent.
  virtual bool write(std::string bytes) = 0;
  /// Nothing more comes.
  virtual void end() = 0;
};

/// One request and the ways to answer it, once. Any thread; lives until it is answered.
class Exchange {
 public:
  virtual ~Exchange() = default;
  virtual const Request& request() const = 0;
  /// The sink that took the body, or null.
  virtual BodySink* sink() = 0;
  virtual void answer(Response response) = 0;
  /// Sends the head; the body follows through the stream.
  virtual std::shared_ptr<ResponseStream> open_stream(Response head) = 0;
  /// `gone` is called once when the client closes before the answer is complete, at once where it
  /// has already. Any thread; must not block.
  virtual void when_gone(std::function<void()> gone) = 0;
};

/// How a request whose head is known goes on.
struct RequestPlan {
  int64_t max_body_bytes = 0;
  std::unique_ptr<BodySink> sink;  ///< null: the body is kept in Request::body
  std::function<void(const std::shared_ptr<Exchange>&)> handle;
  bool is_cheap = false;  ///< answered by the network's own threads, at once
  std::string route;      ///< its pattern, for logs and metrics
};

/// What one request was and became, for logs and metrics.
struct AccessRecord {
  std::string id;
  std::string method;
  std::string route;
  int status = 0;
  int64_t bytes_out = 0;
  double seconds = 0.0;
  std::string peer;
};

}  // namespace gradus::service
