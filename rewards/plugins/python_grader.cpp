#include "rewards/plugins/python_grader.h"

#include "base/error.h"
#include "base/sha256.h"
#include "rewards/plugins/plugin_rule.h"
#include "rewards/plugins/python_worker.h"

namespace gradus::rewards {
namespace {

using nlohmann::json;

constexpr size_t kMaxSourceBytes = 256'000;
constexpr const char* kName = "grader.py";

PluginProgram program_of(const std::string& source, const PythonGraderConfig& config,
                         sandbox::Rung rung) {
  if (source.size() > kMaxSourceBytes) {
    throw FileError(kName, "invalid_reward_file",
                    "has " + std::to_string(source.size()) + " bytes, must have at most 256 kB");
  }
  PluginProgram program;
  program.worker = python_program(config.interpreter, config.plugin);
  program.worker.load = {{"path", std::string("/tmp/") + kName},
                         {"source", source},
                         {"function", "grade"},
                         {"form", "openai"},
                         {"owns_namespace", rung == sandbox::Rung::namespaces}};
  program.unit = PluginUnit::sample;
  program.version = "sha256:" + sha256(source);
  program.where = kName;
  // The sample and the item travel as the input's row.
  program.group_request = [](std::span<const RewardInput> group) {
    json samples = json::array();
    json contexts = json::array();
    for (const RewardInput& input : group) {
      contexts.push_back({{"row", input.row->at("item")}});
      samples.push_back({{"context", contexts.size() - 1}, {"sample", input.row->at("sample")}});
    }
    return json{{"contexts", std::move(contexts)}, {"samples", std::move(samples)}};
  };
  return program;
}

}  // namespace

struct PythonGrader::Pool {
  std::shared_ptr<const sandbox::Sandbox> sandbox;
  PluginRule rule;

  Pool(const std::string& source, const PythonGraderConfig& config)
      : sandbox(std::make_shared<const sandbox::Sandbox>(config.plugin.isolation)),
        rule("python", sandbox, program_of(source, config, sandbox->rung()),
             config.plugin.num_workers) {}
};

PythonGrader::PythonGrader(const std::string& source, const PythonGraderConfig& config)
    : pool_(std::make_unique<Pool>(source, config)) {}

PythonGrader::~PythonGrader() = default;

Grade PythonGrader::grade(const json& sample, const json& item) {
  const json row{{"sample", sample}, {"item", item}};
  RewardInput input;
  input.row = &row;
  return pool_->rule.grade({&input, 1}).at(0);
}

const std::string& PythonGrader::version() const {
  return pool_->rule.version();
}

}  // namespace gradus::rewards
