#pragma once

#include <stdexcept>
#include <string>

namespace gradus {

/// What a user, file, setting or peer did wrong: the message says where, what and what to do.
/// Caught at the edge of a thread, of a request, and in main; nowhere else without adding
/// knowledge.
class Error : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// An argument of a call or of the command line is out of its domain.
class ArgumentError : public Error {
 public:
  using Error::Error;
};

/// A file is absent, unreadable, truncated or not what its name promises.
///
/// `kind` is a stable word for machines, e.g. "checkpoint_truncated", "checksum_mismatch",
/// "unsupported_dtype"; the message is for people and begins with the path.
class FileError : public Error {
 public:
  FileError(std::string path, std::string kind, const std::string& what)
      : Error(path + ": " + what), path_(std::move(path)), kind_(std::move(kind)) {}
  const std::string& path() const { return path_; }
  const std::string& kind() const { return kind_; }

 private:
  std::string path_;
  std::string kind_;
};

/// A setting of a recipe is unknown, of the wrong type or out of range.
class ConfigError : public Error {
 public:
  using Error::Error;
};

/// Another process (reward worker, client, peer) broke its contract or died.
class PeerError : public Error {
 public:
  using Error::Error;
};

}  // namespace gradus
