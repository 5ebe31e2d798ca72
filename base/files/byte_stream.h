#pragma once

#include <cstddef>
#include <filesystem>
#include <memory>
#include <span>

namespace gradus {

/// The bytes of a file in order, unpacked where they are gzip (told by the first two; several
/// members may follow each other, and what follows the last one is left out). One thread at a time.
class ByteStream {
 public:
  enum class Outcome {
    some,       ///< at least one byte
    end,        ///< there are no more
    truncated,  ///< gzip data end inside a member
    corrupt,    ///< gzip data contradict themselves
  };
  struct Part {
    Outcome outcome = Outcome::end;
    size_t size = 0;
  };

  /// @throws FileError  as open_file; "lfs_pointer".
  explicit ByteStream(const std::filesystem::path& path);
  ~ByteStream();
  ByteStream(const ByteStream&) = delete;
  ByteStream& operator=(const ByteStream&) = delete;

  bool is_gzip() const;

  /// As many bytes as are at hand. @param out  not empty.
  /// @throws FileError  kind "read_failed".
  Part read(std::span<char> out);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace gradus
