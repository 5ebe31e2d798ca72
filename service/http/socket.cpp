#include "service/http/socket.h"

#include <sys/socket.h>

#include <boost/asio/bind_executor.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/ssl/ssl_stream.hpp>
#include <cerrno>
#include <chrono>
#include <optional>
#include <type_traits>

namespace gradus::service {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
using boost::system::error_code;

constexpr size_t kWritePiece = size_t{128} << 10;

std::chrono::milliseconds duration_of(double seconds) {
  return std::chrono::milliseconds(static_cast<int64_t>(seconds * 1000.0) + 1);
}

template <class Stream>
class StreamSocket final : public Socket {
 public:
  static constexpr bool kHasTls = !std::is_same_v<Stream, beast::tcp_stream>;

  template <class... Args>
  explicit StreamSocket(Args&&... args) : stream_(std::forward<Args>(args)...) {
    error_code ignored;
    tcp().socket().set_option(asio::ip::tcp::no_delay(true), ignored);
    const auto end = tcp().socket().remote_endpoint(ignored);
    if (!ignored) peer_ = end.address().to_string();
  }

  asio::awaitable<void> greet(double timeout_s) override {
    if constexpr (kHasTls) {
      tcp().expires_after(duration_of(timeout_s));
      co_await stream_.async_handshake(asio::ssl::stream_base::server, asio::use_awaitable);
    }
    co_return;
  }

  asio::awaitable<size_t> read_some(asio::mutable_buffer into, double timeout_s) override {
    tcp().expires_after(duration_of(timeout_s));
    error_code error;
    const size_t count =
        co_await stream_.async_read_some(into, asio::redirect_error(asio::use_awaitable, error));
    tcp().expires_never();
    if (error == asio::error::eof || error == asio::ssl::error::stream_truncated) co_return 0;
    if (error) throw boost::system::system_error(error);
    co_return count;
  }

  asio::awaitable<void> write(std::string_view bytes, double stall_s) override {
    while (!bytes.empty()) {
      tcp().expires_after(duration_of(stall_s));
      const auto piece = asio::buffer(bytes.data(), std::min(bytes.size(), kWritePiece));
      bytes.remove_prefix(co_await stream_.async_write_some(piece, asio::use_awaitable));
    }
    tcp().expires_never();
  }

  asio::awaitable<void> close_gently() override {
    error_code ignored;
    if constexpr (kHasTls) {
      tcp().expires_after(std::chrono::seconds(2));
      co_await stream_.async_shutdown(asio::redirect_error(asio::use_awaitable, ignored));
    }
    tcp().socket().shutdown(asio::ip::tcp::socket::shutdown_send, ignored);
    char rest[4096];
    tcp().expires_after(std::chrono::seconds(2));
    for (int i = 0; i < 256 && !ignored; ++i) {
      co_await tcp().async_read_some(asio::buffer(rest),
                                     asio::redirect_error(asio::use_awaitable, ignored));
    }
    tcp().close();
  }

  void cut() override {
    error_code ignored;
    tcp().socket().cancel(ignored);
    tcp().close();
  }

  void watch(std::function<void()> gone) override {
    watched_ = std::make_shared<std::function<void()>>(std::move(gone));
    wait_for_close();
  }

  void forget_watch() override {
    if (!watched_) return;
    watched_.reset();
    error_code ignored;
    tcp().socket().cancel(ignored);
  }

  asio::any_io_executor executor() override { return stream_.get_executor(); }
  std::string peer() const override { return peer_; }

 private:
  void wait_for_close() {
    tcp().socket().async_wait(
        asio::ip::tcp::socket::wait_read, [this, kept = std::weak_ptr(watched_)](error_code error) {
          const auto call = kept.lock();
          if (!call || error) return;
          // Bytes that were read already may have announced themselves late: never wait here.
          char byte = 0;
          const ssize_t count =
              ::recv(tcp().socket().native_handle(), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
          const bool is_nothing = count < 0 && (errno == EAGAIN || errno == EINTR);
          if (is_nothing) return wait_for_close();
          if (count <= 0) (*call)();  // what is pipelined is read later
        });
  }

  beast::tcp_stream& tcp() { return beast::get_lowest_layer(stream_); }

  Stream stream_;
  std::string peer_;
  std::shared_ptr<std::function<void()>> watched_;
};

}  // namespace

std::unique_ptr<Socket> make_socket(asio::ip::tcp::socket socket, asio::ssl::context* tls) {
  if (tls == nullptr) return std::make_unique<StreamSocket<beast::tcp_stream>>(std::move(socket));
  return std::make_unique<StreamSocket<beast::ssl_stream<beast::tcp_stream>>>(std::move(socket),
                                                                              *tls);
}

}  // namespace gradus::service
