#pragma once

#include <optional>
#include <string>

#include "service/store/keys.h"

namespace gradus::service {

/// Who has logged in on the page. A session is a random token in a cookie, stored as SHA-256, that
/// stands for a key: it ends with the key, with a logout, or after thirty days. Any thread.
class LoginStore {
 public:
  static constexpr int64_t kLifeS = int64_t{30} * 86400;

  LoginStore(Store& store, KeyStore& keys) : store_(store), keys_(keys) {}

  /// @return  the token, shown once.
  std::string open(const Key& key);
  /// The key that the token stands for, if both are good now.
  std::optional<Key> key_of(const std::string& token);
  void close(const std::string& token);

 private:
  Store& store_;
  KeyStore& keys_;
};

}  // namespace gradus::service
