#include "rewards/outbound/signature.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "base/error.h"
#include "base/files/atomic_file.h"

namespace gradus::rewards::outbound {
namespace {

constexpr std::string_view kPrefix = "whsec_";
constexpr int64_t kMaxKeyBytes = 64 * 1024;

std::string to_base64(const unsigned char* bytes, size_t size) {
  std::string text((size + 2) / 3 * 4 + 1, '\0');
  const int length =
      EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data()), bytes, static_cast<int>(size));
  text.resize(static_cast<size_t>(length));
  return text;
}

std::string from_base64(std::string text) {
  while (text.size() % 4 != 0) text += '=';
  std::string bytes(text.size() / 4 * 3, '\0');
  const int length = EVP_DecodeBlock(reinterpret_cast<unsigned char*>(bytes.data()),
                                     reinterpret_cast<const unsigned char*>(text.data()),
                                     static_cast<int>(text.size()));
  if (length < 0) throw ArgumentError("the secret behind whsec_ is no base64");
  size_t padding = 0;
  while (padding < 2 && text[text.size() - 1 - padding] == '=') ++padding;
  bytes.resize(static_cast<size_t>(length) - padding);
  return bytes;
}

}  // namespace

std::string signing_key(std::string_view text) {
  std::string key(text);
  if (text.starts_with(kPrefix) && text.size() > kPrefix.size()) {
    key = from_base64(std::string(text.substr(kPrefix.size())));
  }
  if (key.empty()) throw ArgumentError("the secret is empty");
  return key;
}

std::string read_key_file(const std::string& path) {
  std::string key = read_file(path, kMaxKeyBytes);
  while (!key.empty() && (key.back() == '\n' || key.back() == '\r' || key.back() == ' ')) {
    key.pop_back();
  }
  for (const char c : key) {
    if (c <= ' ' || c == 0x7F) throw FileError(path, "invalid_key", "holds more than one key");
  }
  if (key.empty()) throw FileError(path, "invalid_key", "is empty; it should hold a key");
  return key;
}

std::string read_signing_key(const std::string& path) {
  try {
    return signing_key(read_key_file(path));
  } catch (const ArgumentError& error) {
    throw FileError(path, "invalid_key", error.what());
  }
}

std::vector<std::pair<std::string, std::string>> signature_headers(const std::string& key,
                                                                   const std::string& id,
                                                                   int64_t unix_s,
                                                                   const std::string& body) {
  const std::string timestamp = std::to_string(unix_s);
  const std::string signed_text = id + "." + timestamp + "." + body;
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned int size = 0;
  HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()),
       reinterpret_cast<const unsigned char*>(signed_text.data()), signed_text.size(), digest,
       &size);
  return {{"webhook-id", id},
          {"webhook-timestamp", timestamp},
          {"webhook-signature", "v1," + to_base64(digest, size)}};
}

}  // namespace gradus::rewards::outbound
