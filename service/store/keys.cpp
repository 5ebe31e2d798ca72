#include "service/store/keys.h"

#include <algorithm>
#include <iterator>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/json.h"
#include "base/sha256.h"

namespace gradus::service {
namespace {

constexpr const char* kScopeNames[] = {"open", "infer", "files", "jobs", "metrics", "admin"};
constexpr const char* kKeyColumns =
    "id, project, name, hint, scopes, created, expires, last_used, revoked, job";
/// Last use is noted once a minute: a request does not wait for the disk for it.
constexpr int64_t kUseGrain_s = 60;

Key key_of(const SqlRow& row) {
  Key key;
  key.id = row.text(0);
  key.project = row.text(1);
  key.name = row.text(2);
  key.hint = row.text(3);
  key.scopes = parse_json(row.text(4), "keys").get<std::vector<std::string>>();
  key.created = row.integer(5);
  key.expires = row.integer(6);
  key.last_used = row.integer(7);
  key.revoked = row.integer(8);
  key.job = row.text(9);
  return key;
}

}  // namespace

const char* name_of(Scope scope) {
  return kScopeNames[static_cast<size_t>(scope)];
}

std::optional<Scope> scope_named(const std::string& name) {
  for (size_t i = 1; i < std::size(kScopeNames); ++i) {
    if (name == kScopeNames[i]) return static_cast<Scope>(i);
  }
  return std::nullopt;
}

bool Key::may(Scope scope) const {
  if (scope == Scope::open) return true;
  return std::any_of(scopes.begin(), scopes.end(), [&](const std::string& name) {
    return name == name_of(scope) || name == name_of(Scope::admin);
  });
}

KeyStore::Made KeyStore::add(const NewKey& wanted) {
  if (wanted.name.empty() || wanted.name.size() > 200)
    throw ArgumentError("--name: must have 1 to 200 characters");
  std::vector<std::string> scopes = wanted.scopes;
  if (scopes.empty()) scopes = {"infer", "files", "jobs"};
  for (const auto& scope : scopes) {
    if (!scope_named(scope)) {
      throw ArgumentError("--scope: is " + scope +
                          ", must be infer, files, jobs, metrics or admin");
    }
  }
  Made made{random_id("key_"), random_id("tml-gr-", 32)};
  const int64_t now = store_.now();
  store_.write([&](Database& database) {
    database.change(
        "INSERT INTO keys(id, project, name, hash, hint, scopes, created, expires, job) "
        "VALUES(?,?,?,?,?,?,?,?,?)",
        {made.id, wanted.project, wanted.name, sha256(made.key), made.key.substr(0, 11),
         dump_json(scopes), now, wanted.expires > 0 ? SqlValue(wanted.expires) : SqlValue(),
         or_null(wanted.job)});
  });
  return made;
}

std::vector<Key> KeyStore::list() const {
  const auto rows = store_.read([](Database& database) {
    return database.query(std::string("SELECT ") + kKeyColumns +
                          " FROM keys WHERE job IS NULL ORDER BY created, id");
  });
  std::vector<Key> keys;
  for (const auto& row : rows) keys.push_back(key_of(row));
  return keys;
}

bool KeyStore::revoke(const std::string& id) {
  const int64_t now = store_.now();
  return store_.write([&](Database& database) {
    return database.change("UPDATE keys SET revoked=? WHERE id=? AND revoked IS NULL", {now, id}) >
           0;
  });
}

void KeyStore::revoke_of_job(const std::string& job) {
  store_.write([&](Database& database) { database.change("DELETE FROM keys WHERE job=?", {job}); });
}

bool KeyStore::has_any() const {
  return store_.read([](Database& database) {
    return database.first("SELECT 1 FROM keys WHERE revoked IS NULL AND job IS NULL LIMIT 1")
        .has_value();
  });
}

std::optional<Key> KeyStore::find(const std::string& text) {
  if (text.size() < 16 || text.size() > 256) return std::nullopt;
  // The look-up is by the digest of a random key: its time tells nothing of the key.
  return good_key("hash", sha256(text));
}

std::optional<Key> KeyStore::find_id(const std::string& id) {
  return good_key("id", id);
}

std::optional<Key> KeyStore::good_key(const std::string& column, const std::string& value) {
  const auto row = store_.read([&](Database& database) {
    return database.first(
        std::string("SELECT ") + kKeyColumns + " FROM keys WHERE " + column + "=?", {value});
  });
  if (!row) return std::nullopt;
  const Key key = key_of(*row);
  const int64_t now = store_.now();
  if (key.revoked != 0 || (key.expires != 0 && key.expires <= now)) return std::nullopt;
  if (now - key.last_used >= kUseGrain_s) note_use(key);
  return key;
}

void KeyStore::note_use(const Key& key) {
  const int64_t now = store_.now();
  store_.write([&](Database& database) {
    database.change("UPDATE keys SET last_used=? WHERE id=?", {now, key.id});
  });
}

}  // namespace gradus::service
