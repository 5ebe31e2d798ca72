#include "rl/recipe/agreement.h"

#include <fmt/format.h>

#include <string>

#include "base/error.h"
#include "base/json.h"
#include "rl/parallel/bytes.h"
#include "rl/parallel/gather.h"
#include "rl/recipe/input_files.h"
#include "rl/run/file_sum.h"

namespace gradus::rl {
namespace {

struct RankInputs {
  std::string program;  ///< checksum of the executable
  nlohmann::json recipe;
  nlohmann::json files;
};

RankInputs read_inputs(const std::string& text) {
  ByteReader in(text);
  RankInputs inputs;
  inputs.program = in.text();
  inputs.recipe = parse_json(in.text(), "recipe of another rank");
  inputs.files = parse_json(in.text(), "inputs of another rank");
  return inputs;
}

/// What differs first; empty: nothing.
std::string difference(const RankInputs& first, const RankInputs& other) {
  if (first.program != other.program)
    return fmt::format("runs another build of gradus (checksum {}, rank 0 has {})", other.program,
                       first.program);
  for (const auto& change : compare_json(first.recipe, other.recipe))
    return fmt::format("has another recipe: {} is {}, on rank 0 {}", change.key,
                       change.right.dump(), change.left.dump());
  for (const auto& change : changed_inputs(first.files, other.files))
    return fmt::format("reads other files than rank 0: {}", change);
  return "";
}

}  // namespace

void check_ranks_agree(Communicator& ranks, RunConfig config, const nlohmann::json& inputs) {
  if (ranks.size() == 1) return;
  config.run.dir.clear();
  nlohmann::json files = inputs;
  files.erase("recipe");
  ByteWriter own;
  own.text(sum_of_file("/proc/self/exe").crc64);
  own.text(dump_json(settings_json(config)));
  own.text(dump_json(files));
  const auto texts = gather_texts(ranks, own.take());
  const RankInputs first = read_inputs(texts[0]);
  for (size_t r = 1; r < texts.size(); ++r)
    if (const auto what = difference(first, read_inputs(texts[r])); !what.empty())
      throw ConfigError(fmt::format("rank {} {}. All ranks must be started alike", r, what));
}

}  // namespace gradus::rl
