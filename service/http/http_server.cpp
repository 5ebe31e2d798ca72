#include "service/http/http_server.h"

// clang-format off: it comes before Asio's headers
#include "service/http/connection.h"
// clang-format on

#include <fmt/format.h>
#include <sys/random.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <chrono>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

namespace gradus::service {
namespace {

namespace asio = boost::asio;
namespace ssl = boost::asio::ssl;
using asio::ip::tcp;
using boost::system::error_code;

tcp::endpoint endpoint_of(const std::string& text) {
  const size_t colon = text.rfind(':');
  const auto refuse = [&](const std::string& why) {
    throw ConfigError("serve.listen: is " + text + ", " + why + "; try 127.0.0.1:8080");
  };
  if (colon == std::string::npos) refuse("must be HOST:PORT");
  std::string host = text.substr(0, colon);
  if (host.size() > 2 && host.front() == '[' && host.back() == ']')
    host = host.substr(1, host.size() - 2);
  if (host == "localhost") host = "127.0.0.1";
  error_code error;
  const auto address = asio::ip::make_address(host, error);
  if (error) refuse("HOST must be an address, as 127.0.0.1 or [::1]");
  const std::string port = text.substr(colon + 1);
  if (port.empty() || port.size() > 5 ||
      port.find_first_not_of("0123456789") != std::string::npos || std::stoi(port) > 65535)
    refuse("PORT must be 0 to 65535");
  return {address, static_cast<unsigned short>(std::stoi(port))};
}

std::unique_ptr<ssl::context> make_tls(const TlsConfig& config) {
  if (config.certificate.empty()) return nullptr;
  auto context = std::make_unique<ssl::context>(ssl::context::tls_server);
  try {
    context->set_options(ssl::context::default_workarounds | ssl::context::no_sslv2 |
                         ssl::context::no_sslv3 | ssl::context::no_tlsv1 |
                         ssl::context::no_tlsv1_1);
    context->use_certificate_chain_file(config.certificate);
    context->use_private_key_file(config.key, ssl::context::pem);
    if (!config.client_ca.empty()) {
      context->load_verify_file(config.client_ca);
      context->set_verify_mode(ssl::verify_peer | ssl::verify_fail_if_no_peer_cert);
    }
  } catch (const std::exception& error) {
    throw ConfigError(std::string("serve.tls: certificate or key cannot be used: ") + error.what());
  }
  return context;
}

}  // namespace

std::string new_request_id() {
  unsigned char bytes[16];
  size_t have = 0;
  while (have < sizeof(bytes)) {
    const ssize_t count = ::getrandom(bytes + have, sizeof(bytes) - have, 0);
    if (count > 0) have += static_cast<size_t>(count);
  }
  std::string id = "req_";
  for (const unsigned char byte : bytes) id += fmt::format("{:02x}", byte);
  return id;
}

struct HttpServer::Impl {
  std::shared_ptr<ConnectionShared> shared = std::make_shared<ConnectionShared>();
  asio::io_context network;
  std::optional<asio::executor_work_guard<asio::io_context::executor_type>> work;
  std::unique_ptr<asio::thread_pool> workers;
  std::unique_ptr<ssl::context> tls;
  std::vector<std::unique_ptr<tcp::acceptor>> acceptors;
  std::vector<std::thread> threads;
  std::mutex mutex;
  std::vector<std::weak_ptr<Connection>> open;

  tcp::acceptor& bind(const tcp::endpoint& endpoint) {
    auto acceptor = std::make_unique<tcp::acceptor>(network);
    try {
      acceptor->open(endpoint.protocol());
      acceptor->set_option(tcp::acceptor::reuse_address(true));
      acceptor->bind(endpoint);
      acceptor->listen(1024);
    } catch (const std::exception& error) {
      throw Error(fmt::format("{}:{}: cannot be listened on: {}", endpoint.address().to_string(),
                              endpoint.port(), error.what()));
    }
    acceptors.push_back(std::move(acceptor));
    return *acceptors.back();
  }

  void keep(const std::shared_ptr<Connection>& connection) {
    const std::lock_guard lock(mutex);
    std::erase_if(open, [](const auto& weak) { return weak.expired(); });
    open.push_back(connection);
  }

  asio::awaitable<void> accept(tcp::acceptor& acceptor, ssl::context* context) {
    for (;;) {
      error_code error;
      tcp::socket socket(asio::make_strand(network));
      co_await acceptor.async_accept(socket, asio::redirect_error(asio::use_awaitable, error));
      if (error == asio::error::operation_aborted || !acceptor.is_open()) co_return;
      if (error || shared->connections >= shared->limits.connections) {
        // No descriptors or too many connections: others must end first.
        error_code ignored;
        socket.close(ignored);
        asio::steady_timer pause(network, std::chrono::milliseconds(error ? 100 : 1));
        co_await pause.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
        continue;
      }
      auto connection =
          std::make_shared<Connection>(make_socket(std::move(socket), context), shared);
      keep(connection);
      asio::co_spawn(
          connection->executor(), [connection] { return connection->run(); }, asio::detached);
    }
  }

  void cut_connections(bool only_idle) {
    const std::lock_guard lock(mutex);
    for (const auto& weak : open) {
      const auto connection = weak.lock();
      if (!connection) continue;
      asio::post(connection->executor(), [connection, only_idle] { connection->cut(only_idle); });
    }
  }

  void wait_for_end(double seconds) {
    const auto deadline = std::chrono::steady_clock::now() +
                          std::chrono::milliseconds(static_cast<int64_t>(seconds * 1000));
    while (shared->connections > 0 && std::chrono::steady_clock::now() < deadline)
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
};

HttpServer::HttpServer(const std::string& host_and_port, HttpLimits limits, const TlsConfig& tls,
                       Hooks hooks)
    : impl_(std::make_unique<Impl>()) {
  impl_->shared->limits = limits;
  impl_->shared->hooks = std::move(hooks);
  impl_->tls = make_tls(tls);
  impl_->bind(endpoint_of(host_and_port));
}

HttpServer::~HttpServer() {
  stop();
}

int HttpServer::port() const {
  return impl_->acceptors.front()->local_endpoint().port();
}

std::string HttpServer::url() const {
  const auto endpoint = impl_->acceptors.front()->local_endpoint();
  const std::string address = endpoint.address().to_string();
  return fmt::format("{}://{}:{}", impl_->tls ? "https" : "http",
                     endpoint.address().is_v6() ? "[" + address + "]" : address, endpoint.port());
}

int HttpServer::listen_on_loopback() {
  return impl_->bind({asio::ip::address_v4::loopback(), 0}).local_endpoint().port();
}

void HttpServer::start() {
  Impl& impl = *impl_;
  impl.workers =
      std::make_unique<asio::thread_pool>(static_cast<size_t>(impl.shared->limits.workers));
  impl.shared->workers = impl.workers.get();
  impl.work.emplace(impl.network.get_executor());
  for (size_t i = 0; i < impl.acceptors.size(); ++i) {
    ssl::context* context = i == 0 ? impl.tls.get() : nullptr;
    asio::co_spawn(
        impl.network, [&impl, i, context] { return impl.accept(*impl.acceptors[i], context); },
        asio::detached);
  }
  for (int i = 0; i < impl.shared->limits.threads; ++i)
    impl.threads.emplace_back([&impl] { impl.network.run(); });
}

void HttpServer::stop() {
  Impl& impl = *impl_;
  if (impl.threads.empty()) return;
  impl.shared->is_draining = true;
  asio::post(impl.network, [&impl] {
    for (auto& acceptor : impl.acceptors) {
      error_code ignored;
      acceptor->close(ignored);
    }
  });
  impl.cut_connections(true);
  impl.wait_for_end(impl.shared->limits.drain_s);
  impl.cut_connections(false);
  impl.wait_for_end(1.0);
  impl.work.reset();
  impl.network.stop();
  for (auto& thread : impl.threads) thread.join();
  impl.threads.clear();
  impl.workers->join();
}

HttpServer::Load HttpServer::load() const {
  return {impl_->shared->connections, impl_->shared->requests};
}

}  // namespace gradus::service
