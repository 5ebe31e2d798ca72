#include <fmt/format.h>

#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <ostream>

#include "base/atomic_file.h"
#include "base/error.h"
#include "base/json.h"
#include "cli/commands/commands.h"
#include "cli/quantity.h"
#include "cli/text_table.h"
#include "policy/formats/checkpoint_source.h"
#include "policy/formats/expected_tensors.h"
#include "policy/formats/model_config.h"
#include "rl/cost_model.h"

namespace gradus::cli {
namespace {

constexpr int64_t kMaxConfigBytes = int64_t{16} << 20;

struct Options {
  std::string path;
  std::string config;
  bool with_tensors = false;
  bool as_json = false;
};

struct Info {
  policy::ModelConfig config;
  rl::ParameterCount parameters;
  rl::MemoryEstimate training;                           ///< with a recipe's defaults
  std::unique_ptr<policy::CheckpointSource> checkpoint;  ///< null: a config alone
};

Info read_info(const Options& options) {
  if (options.path.empty() == options.config.empty()) {
    throw ArgumentError("model info: give either a checkpoint's PATH or --config FILE");
  }
  Info info;
  if (!options.config.empty()) {
    const auto json = parse_json(read_file(options.config, kMaxConfigBytes), options.config);
    info.config = policy::parse_model_config(json, options.config);
  } else {
    info.checkpoint = policy::open_checkpoint(options.path);
    info.config = policy::load_model_config(*info.checkpoint);
  }
  info.parameters = rl::count_parameters(info.config);
  info.training = rl::estimate_memory(info.config, rl::RunConfig{});
  return info;
}

nlohmann::json tensors_json(const policy::CheckpointSource& checkpoint) {
  nlohmann::json tensors = nlohmann::json::object();
  for (const auto& [name, tensor] : checkpoint.tensors()) {
    tensors[name] = {{"dtype", std::string(policy::dtype_name(tensor.dtype))},
                     {"shape", tensor.shape}};
  }
  return tensors;
}

nlohmann::json as_json(const Info& info, bool with_tensors) {
  const auto& config = info.config;
  const auto& count = info.parameters;
  nlohmann::json training = nlohmann::json::object();
  for (const auto& [part, bytes] : info.training.parts) training[part] = bytes;
  nlohmann::json json{
      {"architecture", config.architecture},
      {"model_type", config.model_type},
      {"parameters", count.total()},
      {"active_parameters", count.active},
      {"parameters_by_part",
       {{"embedding", count.embedding},
        {"head", count.head},
        {"attention", count.attention},
        {"feed_forward", count.feed_forward},
        {"norms", count.norms}}},
      {"layers", config.num_layers},
      {"hidden_size", config.hidden_size},
      {"heads", config.num_heads},
      {"kv_heads", config.num_kv_heads},
      {"head_dim", config.head_dim},
      {"vocab_size", config.vocab_size},
      {"context", config.max_position_embeddings},
      {"dtype", std::string(policy::dtype_name(config.dtype))},
      {"kv_bytes_per_token", policy::kv_bytes_per_token(info.config, policy::DType::BF16)},
      {"kv_bytes_per_token_float32", policy::kv_bytes_per_token(info.config, policy::DType::F32)},
      {"weight_bytes_bfloat16", 2 * count.total()},
      {"weight_bytes_float32", 4 * count.total()},
      {"training_memory_bytes", info.training.total()},
      {"training_memory_by_part", training}};
  if (info.checkpoint != nullptr) {
    json["path"] = info.checkpoint->path().string();
    json["tensors"] = info.checkpoint->tensors().size();
    json["warnings"] = info.checkpoint->warnings();
    if (with_tensors) json["tensor_list"] = tensors_json(*info.checkpoint);
  }
  return json;
}

std::string tensors_text(const policy::CheckpointSource& checkpoint) {
  TextTable table({"tensor", "dtype", "shape"});
  for (const auto& [name, tensor] : checkpoint.tensors()) {
    table.add(
        {name, std::string(policy::dtype_name(tensor.dtype)), policy::shape_text(tensor.shape)});
  }
  return "\n" + table.text();
}

std::string as_text(const Info& info, bool with_tensors) {
  const auto& config = info.config;
  const auto& count = info.parameters;
  auto bytes = [](int64_t n) { return bytes_text(static_cast<double>(n)); };
  auto many = [](int64_t n) { return count_text(static_cast<double>(n)); };
  std::string text = fmt::format(
      "{} ({})\n"
      "parameters      {} ({} active per token)\n"
      "  embedding     {}\n  head          {}\n  attention     {}\n  feed-forward  {}\n"
      "  norms         {}\n",
      config.architecture, config.model_type, many(count.total()), many(count.active),
      many(count.embedding), count.head == 0 ? "the embedding's matrix" : many(count.head),
      many(count.attention), many(count.feed_forward), many(count.norms));
  text += fmt::format(
      "shape           {} layers, width {}, {} heads of {} ({} for keys and values)\n"
      "vocabulary      {}\ncontext         {}\ndtype           {}\n",
      config.num_layers, config.hidden_size, config.num_heads, config.head_dim, config.num_kv_heads,
      config.vocab_size, config.max_position_embeddings, policy::dtype_name(config.dtype));
  text += fmt::format("KV cache        {} a token in bfloat16, {} in float32\n",
                      bytes(policy::kv_bytes_per_token(info.config, policy::DType::BF16)),
                      bytes(policy::kv_bytes_per_token(info.config, policy::DType::F32)));
  text += fmt::format("weights         {} in bfloat16, {} in float32\n", bytes(2 * count.total()),
                      bytes(4 * count.total()));
  text += fmt::format("training        about {} with a recipe's defaults:\n",
                      bytes(info.training.total()));
  for (const auto& [part, size] : info.training.parts) {
    text += fmt::format("  {:<30} {}\n", part, bytes(size));
  }
  if (info.checkpoint == nullptr) return text;
  for (const auto& warning : info.checkpoint->warnings()) text += "warning: " + warning + "\n";
  return with_tensors ? text + tensors_text(*info.checkpoint) : text;
}

}  // namespace

void add_model_info(CLI::App& parent, Session& session) {
  auto options = std::make_shared<Options>();
  CLI::App* app =
      parent.add_subcommand("info", "parameters, shape and memory of a checkpoint or a config");
  app->add_option("path", options->path, "checkpoint: a Hugging Face directory or a GGUF file");
  app->add_option("--config", options->config, "a config.json alone, without weights");
  app->add_flag("--tensors", options->with_tensors, "list all tensors");
  app->add_flag("--json", options->as_json, "one JSON object");
  app->callback([options, &session] {
    const Info info = read_info(*options);
    session.out << (options->as_json ? dump_json(as_json(info, options->with_tensors)) + "\n"
                                     : as_text(info, options->with_tensors));
  });
}

}  // namespace gradus::cli
