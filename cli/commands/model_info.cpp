#include <fmt/format.h>

#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <ostream>

#include "base/error.h"
#include "base/json.h"
#include "base/quantity.h"
#include "cli/commands/command_record.h"
#include "cli/model_options.h"
#include "cli/text_table.h"
#include "policy/formats/checkpoint_source.h"
#include "policy/formats/expected_tensors.h"
#include "policy/formats/model_config.h"
#include "rl/learn/flops.h"
#include "rl/recipe/cost_model.h"
#include "rl/recipe/model_memory.h"

namespace gradus::cli {
namespace {

constexpr int64_t kMaxDevices = 1'000'000;

struct ModelInfoOptions {
  std::string path;
  std::string config;
  bool with_tensors = false;
  bool as_json = false;
  std::string precision;
  int64_t devices = 1;
};

struct Info {
  policy::ModelConfig config;
  policy::ParameterCount parameters;
  rl::WeightPrecision precision = rl::WeightPrecision::bfloat16;
  rl::ModelMemory memory;
  rl::MemoryEstimate training;                           ///< with a recipe's defaults
  std::unique_ptr<policy::CheckpointSource> checkpoint;  ///< null: a config alone
};

struct PrecisionName {
  const char* name;
  rl::WeightPrecision value;
};
constexpr PrecisionName kPrecisions[] = {{"float32", rl::WeightPrecision::float32},
                                         {"bfloat16", rl::WeightPrecision::bfloat16},
                                         {"fp8", rl::WeightPrecision::fp8}};

/// By default the checkpoint's own.
rl::WeightPrecision precision_of(const std::string& name, const policy::ModelConfig& config) {
  if (name.empty()) {
    if (config.fp8) return rl::WeightPrecision::fp8;
    return config.dtype == policy::DType::F32 ? rl::WeightPrecision::float32
                                              : rl::WeightPrecision::bfloat16;
  }
  for (const auto& known : kPrecisions) {
    if (name == known.name) return known.value;
  }
  throw ArgumentError("--precision: is " + name + ", must be float32, bfloat16 or fp8");
}

const char* name_of(rl::WeightPrecision precision) {
  for (const auto& known : kPrecisions) {
    if (precision == known.value) return known.name;
  }
  throw ArgumentError("a precision without a name");
}

Info read_info(const ModelInfoOptions& options) {
  if (options.path.empty() == options.config.empty()) {
    throw ArgumentError("model info: give either a checkpoint's PATH or --config FILE");
  }
  Info info;
  if (!options.config.empty()) {
    const auto json = read_json(options.config);
    info.config = policy::parse_model_config(json, options.config);
  } else {
    info.checkpoint = policy::open_checkpoint(checkpoint_path(options.path));
    info.config = policy::load_model_config(*info.checkpoint);
  }
  info.parameters = policy::count_parameters(info.config);
  info.precision = precision_of(options.precision, info.config);
  if (options.devices < 1 || options.devices > kMaxDevices) {
    throw ArgumentError(
        fmt::format("--devices: is {}, must be from 1 to {}", options.devices, kMaxDevices));
  }
  info.memory = rl::model_memory(info.config, info.precision, options.devices);
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

/// What a mixture or a latent adds to a model's shape; empty objects where there is none.
nlohmann::json kinds_json(const policy::ModelConfig& config) {
  nlohmann::json json = nlohmann::json::object();
  if (config.moe.num_experts > 0) {
    json["experts"] = {{"routed", config.moe.num_experts},
                       {"shared", config.moe.num_shared_experts},
                       {"per_token", config.moe.num_experts_per_token},
                       {"groups", config.moe.num_groups},
                       {"kept_groups", config.moe.num_kept_groups},
                       {"width", config.moe.expert_size}};
  }
  if (config.latent.kv_rank > 0) {
    json["latent_attention"] = {{"q_rank", config.latent.q_rank},
                                {"kv_rank", config.latent.kv_rank},
                                {"nope_dim", config.latent.nope_dim},
                                {"rope_dim", config.latent.rope_dim},
                                {"value_dim", config.latent.value_dim}};
  }
  return json;
}

nlohmann::json memory_json(const Info& info) {
  const auto& memory = info.memory;
  return {{"precision", name_of(info.precision)},
          {"devices", memory.num_devices},
          {"weights", memory.weights},
          {"master_weights", memory.master_weights},
          {"gradients", memory.gradients},
          {"optimizer_adamw", memory.adamw},
          {"optimizer_adamw_8bit", memory.adamw_8bit},
          {"cache_per_token", memory.cache_per_token},
          {"cache_at_full_context", memory.cache_at_full_context},
          {"inference", memory.inference()},
          {"training", memory.training()}};
}

nlohmann::json flops_json(const policy::ModelConfig& config) {
  const double last = rl::forward_flops(config, config.max_position_embeddings - 1);
  return {{"forward", rl::forward_flops(config, 0)},
          {"forward_at_full_context", last},
          {"training", rl::training_flops(config, 1, false)}};
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
      {"active_parameters_without_embedding", count.active_without_embedding()},
      {"mtp_parameters", count.mtp},
      {"parameters_by_part",
       {{"embedding", count.embedding},
        {"head", count.head},
        {"attention", count.attention},
        {"feed_forward", count.feed_forward},
        {"norms", count.norms}}},
      {"flops_per_token", flops_json(config)},
      {"memory_per_device", memory_json(info)},
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
      {"kv_bytes_per_token_multi_head",
       policy::multi_head_kv_bytes_per_token(info.config, policy::DType::BF16)},
      {"mtp_layers", config.num_mtp_layers},
      {"weight_bytes_bfloat16", 2 * count.total()},
      {"weight_bytes_float32", 4 * count.total()},
      {"training_memory_bytes", info.training.total()},
      {"training_memory_by_part", training}};
  json.update(kinds_json(config));
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

std::string many(int64_t n) {
  return count_text(static_cast<double>(n));
}
std::string bytes(int64_t n) {
  return bytes_text(static_cast<double>(n));
}

std::string parameters_text(const Info& info) {
  const auto& count = info.parameters;
  std::string text = fmt::format(
      "{} ({})\n"
      "parameters      {} ({} active per token, {} without the embedding)\n"
      "  embedding     {}\n  head          {}\n  attention     {}\n  feed-forward  {}\n"
      "  norms         {}\n",
      info.config.architecture, info.config.model_type, exact_text(count.total()),
      exact_text(count.active), exact_text(count.active_without_embedding()), many(count.embedding),
      count.head == 0 ? "the embedding's matrix" : many(count.head), many(count.attention),
      many(count.feed_forward), many(count.norms));
  if (info.config.num_mtp_layers > 0) {
    text += fmt::format("  prediction    {} in {} more layers, beside the total\n",
                        exact_text(count.mtp), info.config.num_mtp_layers);
  }
  return text;
}

std::string attention_text(const policy::ModelConfig& config) {
  const auto& latent = config.latent;
  if (latent.kv_rank == 0) {
    return fmt::format("{} heads of {} ({} for keys and values)", config.num_heads, config.head_dim,
                       config.num_kv_heads);
  }
  return fmt::format("{} heads of {} + {} (values {}) from latents of {}", config.num_heads,
                     latent.nope_dim, latent.rope_dim, latent.value_dim, latent.kv_rank);
}

std::string shape_lines(const policy::ModelConfig& config) {
  std::string text = fmt::format("shape           {} layers, width {}, {}\n", config.num_layers,
                                 config.hidden_size, attention_text(config));
  const auto& moe = config.moe;
  if (moe.num_experts > 0) {
    text +=
        fmt::format("experts         {} of width {}, {} for a token; {} shared\n", moe.num_experts,
                    moe.expert_size, moe.num_experts_per_token, moe.num_shared_experts);
  }
  return text + fmt::format("vocabulary      {}\ncontext         {}\ndtype           {}{}\n",
                            config.vocab_size, config.max_position_embeddings,
                            policy::dtype_name(config.dtype),
                            config.fp8 ? ", projections in FP8" : "");
}

std::string cache_text(const policy::ModelConfig& config) {
  const int64_t own = policy::kv_bytes_per_token(config, policy::DType::BF16);
  const int64_t full = policy::multi_head_kv_bytes_per_token(config, policy::DType::BF16);
  return fmt::format(
      "KV cache        {} a token in bfloat16, {} in float32; full multi-head attention: {} "
      "({:.1f} times as much)\n",
      bytes(own), bytes(policy::kv_bytes_per_token(config, policy::DType::F32)), bytes(full),
      static_cast<double>(full) / static_cast<double>(own));
}

std::string memory_text(const Info& info) {
  const auto& memory = info.memory;
  std::string text =
      fmt::format("memory          in {}, {}\n", name_of(info.precision),
                  memory.num_devices == 1
                      ? "on one device"
                      : fmt::format("a device of {} that share evenly", memory.num_devices));
  const auto add = [&](const char* part, int64_t size) {
    text += fmt::format("  {:<30} {}\n", part, bytes(size));
  };
  add("weights", memory.weights);
  if (memory.master_weights > 0) add("master weights (float32)", memory.master_weights);
  add("gradients (float32)", memory.gradients);
  add("optimizer, adamw", memory.adamw);
  add("optimizer, adamw_8bit", memory.adamw_8bit);
  add("cache of one full context", memory.cache_at_full_context);
  add("inference, together", memory.inference());
  add("training with adamw, together", memory.training());
  return text;
}

std::string as_text(const Info& info, bool with_tensors) {
  const auto& config = info.config;
  const auto flops = [&](double n) { return flops_text(n); };
  std::string text = parameters_text(info) + shape_lines(config) + cache_text(config);
  text += fmt::format("compute         {} a token, {} at the end of the context; training {}\n",
                      flops(rl::forward_flops(config, 0)),
                      flops(rl::forward_flops(config, config.max_position_embeddings - 1)),
                      flops(rl::training_flops(config, 1, false)));
  text += memory_text(info);
  text += fmt::format("training        about {} with a recipe's defaults:\n",
                      bytes(info.training.total()));
  for (const auto& [part, size] : info.training.parts) {
    text += fmt::format("  {:<30} {}\n", part, bytes(size));
  }
  if (info.checkpoint == nullptr) return text;
  for (const auto& warning : info.checkpoint->warnings()) text += "warning: " + warning + "\n";
  return with_tensors ? text + tensors_text(*info.checkpoint) : text;
}

void declare_model_info(Command app, Session& session) {
  auto options = std::make_shared<ModelInfoOptions>();
  app.add_option("path", options->path, "checkpoint: a Hugging Face directory or a GGUF file");
  app.add_option("--config", options->config, "a config.json alone, without weights");
  app.add_option("--precision", options->precision,
                 "of the weights in memory: float32, bfloat16 or fp8; default: the checkpoint's");
  app.add_option("--devices", options->devices,
                 "devices that share weights, gradients and moments evenly");
  app.add_flag("--tensors", options->with_tensors, "list all tensors");
  app.add_flag("--json", options->as_json, "one JSON object");
  app.callback([options, &session] {
    const Info info = read_info(*options);
    session.out << (options->as_json ? dump_json(as_json(info, options->with_tensors)) + "\n"
                                     : as_text(info, options->with_tensors));
  });
}

}  // namespace

extern const CommandRecord kModelInfoCommand{
    "model", "info", "parameters, shape and memory of a checkpoint or a config",
    declare_model_info};

}  // namespace gradus::cli
