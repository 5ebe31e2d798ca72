#include <sys/resource.h>

#include <random>

#include "policy/formats/gguf/gguf.h"
#include "policy/formats/safetensors/safetensors.h"
#include "tests/policy/formats/fixture.h"

using namespace gradus::policy;
using namespace gradus::tests;

namespace {

/// Opens and reads everything; FileError is the only way to fail.
void swallow_safetensors(const std::filesystem::path& path) {
  const auto file = SafetensorsFile::open(path);
  for (const TensorInfo& info : file.tensors()) {
    if (info.num_elements > 1'000'000) continue;
    std::vector<float> out(info.num_elements);
    file.read_f32(info.name, out);
  }
}

void swallow_gguf(const std::filesystem::path& path) {
  const auto file = GgufFile::open(path);
  for (const TensorInfo& info : file.tensors()) {
    if (info.num_elements > 1'000'000) continue;
    std::vector<float> out(info.num_elements);
    file.read_f32(info.name, out);
  }
  file_error_kind([&] { open_checkpoint(path); });
}

long peak_kib() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return usage.ru_maxrss;
}

std::string mutate(std::string bytes, size_t front, std::mt19937& random) {
  const auto below = [&](size_t n) { return static_cast<size_t>(random()) % n; };
  const size_t edits = 1 + below(3);
  for (size_t i = 0; i < edits; ++i) {
    const size_t at = below(std::min(front, bytes.size()));
    switch (below(6)) {
      case 0:
        bytes[at] = static_cast<char>(bytes[at] ^ (1 << below(8)));
        break;
      case 1:
        bytes[at] = static_cast<char>(below(256));
        break;
      case 2:
        bytes.erase(at, 1 + below(16));
        break;
      case 3:
        bytes.insert(at, std::string(1 + below(16), bytes[below(bytes.size())]));
        break;
      case 4: {  // length bombs
        const uint64_t bombs[] = {
            0,         1, ~uint64_t{0}, uint64_t{1} << 63, uint64_t{1} << 32, uint64_t{1} << 61,
            0x7FFFFFFF};
        const uint64_t bomb = bombs[below(std::size(bombs))];
        const size_t width = below(2) == 0 ? 4 : 8;
        if (at + width <= bytes.size()) std::memcpy(bytes.data() + at, &bomb, width);
        break;
      }
      default:
        bytes.resize(at);
        break;
    }
    if (bytes.empty()) bytes.push_back('x');
  }
  return bytes;
}

template <class Swallow>
void hammer(const std::string& original, size_t front, int rounds, Swallow&& swallow) {
  const TemporaryFolder dir(in_memory());
  const auto path = dir / "mutant.gguf";
  std::mt19937 random(20240917);
  const long before = peak_kib();
  int refused = 0;
  for (int round = 0; round < rounds; ++round) {
    write_bytes(path, mutate(original, front, random));
    if (file_error_kind([&] { swallow(path); }) != "none") ++refused;
  }
  for (size_t size = 0; size < front; ++size) {
    std::filesystem::remove(path);
    write_bytes(path, original.substr(0, size));
    if (file_error_kind([&] { swallow(path); }) == "none") FAIL("cut at " << size);
  }
  CHECK(refused > rounds / 4);
#if !defined(__SANITIZE_ADDRESS__)
  CHECK(peak_kib() - before < 32 * 1024);
#else
  (void)before;
#endif
}

}  // namespace

TEST_CASE("mutated safetensors files are refused or read, and cost no memory",
          "[policy][formats][fault]") {
  const std::string bytes = bytes_of(parity("qwen3_qknorm/model.safetensors"));
  uint64_t header = 0;
  std::memcpy(&header, bytes.data(), 8);
  hammer(bytes.substr(0, header + 8 + 4096), header + 8, 3000, swallow_safetensors);
  hammer(bytes, header + 8, 1000, swallow_safetensors);
}

TEST_CASE("mutated GGUF files are refused or read, and cost no memory",
          "[policy][formats][fault]") {
  const std::string bytes = bytes_of(parity("gguf_quants/quants.gguf"));
  hammer(bytes, 992, 5000, swallow_gguf);
}
