#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "service/store/store.h"

namespace gradus::service {

/// What a key may do. A route asks for one of them; `admin` opens all.
enum class Scope { open, infer, files, jobs, metrics, admin };

/// "infer"; of the enum's order.
const char* name_of(Scope scope);
std::optional<Scope> scope_named(const std::string& name);

/// A key as the store knows it: never the key itself.
struct Key {
  std::string id;  ///< "key_..."
  std::string project;
  std::string name;
  std::string hint;  ///< its first characters, to tell keys apart
  std::vector<std::string> scopes;
  int64_t created = 0;
  int64_t expires = 0;  ///< 0: never
  int64_t last_used = 0;
  int64_t revoked = 0;  ///< 0: it is good
  std::string job;      ///< made for a job's own questions; empty: a person's

  bool may(Scope scope) const;
};

struct NewKey {
  std::string name;
  std::string project = "default";
  std::vector<std::string> scopes;  ///< empty: infer, files, jobs
  int64_t expires = 0;
  std::string job;
};

/// Keys are random (190 bits), shown once and stored as SHA-256. "tml-gr-" begins each, so that
/// Tinker's client takes them as well.
class KeyStore {
 public:
  explicit KeyStore(Store& store) : store_(store) {}

  struct Made {
    std::string id;
    std::string key;
  };
  /// @throws ArgumentError  no name, an unknown scope.
  Made add(const NewKey& wanted);
  std::vector<Key> list() const;
  /// @return  false: there is no such key, or it is revoked already.
  bool revoke(const std::string& id);
  void revoke_of_job(const std::string& job);
  bool has_any() const;

  /// The key whose text this is, if it is good now.
  std::optional<Key> find(const std::string& text);
  /// The key of this id, if it is good now.
  std::optional<Key> find_id(const std::string& id);

 private:
  std::optional<Key> good_key(const std::string& column, const std::string& value);
  void note_use(const Key& key);

  Store& store_;
};

}  // namespace gradus::service
