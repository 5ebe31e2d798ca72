#pragma once

#include <cstdint>
#include <string>

namespace gradus::service {

/// Links to files of checkpoints that work without a key until their time is over: signed with a
/// secret of this process. Any thread.
class FileLinks {
 public:
  FileLinks();

  /// HMAC-SHA256 in hexadecimal digits. @param expires  seconds since 1970.
  std::string sign(const std::string& checkpoint, const std::string& file, int64_t expires) const;
  /// Whether it is ours, in time that does not tell where it is wrong.
  bool is_ours(const std::string& checkpoint, const std::string& file, int64_t expires,
               const std::string& signature) const;

 private:
  std::string secret_;
};

}  // namespace gradus::service
