#include "rl/run/loggers/tensorboard.h"

#include <filesystem>
#include <fstream>
#include <iterator>

#include "base/error.h"
#include "tests/catch.h"
#include "tests/support/temporary_folder.h"

using namespace gradus::rl;
using gradus::tests::TemporaryFolder;

namespace {

std::string hex(const std::string& bytes) {
  std::string text;
  for (const unsigned char byte : bytes) {
    text += "0123456789abcdef"[byte >> 4];
    text += "0123456789abcdef"[byte & 15];
  }
  return text;
}

std::string contents(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

}  // namespace

TEST_CASE("crc32c has the check values of RFC 3720", "[rl][tensorboard]") {
  CHECK(crc32c("123456789") == 0xe3069283U);
  CHECK(crc32c(std::string(32, '\0')) == 0x8a9136aaU);
  CHECK(crc32c(std::string(32, '\xff')) == 0x62a8ab43U);
}

TEST_CASE("events have the bytes that tensorboard's own writer gives them", "[rl][tensorboard]") {
  // From tensorboard 2.21: Event(wall_time=1.5, file_version="brain.Event:2") and
  // Event(wall_time=1.5, step=300, summary={"reward": 0.25}), through RecordWriter.
  CHECK(hex(encode_record(encode_version_event(1.5))) ==
        "1800000000000000a37f4b2209000000000000f83f1a0d627261696e2e4576656e743a322a28646c");
  CHECK(
      hex(encode_record(encode_scalar_event(1.5, 300, {{"reward", 0.25}}))) ==
      "1d00000000000000602fdf2309000000000000f83f10ac022a0f0a0d0a06726577617264150000803e2453d477");
}

TEST_CASE("a resumed event file goes on where the checkpoint left it", "[rl][tensorboard]") {
  const TemporaryFolder folder;
  const auto path = folder.path() / "events";
  int64_t known = 0;
  {
    TensorboardWriter writer(path, 0, 1.0);
    writer.write(1.0, 1, {{"reward", 1.0}});
    known = writer.num_bytes();
    writer.write(1.0, 2, {{"reward", 2.0}});
  }
  const std::string whole = contents(path);
  {
    TensorboardWriter writer(path, known, 9.0);
    writer.write(1.0, 2, {{"reward", 2.0}});
  }
  CHECK(contents(path) == whole);
  CHECK_THROWS_AS(TensorboardWriter(path, 1 << 20, 1.0), gradus::FileError);
}
