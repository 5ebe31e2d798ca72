#include "service/store/logins.h"

#include "base/sha256.h"

namespace gradus::service {

std::string LoginStore::open(const Key& key) {
  const std::string token = random_id("", 40);
  const int64_t now = store_.now();
  store_.write([&](Database& database) {
    database.change("DELETE FROM logins WHERE expires<=?", {now});
    database.change("INSERT INTO logins(hash, key, created, expires) VALUES(?,?,?,?)",
                    {sha256(token), key.id, now, now + kLifeS});
  });
  return token;
}

std::optional<Key> LoginStore::key_of(const std::string& token) {
  if (token.size() != 40) return std::nullopt;
  const auto row = store_.read([&](Database& database) {
    return database.first("SELECT key, expires FROM logins WHERE hash=?", {sha256(token)});
  });
  if (!row || row->integer(1) <= store_.now()) return std::nullopt;
  return keys_.find_id(row->text(0));
}

void LoginStore::close(const std::string& token) {
  store_.write([&](Database& database) {
    database.change("DELETE FROM logins WHERE hash=?", {sha256(token)});
  });
}

}  // namespace gradus::service
