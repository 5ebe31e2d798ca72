#include "tests/rewards/outbound/local_server.h"

#include <arpa/inet.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>

namespace gradus::tests {

SelfSigned::SelfSigned(const std::filesystem::path& folder)
    : certificate(folder / "server.pem"), key(folder / "server.key") {
  EVP_PKEY* pair = EVP_EC_gen("P-256");
  X509* x509 = X509_new();
  X509_set_version(x509, 2);
  ASN1_INTEGER_set(X509_get_serialNumber(x509), 1);
  X509_gmtime_adj(X509_getm_notBefore(x509), -3600);
  X509_gmtime_adj(X509_getm_notAfter(x509), 86400);
  X509_set_pubkey(x509, pair);
  X509_NAME* name = X509_get_subject_name(x509);
  X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
                             reinterpret_cast<const unsigned char*>("localhost"), -1, -1, 0);
  X509_set_issuer_name(x509, name);
  X509_EXTENSION* names =
      X509V3_EXT_conf_nid(nullptr, nullptr, NID_subject_alt_name, "DNS:localhost");
  X509_add_ext(x509, names, -1);
  X509_sign(x509, pair, EVP_sha256());
  FILE* file = std::fopen(certificate.c_str(), "w");
  PEM_write_X509(file, x509);
  std::fclose(file);
  file = std::fopen(key.c_str(), "w");
  PEM_write_PrivateKey(file, pair, nullptr, nullptr, 0, nullptr, nullptr);
  std::fclose(file);
  X509_EXTENSION_free(names);
  X509_free(x509);
  EVP_PKEY_free(pair);
}

bool LocalServer::Connection::send(const std::string& bytes) {
  if (tls_ != nullptr) return SSL_write(tls_, bytes.data(), static_cast<int>(bytes.size())) > 0;
  size_t at = 0;
  while (at < bytes.size()) {
    const ssize_t sent = ::send(fd_, bytes.data() + at, bytes.size() - at, MSG_NOSIGNAL);
    if (sent <= 0) return false;
    at += static_cast<size_t>(sent);
  }
  return true;
}

int LocalServer::Connection::receive(char* buffer, int size) {
  if (tls_ != nullptr) return SSL_read(tls_, buffer, size);
  return static_cast<int>(::recv(fd_, buffer, static_cast<size_t>(size), 0));
}

std::string LocalServer::Connection::receive_request() {
  std::string request;
  char buffer[4096];
  while (true) {
    const size_t end = request.find("\r\n\r\n");
    if (end != std::string::npos) {
      const size_t at = request.find("Content-Length: ");
      const size_t length =
          at == std::string::npos ? 0 : std::strtoull(request.c_str() + at + 16, nullptr, 10);
      if (request.size() >= end + 4 + length) return request;
    }
    const int count = receive(buffer, sizeof buffer);
    if (count <= 0) return request;
    request.append(buffer, static_cast<size_t>(count));
  }
}

void LocalServer::Connection::wait_for_close(double seconds) {
  pollfd wanted{fd_, POLLIN | POLLRDHUP, 0};
  poll(&wanted, 1, static_cast<int>(seconds * 1000));
}

LocalServer::LocalServer(Script script, const SelfSigned* certificate)
    : script_(std::move(script)), listener_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  if (certificate != nullptr) {
    context_ = SSL_CTX_new(TLS_server_method());
    SSL_CTX_use_certificate_file(context_, certificate->certificate.c_str(), SSL_FILETYPE_PEM);
    SSL_CTX_use_PrivateKey_file(context_, certificate->key.c_str(), SSL_FILETYPE_PEM);
  }
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  bind(listener_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address);
  listen(listener_.get(), 16);
  socklen_t size = sizeof address;
  getsockname(listener_.get(), reinterpret_cast<sockaddr*>(&address), &size);
  port_ = ntohs(address.sin_port);
  thread_ = std::jthread([this](const std::stop_token& stop) { serve(stop); });
}

LocalServer::~LocalServer() {
  thread_.request_stop();
  thread_.join();
  SSL_CTX_free(context_);
}

std::vector<std::string> LocalServer::requests() {
  const std::lock_guard lock(mutex_);
  return requests_;
}

void LocalServer::serve(const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    pollfd wanted{listener_.get(), POLLIN, 0};
    if (poll(&wanted, 1, 20) <= 0) continue;
    const FileDescriptor client(accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
    ++num_connections_;
    answer(client.get());
  }
}

void LocalServer::answer(int fd) {
  SSL* tls = context_ == nullptr ? nullptr : SSL_new(context_);
  if (tls != nullptr) SSL_set_fd(tls, fd);
  if (tls == nullptr || SSL_accept(tls) == 1) {
    Connection connection(fd, tls);
    const std::string request = connection.receive_request();
    {
      const std::lock_guard lock(mutex_);
      requests_.push_back(request);
    }
    script_(connection, request);
    if (tls != nullptr) SSL_shutdown(tls);
  }
  SSL_free(tls);
}

std::string json_response(const std::string& body, const std::string& status,
                          const std::string& headers) {
  return "HTTP/1.1 " + status + "\r\nContent-Type: application/json\r\n" + headers +
         "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

}  // namespace gradus::tests
