#pragma once

// Only http/*.cpp include this: Asio takes seconds to read, and wants <utility> before it.
// clang-format off
#include <utility>
// clang-format on
#include <atomic>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/thread_pool.hpp>
#include <memory>
#include <optional>
#include <string>

#include "service/http/head_check.h"
#include "service/http/http_server.h"
#include "service/http/pending_exchange.h"
#include "service/http/socket.h"

namespace gradus::service {

/// What all connections of a server share.
struct ConnectionShared {
  HttpLimits limits;
  HttpServer::Hooks hooks;
  boost::asio::thread_pool* workers = nullptr;
  std::atomic<bool> is_draining{false};
  std::atomic<int> connections{0};
  std::atomic<int> requests{0};
};

/// One client's connection: its requests one after the other, until one side closes.
/// All calls on the socket's executor.
class Connection : public std::enable_shared_from_this<Connection> {
 public:
  Connection(std::unique_ptr<Socket> socket, std::shared_ptr<ConnectionShared> shared);
  ~Connection();

  boost::asio::awaitable<void> run();
  /// Ends it now; where `only_idle`, not while a request is answered.
  void cut(bool only_idle);
  boost::asio::any_io_executor executor() { return socket_->executor(); }

 private:
  boost::asio::awaitable<bool> serve_one();
  boost::asio::awaitable<std::optional<Response>> admit(CheckedHead& head, RequestPlan& plan,
                                                        bool& keeps_alive);
  std::shared_ptr<PendingExchange> hand_over(const CheckedHead& head, RequestPlan& plan);
  boost::asio::awaitable<std::string> read_head();
  boost::asio::awaitable<void> read_body(const CheckedHead& head, int64_t max_bytes, BodySink* sink,
                                         std::string& body);
  boost::asio::awaitable<void> discard_body(const CheckedHead& head);
  boost::asio::awaitable<void> fill(double timeout_s);
  boost::asio::awaitable<int64_t> send(const std::shared_ptr<PendingExchange>& pending,
                                       const CheckedHead& head, bool& keeps_alive, int& status);
  boost::asio::awaitable<int64_t> send_whole(const Response& response, const CheckedHead& head,
                                             const std::string& id, bool keeps_alive);
  boost::asio::awaitable<int64_t> send_file(const Response& response);
  boost::asio::awaitable<void> refuse(const HttpError& error);
  boost::asio::awaitable<void> wait_for_news();

  std::unique_ptr<Socket> socket_;
  std::shared_ptr<ConnectionShared> shared_;
  std::shared_ptr<boost::asio::steady_timer> news_;
  std::string in_;  ///< bytes read and not used
  bool is_idle_ = true;
  bool is_cut_ = false;
};

/// A new request id: "req_" and 32 random hexadecimal digits.
std::string new_request_id();

/// Status line and headers, with the empty line behind them. Header values lose line ends.
/// @param length  of the body; -1: chunked, -2: until the connection closes.
std::string head_text(const Response& response, const std::string& id, int64_t length,
                      bool keeps_alive);

}  // namespace gradus::service
