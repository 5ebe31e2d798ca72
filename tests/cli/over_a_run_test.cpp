// What changes while a run goes on, by the real program: references, schedules, which rows are
// asked.
#include <fmt/format.h>

#include <cmath>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <sstream>

#include "policy/formats/safetensors/safetensors.h"
#include "tests/catch.h"
#include "tests/cli/program.h"

namespace gradus::cli {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

const fs::path kNano = fs::path(GRADUS_SOURCE_DIR) / "examples/nano";

/// The nano recipe, made short, with further settings.
void train_nano(const fs::path& dir, const std::vector<std::string>& settings) {
  std::vector<std::string> words{"train", kNano / "grpo.toml", "--run-dir", dir};
  for (const char* setting : {"run.steps=3", "run.eval_every=0", "run.samples_every=1",
                              "rl.prompts_per_step=4", "rl.group_size=4"})
    words.insert(words.end(), {"--set", setting});
  for (const std::string& setting : settings) words.insert(words.end(), {"--set", setting});
  const auto result = run_gradus(words);
  INFO(result.out << result.err);
  REQUIRE(result.exit_code == 0);
}

std::vector<json> lines_of(const fs::path& path) {
  std::istringstream text(read_text(path));
  std::vector<json> lines;
  for (std::string line; std::getline(text, line);) lines.push_back(json::parse(line));
  return lines;
}

/// The largest difference of `average` from decay * before + (1 - decay) * policy, and the largest
/// of `average` from the policy.
std::pair<float, float> differences(const fs::path& before, const fs::path& policy,
                                    const fs::path& average, float decay) {
  using policy::SafetensorsFile;
  const auto first = SafetensorsFile::open(before / "model.safetensors");
  const auto second = SafetensorsFile::open(policy / "model.safetensors");
  const auto third = SafetensorsFile::open(average / "model.safetensors");
  float from_average = 0.0F;
  float from_policy = 0.0F;
  for (const auto& info : third.tensors()) {
    size_t count = 1;
    for (const int64_t size : info.shape) count *= static_cast<size_t>(size);
    std::vector<float> a(count);
    std::vector<float> b(count);
    std::vector<float> c(count);
    first.read_f32(info.name, a);
    second.read_f32(info.name, b);
    third.read_f32(info.name, c);
    for (size_t i = 0; i < count; ++i) {
      const float wanted = decay * a[i] + (1.0F - decay) * b[i];
      from_average = std::max(from_average, std::abs(c[i] - wanted));
      from_policy = std::max(from_policy, std::abs(c[i] - b[i]));
    }
  }
  return {from_average, from_policy};
}

TEST_CASE("a reference that is an average follows the policy by its decay", "[cli][reference]") {
  const TemporaryFolder folder;
  const fs::path dir = folder / "run";
  train_nano(dir, {"rl.kl_coef=0.1", "rl.reference=ema(0.75, 1)", "run.export_checkpoints=true",
                   "run.checkpoint_every=1", "run.keep=10"});
  const std::vector<fs::path> references{kNano / "base", dir / "reference/step-000001",
                                         dir / "reference/step-000002"};
  for (int step = 1; step <= 2; ++step) {
    CAPTURE(step);
    const auto [average, policy] =
        differences(references[step - 1], dir / fmt::format("exports/step-{:06}", step),
                    references[step], 0.75F);
    CHECK(average < 1e-6F);
    CHECK(policy > 1e-5F);
  }
}

TEST_CASE("limits of length and temperatures change by the steps done", "[cli][schedule]") {
  const TemporaryFolder folder;
  const fs::path dir = folder / "run";
  train_nano(dir, {"schedule.max_tokens=[[0, 8], [2, 40]]",
                   "schedule.temperature=[[0, 1.0], [2, 0.001]]"});
  const auto metrics = lines_of(dir / "metrics.jsonl");
  REQUIRE(metrics.size() == 3);
  CHECK(metrics[0]["completions/max_length"] == 8);
  CHECK(metrics[1]["completions/max_length"] == 8);
  CHECK(metrics[2]["completions/max_length"] > 8);
  CHECK(metrics[2]["completions/max_length"] <= 40);
  // Almost at temperature 0 the four answers to a prompt are one, of any length.
  CHECK(metrics[2]["frac_reward_zero_std"] == 1.0);
}

TEST_CASE("rows that fail more often are asked more often", "[cli][data]") {
  const TemporaryFolder folder;
  std::string rows;
  for (int i = 0; i < 200; ++i)
    rows += fmt::format(R"({{"prompt": "What is {} + {}?\n", "answer": "{}", "pass_rate": {}}})"
                        "\n",
                        100 + i, 300 + i, 400 + 2 * i, i % 2 == 0 ? 1.0 : 0.0);
  const auto file = folder.write("rows.jsonl", rows);
  const auto share_of_hard = [&](const std::string& name, const std::vector<std::string>& more) {
    std::vector<std::string> settings{"data.task=",
                                      "data.options={}",
                                      "data.template=",
                                      "data.path=" + file.string(),
                                      "rl.prompts_per_step=16",
                                      "rl.group_size=2",
                                      "rollout.max_tokens=4"};
    settings.insert(settings.end(), more.begin(), more.end());
    train_nano(folder / name, settings);
    int hard = 0;
    int all = 0;
    for (const auto& entry : fs::directory_iterator(folder.path() / name / "samples"))
      for (const json& sample : lines_of(entry.path())) {
        const std::string prompt = sample["prompt"];
        ++all;
        if ((prompt.at(10) - '0') % 2 == 1) ++hard;  // the last digit of the first number
      }
    REQUIRE(all == 3 * 16 * 2);
    return static_cast<double>(hard) / all;
  };
  CHECK(share_of_hard("failure", {"data.order=failure", "data.easy_weight=0.01"}) > 0.9);
  const double plain = share_of_hard("epoch", {});
  CHECK(plain > 0.3);
  CHECK(plain < 0.7);
}

}  // namespace
}  // namespace gradus::cli
