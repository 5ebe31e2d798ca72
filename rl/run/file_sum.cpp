#include "rl/run/file_sum.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <span>
#include <vector>

#include "policy/formats/crc64.h"
#include "policy/formats/mapped_file.h"

namespace gradus::rl {

FileSum sum_of_file(const std::filesystem::path& path) {
  constexpr size_t kReadBytes = size_t{4} << 20;
  const policy::MappedFile file(path);
  policy::Crc64 crc;
  std::vector<std::byte> buffer(std::min<uint64_t>(kReadBytes, file.size()));
  for (uint64_t begin = 0; begin < file.size(); begin += buffer.size()) {
    const auto part =
        std::span(buffer).first(std::min<uint64_t>(buffer.size(), file.size() - begin));
    file.read(begin, part);
    crc.update(part);
  }
  return {static_cast<int64_t>(file.size()), fmt::format("{:016x}", crc.value())};
}

}  // namespace gradus::rl
