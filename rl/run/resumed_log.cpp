#include "rl/run/resumed_log.h"

#include <fmt/format.h>

#include "base/files/atomic_file.h"

namespace gradus::rl {
namespace {

namespace fs = std::filesystem;

constexpr int64_t kMaxResumedBytes = int64_t{4} << 30;

}  // namespace

int64_t whole_lines(const fs::path& path) {
  if (!fs::exists(path)) return 0;
  const std::string text = read_file(path, kMaxResumedBytes);
  const size_t end = text.rfind('\n');
  return end == std::string::npos ? 0 : static_cast<int64_t>(end) + 1;
}

int64_t bytes_to_keep(const fs::path& path, int64_t known,
                      const std::function<void(const std::string&)>& warn) {
  const auto size = fs::exists(path) ? static_cast<int64_t>(fs::file_size(path)) : 0;
  if (size >= known) return known;
  const int64_t left = whole_lines(path);
  warn(left == 0 ? fmt::format("{}: is gone; it begins anew, without the steps so far",
                               path.filename().string())
                 : fmt::format("{}: holds {} bytes of the {} that the checkpoint knew; steps are "
                               "missing in it",
                               path.filename().string(), size, known));
  return left;
}

}  // namespace gradus::rl
