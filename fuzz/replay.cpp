// Runs a fuzz target without libFuzzer: its corpus as it is, then mutations of it, the same ones on
// every machine. A crash leaves its input in ./crash-input.
//
//   fuzz_<target> CORPUS_FOLDER [seconds]     seconds: else of GRADUS_FUZZ_SECONDS, else 2
//
// Mutations change, insert, drop and repeat bytes, and splice two entries; pieces that entries
// are made of serve as the dictionary. It looks for what is broken, not for coverage: libFuzzer
// does that, on the same corpus.

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "fuzz/target.h"

namespace {

constexpr size_t kMostBytes = 4096;
constexpr uint64_t kSeed = 20240607;

const std::string* current_input = nullptr;

// Only async-signal-safe calls: the input is written with the C functions underneath.
extern "C" void save_input(int signal) {
  if (current_input != nullptr) {
    if (FILE* file = std::fopen("crash-input", "wb")) {
      std::fwrite(current_input->data(), 1, current_input->size(), file);
      std::fclose(file);
    }
  }
  std::signal(signal, SIG_DFL);
  std::raise(signal);
}

class Chance {
 public:
  uint64_t next() {
    // SplitMix64 (Steele, Lea and Flood, 2014).
    uint64_t z = (state_ += 0x9E3779B97F4A7C15u);
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
  }
  size_t below(size_t bound) { return bound == 0 ? 0 : next() % bound; }

 private:
  uint64_t state_ = kSeed;
};

std::vector<std::string> read_corpus(const std::filesystem::path& folder) {
  std::vector<std::filesystem::path> paths;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    if (entry.is_regular_file()) paths.push_back(entry.path());
  }
  std::sort(paths.begin(), paths.end());
  std::vector<std::string> corpus;
  for (const auto& path : paths) {
    std::ifstream file(path, std::ios::binary);
    corpus.emplace_back(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
  }
  return corpus;
}

void mutate_once(std::string& input, const std::vector<std::string>& corpus, Chance& chance) {
  const size_t at = chance.below(input.size() + 1);
  const std::string& other = corpus[chance.below(corpus.size())];
  const size_t from = chance.below(other.size());
  switch (chance.below(7)) {
    case 0:
      if (at < input.size()) input[at] = static_cast<char>(chance.next());
      break;
    case 1:
      input.insert(at, 1, static_cast<char>(chance.next()));
      break;
    case 2:
      input.erase(at, 1 + chance.below(8));
      break;
    case 3:  // a piece of another entry
      input.insert(at, other.substr(from, 1 + chance.below(12)));
      break;
    case 4:  // the end of another entry
      input = input.substr(0, at) + other.substr(from);
      break;
    case 5: {  // a piece again and again
      const std::string piece = input.substr(at, 1 + chance.below(6));
      for (size_t i = 1 + chance.below(200); i > 0; --i) input.insert(at, piece);
      break;
    }
    default:
      if (at < input.size()) input[at] = static_cast<char>(input[at] ^ (1 << chance.below(8)));
  }
  if (input.size() > kMostBytes) input.resize(kMostBytes);
}

void run(const std::string& input) {
  current_input = &input;
  LLVMFuzzerTestOneInput(reinterpret_cast<const uint8_t*>(input.data()), input.size());
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) {
    std::fprintf(stderr, "usage: %s CORPUS_FOLDER [seconds]\n", argv[0]);
    return 2;
  }
  std::signal(SIGABRT, save_input);
  std::signal(SIGSEGV, save_input);
  std::vector<std::string> corpus = read_corpus(argv[1]);
  if (corpus.empty()) corpus.emplace_back();
  for (const std::string& input : corpus) run(input);
  const char* wanted = argc > 2 ? argv[2] : std::getenv("GRADUS_FUZZ_SECONDS");
  const double seconds = wanted != nullptr ? std::strtod(wanted, nullptr) : 2.0;
  const auto end = std::chrono::steady_clock::now() + std::chrono::duration<double>(seconds);
  Chance chance;
  int64_t num_runs = 0;
  while (std::chrono::steady_clock::now() < end) {
    std::string input = corpus[chance.below(corpus.size())];
    for (size_t i = 1 + chance.below(6); i > 0; --i) mutate_once(input, corpus, chance);
    run(input);
    ++num_runs;
  }
  std::printf("%zu inputs of the corpus, %lld mutations, no finding\n", corpus.size(),
              static_cast<long long>(num_runs));
  return 0;
}
