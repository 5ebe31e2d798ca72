#include "base/files/byte_stream.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include <algorithm>
#include <cstring>
#include <limits>
#include <vector>

#include "base/error.h"
#include "base/files/file_descriptor.h"
#include "base/files/lfs_pointer.h"

namespace gradus {
namespace {

constexpr size_t kInputBytes = size_t{1} << 18;
constexpr int kGzipWindow = 15 + 16;  // zlib: the largest window, gzip's header and no other

}  // namespace

// zlib's own gzread drops what it has read when a signal interrupts it.
struct ByteStream::State {
  explicit State(const std::filesystem::path& file_path)
      : path(file_path), fd(open_file(path, O_RDONLY)), input(kInputBytes) {
    struct stat status {};
    if (::fstat(fd.get(), &status) != 0) {
      throw_file_error(path, "read_failed", "cannot be read", errno);
    }
    if (S_ISDIR(status.st_mode)) throw FileError(path.string(), "not_a_file", "is a folder");
    if (S_ISREG(status.st_mode)) {  // a pipe may have less to say for long
      fill(kLfsPointerBytes);
      refuse_lfs_pointer({reinterpret_cast<const char*>(input.data()), end}, path);
    }
    is_gzip = begins_member();
    if (is_gzip && ::inflateInit2(&inflater, kGzipWindow) != Z_OK) {
      throw FileError(path.string(), "read_failed", "no memory to read it");
    }
  }
  ~State() {
    if (is_gzip) ::inflateEnd(&inflater);
  }
  State(const State&) = delete;
  State& operator=(const State&) = delete;

  size_t available() const { return end - begin; }

  /// Reads until `wanted` bytes are at hand or the file ends.
  void fill(size_t wanted) {
    while (available() < wanted) {
      std::memmove(input.data(), input.data() + begin, available());
      end -= begin;
      begin = 0;
      const ssize_t count =
          uninterrupted([&] { return ::read(fd.get(), input.data() + end, input.size() - end); });
      if (count < 0) throw_file_error(path, "read_failed", "cannot be read", errno);
      if (count == 0) return;
      end += static_cast<size_t>(count);
    }
  }

  bool begins_member() {
    fill(2);
    return available() >= 2 && input[begin] == 0x1F && input[begin + 1] == 0x8B;
  }

  Part copy(std::span<char> out) {
    fill(1);
    const size_t size = std::min(available(), out.size());
    std::memcpy(out.data(), input.data() + begin, size);
    begin += size;
    return {size > 0 ? Outcome::some : Outcome::end, size};
  }

  Part unpack(std::span<char> out) {
    const auto room =
        static_cast<uInt>(std::min<size_t>(out.size(), std::numeric_limits<uInt>::max()));
    inflater.next_out = reinterpret_cast<Bytef*>(out.data());
    inflater.avail_out = room;
    Outcome outcome = Outcome::end;
    while (!is_done && inflater.avail_out == room) {
      fill(1);
      const size_t given = available();
      inflater.next_in = input.data() + begin;
      inflater.avail_in = static_cast<uInt>(given);
      const int result = ::inflate(&inflater, Z_NO_FLUSH);
      begin += given - inflater.avail_in;
      if (result == Z_STREAM_END) {
        is_done = !begins_member();
        if (!is_done) ::inflateReset(&inflater);
      } else if (result == Z_MEM_ERROR) {
        throw FileError(path.string(), "read_failed", "no memory to read it");
      } else if (result != Z_OK || given == 0) {
        outcome =
            result == Z_DATA_ERROR || result == Z_NEED_DICT ? Outcome::corrupt : Outcome::truncated;
        break;
      }
    }
    const size_t size = room - inflater.avail_out;
    return {size > 0 ? Outcome::some : outcome, size};
  }

  std::filesystem::path path;
  FileDescriptor fd;
  std::vector<unsigned char> input;
  size_t begin = 0;  // of what is not used yet
  size_t end = 0;
  bool is_gzip = false;
  bool is_done = false;
  z_stream inflater{};
};

ByteStream::ByteStream(const std::filesystem::path& path) : state_(std::make_unique<State>(path)) {}

ByteStream::~ByteStream() = default;

bool ByteStream::is_gzip() const {
  return state_->is_gzip;
}

ByteStream::Part ByteStream::read(std::span<char> out) {
  return state_->is_gzip ? state_->unpack(out) : state_->copy(out);
}

}  // namespace gradus
