#pragma once

// Only http/*.cpp include this: Asio takes seconds to read, and wants <utility> before it.
// clang-format off
#include <utility>
// clang-format on
#include <boost/asio/awaitable.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace gradus::service {

/// A connection's bytes, with or without TLS. All calls on the socket's executor.
class Socket {
 public:
  virtual ~Socket() = default;
  /// The TLS handshake; nothing to do without TLS. @throws boost::system::system_error
  virtual boost::asio::awaitable<void> greet(double timeout_s) = 0;
  /// @return  0: the other side has closed. @throws boost::system::system_error  e.g. no byte came
  /// in time.
  virtual boost::asio::awaitable<size_t> read_some(boost::asio::mutable_buffer into,
                                                   double timeout_s) = 0;
  /// All bytes; each part must be taken within stall_s.
  virtual boost::asio::awaitable<void> write(std::string_view bytes, double stall_s) = 0;
  /// Ends this side, reads what still comes for a moment so that the other side sees the answer,
  /// and closes.
  virtual boost::asio::awaitable<void> close_gently() = 0;
  /// Ends every call that waits. The executor's thread.
  virtual void cut() = 0;
  /// Calls `gone` when the other side closes while nobody reads. Ends with forget_watch.
  virtual void watch(std::function<void()> gone) = 0;
  virtual void forget_watch() = 0;
  virtual boost::asio::any_io_executor executor() = 0;
  virtual std::string peer() const = 0;
};

std::unique_ptr<Socket> make_socket(boost::asio::ip::tcp::socket socket,
                                    boost::asio::ssl::context* tls);

}  // namespace gradus::service
