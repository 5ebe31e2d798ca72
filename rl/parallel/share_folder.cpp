#include "rl/parallel/share_folder.h"

#include <cstdint>
#include <limits>
#include <string>

#include "base/files/atomic_file.h"
#include "rl/parallel/bytes.h"
#include "rl/parallel/gather.h"

namespace gradus::rl {
namespace {

namespace fs = std::filesystem;

std::string names_in(const fs::path& folder) {
  ByteWriter names;
  for (const auto& entry : fs::recursive_directory_iterator(folder))
    if (entry.is_regular_file()) names.text(fs::relative(entry.path(), folder).string());
  return names.take();
}

/// One file that rank 0 has.
void share_contents(Communicator& ranks, const fs::path& path) {
  const bool is_first = ranks.rank() == 0;
  const std::string contents =
      text_of_first(ranks, is_first ? read_file(path, std::numeric_limits<int64_t>::max()) : "");
  if (is_first) return;
  fs::create_directories(path.parent_path());
  write_file_atomically(path, contents);
}

}  // namespace

void share_folder(Communicator& ranks, const fs::path& folder) {
  if (ranks.size() == 1) return;
  const bool is_first = ranks.rank() == 0;
  const std::string names = text_of_first(ranks, is_first ? names_in(folder) : "");
  for (ByteReader in(names); !in.is_empty();) share_contents(ranks, folder / in.text());
}

void share_file(Communicator& ranks, const fs::path& file) {
  if (ranks.size() == 1) return;
  if (first_rank_says(ranks, fs::exists(file)))
    share_contents(ranks, file);
  else if (ranks.rank() != 0)
    fs::remove(file);
}

}  // namespace gradus::rl
