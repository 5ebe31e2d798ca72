// The one command that works on tensors itself: it is how the model's arithmetic is compared with
// another implementation's, so it goes through Policy exactly as training does.

#include <ATen/core/Tensor.h>
#include <c10/core/GradMode.h>
#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <limits>
#include <memory>
#include <span>

#include "base/error.h"
#include "cli/commands/command_record.h"
#include "cli/model_options.h"
#include "policy/batch/layer_trace.h"
#include "policy/formats/safetensors/safetensors.h"
#include "policy/formats/safetensors/safetensors_writer.h"
#include "policy/ops/routing.h"
#include "policy/policy.h"

namespace gradus::cli {
namespace {

namespace fs = std::filesystem;

struct ModelLogitsOptions {
  ModelOptions model;
  fs::path in;
  fs::path out;
  fs::path grads;
  bool wants_hidden = false;
};

// Shapes: B sequences, T positions, V vocabulary.
struct Inputs {
  int64_t B = 0;
  int64_t T = 0;
  std::vector<int64_t> ids_BT;
  std::vector<int64_t> mask_BT;  // 1: a token, 0: padding
};

struct Outputs {
  int64_t V = 0;
  std::vector<float> logits_BTV;    // 0 at padding
  std::vector<float> logprobs_BT1;  // [B, T - 1]; 0 where either place is padding
  /// Of prediction module k + 1, [B, T - k - 1, V]: row i reads token i + k + 1 and scores the one
  /// behind it; 0 where a place is padding.
  std::vector<std::vector<float>> prediction_logits;

  /// What the layers did, where it was asked for; 0 at padding.
  std::vector<std::vector<float>> hidden;          // by layer, [B, T, D]
  std::vector<int> mixture_layers;                 // their numbers
  std::vector<std::vector<int64_t>> experts;       // by mixture layer, [B, T, K]
  std::vector<std::vector<float>> expert_weights;  // the same

  int64_t prediction_length(size_t k, int64_t T) const {
    return std::max<int64_t>(T - static_cast<int64_t>(k) - 1, 0);
  }
};

template <class T>
void append_as_int64(const std::vector<std::byte>& bytes, std::vector<int64_t>& out) {
  for (size_t i = 0; i + sizeof(T) <= bytes.size(); i += sizeof(T)) {
    T value{};
    std::memcpy(&value, bytes.data() + i, sizeof(T));
    out.push_back(static_cast<int64_t>(value));
  }
}

std::vector<int64_t> read_integers(const policy::SafetensorsFile& file, const char* name) {
  const auto& info = file.info(name);
  std::vector<std::byte> bytes(info.num_bytes);
  file.read_raw(name, bytes);
  std::vector<int64_t> values;
  values.reserve(info.num_elements);
  switch (info.dtype) {
    case policy::DType::I64:
      append_as_int64<int64_t>(bytes, values);
      break;
    case policy::DType::I32:
      append_as_int64<int32_t>(bytes, values);
      break;
    case policy::DType::U8:
    case policy::DType::BOOL:
      append_as_int64<uint8_t>(bytes, values);
      break;
    default:
      throw FileError(file.path().string(), "unsupported_dtype",
                      fmt::format("{} is {}, must be whole numbers (I64, I32, U8 or BOOL)", name,
                                  policy::dtype_name(info.dtype)));
  }
  return values;
}

Inputs read_inputs(const fs::path& path) {
  const auto file = policy::SafetensorsFile::open(path);
  const auto& info = file.info("input_ids");
  if (info.shape.size() != 2) {
    throw FileError(path.string(), "bad_shape",
                    "input_ids is " + policy::shape_text(info.shape) + ", must be [B, T]");
  }
  Inputs inputs{info.shape[0], info.shape[1], read_integers(file, "input_ids"), {}};
  inputs.mask_BT.assign(inputs.ids_BT.size(), 1);
  if (const auto* mask = file.find("attention_mask")) {
    if (mask->shape != info.shape) {
      throw FileError(path.string(), "bad_shape",
                      "attention_mask is " + policy::shape_text(mask->shape) + ", input_ids is " +
                          policy::shape_text(info.shape));
    }
    inputs.mask_BT = read_integers(file, "attention_mask");
  }
  return inputs;
}

void check_ids(const Inputs& inputs, const fs::path& path, int64_t vocabulary) {
  for (size_t i = 0; i < inputs.ids_BT.size(); ++i) {
    const int64_t id = inputs.ids_BT[i];
    if (inputs.mask_BT[i] != 0 && (id < 0 || id >= vocabulary)) {
      throw FileError(
          path.string(), "bad_token",
          fmt::format("input_ids[{}] is {}, the model's vocabulary has {}", i, id, vocabulary));
    }
  }
}

// One sequence without its padding; places[r] is where row r stands in the file.
struct Sequence {
  policy::PackedBatch batch;
  std::vector<int64_t> places;
  policy::ScoreList scores;  // pairs of neighbours in the file
};

Sequence sequence_of(const Inputs& inputs, int64_t b) {
  Sequence sequence;
  for (int64_t t = 0; t < inputs.T; ++t) {
    const auto i = static_cast<size_t>(b * inputs.T + t);
    if (inputs.mask_BT[i] == 0) continue;
    const int64_t row = sequence.batch.num_rows();
    if (row > 0 && sequence.places.back() == t - 1) {
      sequence.scores.rows.push_back(row - 1);
      sequence.scores.targets.push_back(inputs.ids_BT[i]);
    }
    sequence.batch.tokens.push_back(inputs.ids_BT[i]);
    sequence.batch.positions.push_back(static_cast<int32_t>(row));
    sequence.places.push_back(t);
  }
  sequence.batch.segments.push_back({0, sequence.batch.num_rows(), -1});
  return sequence;
}

/// Copies a sequence's rows [rows, width] to their places of sequence b in [B, T, width].
void store_rows(const at::Tensor& tensor, const Sequence& sequence, int64_t b, int64_t T,
                std::vector<float>& out) {
  const auto rows = tensor.to(at::kCPU, at::kFloat).contiguous();
  const int64_t width = rows.size(1);
  for (size_t r = 0; r < sequence.places.size(); ++r) {
    std::memcpy(out.data() + (b * T + sequence.places[r]) * width,
                rows.const_data_ptr<float>() + static_cast<int64_t>(r) * width,
                static_cast<size_t>(width) * sizeof(float));
  }
}

void store_logprobs(const at::Tensor& logprobs_S, const Sequence& sequence, int64_t b, int64_t T,
                    Outputs& outputs) {
  const auto values = logprobs_S.detach().cpu().contiguous();
  const float* data = values.const_data_ptr<float>();
  for (size_t s = 0; s < sequence.scores.rows.size(); ++s) {
    const int64_t place = sequence.places[static_cast<size_t>(sequence.scores.rows[s])];
    outputs.logprobs_BT1[static_cast<size_t>(b * (T - 1) + place)] = data[s];
  }
}

/// Runs all prediction modules of a sequence on its own rows, padding left out as elsewhere.
void store_predictions(const policy::Policy& policy, const at::Tensor& hidden,
                       const Sequence& sequence, int64_t b, int64_t T, ThreadTeam& team,
                       Outputs& outputs) {
  const c10::AutoGradMode no_grad(false);
  at::Tensor state = hidden.detach();
  policy::PackedBatch batch = sequence.batch;
  for (size_t k = 0; k < outputs.prediction_logits.size(); ++k) {
    auto shifted = policy::shift_one_token(batch);
    if (shifted.batch.tokens.empty()) return;
    state = policy.predict(static_cast<int>(k), state, shifted, team,
                           policy::PredictionGradient::everything);
    std::vector<int64_t> rows(shifted.batch.tokens.size());
    for (size_t r = 0; r < rows.size(); ++r) rows[r] = static_cast<int64_t>(r);
    const auto logits_RV = policy.logits(state, rows, team).contiguous();
    const int64_t length = outputs.prediction_length(k, T);
    for (size_t r = 0; r < rows.size(); ++r) {
      const int64_t place = sequence.places[r];
      if (place >= length) continue;  // behind a gap
      std::memcpy(outputs.prediction_logits[k].data() + (b * length + place) * outputs.V,
                  logits_RV.const_data_ptr<float>() + static_cast<int64_t>(r) * outputs.V,
                  static_cast<size_t>(outputs.V) * sizeof(float));
    }
    batch = std::move(shifted.batch);
  }
}

/// Room for what the layers do.
void prepare_layers(const policy::ModelConfig& model, const Inputs& inputs, Outputs& outputs) {
  const auto places = static_cast<size_t>(inputs.B * inputs.T);
  outputs.hidden.assign(static_cast<size_t>(model.num_layers) + 1,
                        std::vector<float>(places * static_cast<size_t>(model.hidden_size)));
  for (int layer = 0; layer < model.num_layers; ++layer) {
    if (model.layers[static_cast<size_t>(layer)].ffn == policy::FfnKind::mixture_of_experts) {
      outputs.mixture_layers.push_back(layer);
    }
  }
  const auto num_choices = places * static_cast<size_t>(model.moe.num_experts_per_token);
  outputs.experts.assign(outputs.mixture_layers.size(), std::vector<int64_t>(num_choices));
  outputs.expert_weights.assign(outputs.mixture_layers.size(), std::vector<float>(num_choices));
}

void store_layers(const policy::LayerTrace& trace, const policy::RoutingPass& routing,
                  const Sequence& sequence, int64_t b, int64_t T, Outputs& outputs) {
  for (size_t n = 0; n < trace.hidden.size(); ++n) {
    store_rows(trace.hidden[n], sequence, b, T, outputs.hidden[n]);
  }
  const auto K = static_cast<size_t>(routing.choices.per_token);
  for (size_t m = 0; m < outputs.mixture_layers.size(); ++m) {
    for (size_t r = 0; r < sequence.places.size(); ++r) {
      const auto from = r * static_cast<size_t>(routing.choices.row_size()) + m * K;
      const auto to = static_cast<size_t>(b * T + sequence.places[r]) * K;
      for (size_t k = 0; k < K; ++k) {
        outputs.experts[m][to + k] = routing.choices.experts[from + k];
        outputs.expert_weights[m][to + k] = routing.weights[from + k];
      }
    }
  }
}

int64_t count_pairs(const Inputs& inputs) {
  int64_t count = 0;
  for (int64_t b = 0; b < inputs.B; ++b) {
    count += static_cast<int64_t>(sequence_of(inputs, b).scores.rows.size());
  }
  return count;
}

Outputs compute(const policy::Policy& policy, const Inputs& inputs, bool wants_grads,
                bool wants_hidden, ThreadTeam& team) {
  Outputs outputs;
  outputs.V = policy.model_config().vocab_size;
  outputs.logits_BTV.assign(static_cast<size_t>(inputs.B * inputs.T * outputs.V), 0.0F);
  outputs.logprobs_BT1.assign(static_cast<size_t>(inputs.B * std::max<int64_t>(inputs.T - 1, 0)),
                              0.0F);
  outputs.prediction_logits.resize(static_cast<size_t>(policy.model_config().num_mtp_layers));
  for (size_t k = 0; k < outputs.prediction_logits.size(); ++k) {
    outputs.prediction_logits[k].assign(
        static_cast<size_t>(inputs.B * outputs.prediction_length(k, inputs.T) * outputs.V), 0.0F);
  }
  if (wants_hidden) prepare_layers(policy.model_config(), inputs, outputs);
  const auto num_pairs = static_cast<double>(count_pairs(inputs));
  const c10::AutoGradMode grad_mode(wants_grads);
  for (int64_t b = 0; b < inputs.B; ++b) {
    Sequence sequence = sequence_of(inputs, b);
    if (sequence.places.empty()) continue;
    policy::LayerTrace trace;
    policy::RoutingPass routing;
    if (wants_hidden) {
      routing.keeps_choices = routing.keeps_weights = true;
      sequence.batch.trace = &trace;
      sequence.batch.routing = &routing;
    }
    const auto hidden = policy.forward(sequence.batch, team);
    if (wants_hidden) store_layers(trace, routing, sequence, b, inputs.T, outputs);
    std::vector<int64_t> rows(sequence.places.size());
    for (size_t r = 0; r < rows.size(); ++r) rows[r] = static_cast<int64_t>(r);
    store_rows(policy.logits(hidden.detach(), rows, team), sequence, b, inputs.T,
               outputs.logits_BTV);
    store_predictions(policy, hidden, sequence, b, inputs.T, team, outputs);
    if (sequence.scores.rows.empty()) continue;
    const auto scores = policy.score(hidden, sequence.scores, 1.0, team);
    store_logprobs(scores.logprobs, sequence, b, inputs.T, outputs);
    if (wants_grads) scores.logprobs.sum().div(num_pairs).backward();
  }
  return outputs;
}

policy::RawTensor raw_floats(std::string name, std::vector<int64_t> shape,
                             std::span<const float> values) {
  return policy::narrow(policy::float_tensor(std::move(name), std::move(shape), values),
                        policy::DType::F32);
}

/// hidden.N [B, T, D], router.N.indices and router.N.weights [B * T, K].
void append_layers(const Outputs& outputs, const Inputs& inputs,
                   std::vector<policy::RawTensor>& tensors) {
  const int64_t places = inputs.B * inputs.T;
  if (places == 0) return;
  for (size_t n = 0; n < outputs.hidden.size(); ++n) {
    const int64_t D = std::ssize(outputs.hidden[n]) / places;
    tensors.push_back(
        raw_floats(fmt::format("hidden.{}", n), {inputs.B, inputs.T, D}, outputs.hidden[n]));
  }
  for (size_t m = 0; m < outputs.mixture_layers.size(); ++m) {
    const std::string name = fmt::format("router.{}.", outputs.mixture_layers[m]);
    const int64_t K = std::ssize(outputs.experts[m]) / places;
    policy::RawTensor indices;
    indices.name = name + "indices";
    indices.dtype = policy::DType::I64;
    indices.shape = {places, K};
    indices.read = [&experts = outputs.experts[m]](uint64_t first, std::span<std::byte> out) {
      std::memcpy(out.data(), std::as_bytes(std::span(experts)).data() + first, out.size());
    };
    tensors.push_back(std::move(indices));
    tensors.push_back(raw_floats(name + "weights", {places, K}, outputs.expert_weights[m]));
  }
}

void write_outputs(const Outputs& outputs, const Inputs& inputs, const fs::path& path) {
  std::vector<policy::RawTensor> tensors;
  tensors.push_back(raw_floats("logits", {inputs.B, inputs.T, outputs.V}, outputs.logits_BTV));
  tensors.push_back(
      raw_floats("logprobs", {inputs.B, std::max<int64_t>(inputs.T - 1, 0)}, outputs.logprobs_BT1));
  for (size_t k = 0; k < outputs.prediction_logits.size(); ++k) {
    tensors.push_back(raw_floats(fmt::format("mtp_logits.{}", k + 1),
                                 {inputs.B, outputs.prediction_length(k, inputs.T), outputs.V},
                                 outputs.prediction_logits[k]));
  }
  append_layers(outputs, inputs, tensors);
  policy::write_safetensors(path, std::move(tensors), {{"format", "pt"}});
}

void write_grads(policy::Policy& policy, const fs::path& path) {
  std::vector<at::Tensor> kept;
  std::vector<policy::RawTensor> tensors;
  for (const auto& parameter : policy.parameters()) {
    kept.push_back(parameter.grad.cpu().contiguous());
    const auto& grad = kept.back();
    tensors.push_back(
        raw_floats(parameter.name, grad.sizes().vec(),
                   {grad.const_data_ptr<float>(), static_cast<size_t>(grad.numel())}));
  }
  policy::write_safetensors(path, std::move(tensors), {{"format", "pt"}});
}

void write_logits(const ModelLogitsOptions& options) {
  const Inputs inputs = read_inputs(options.in);
  const bool wants_grads = !options.grads.empty();
  const auto team = make_team(options.model.threads, policy_config(options.model));
  const auto purpose = wants_grads ? policy::Purpose::training : policy::Purpose::inference;
  const auto policy = policy::Policy::load(policy_config(options.model), purpose, *team);
  check_ids(inputs, options.in, policy->model_config().vocab_size);
  write_outputs(compute(*policy, inputs, wants_grads, options.wants_hidden, *team), inputs,
                options.out);
  if (wants_grads) write_grads(*policy, options.grads);
}

void declare_model_logits(Command app, Session& session) {
  auto options = std::make_shared<ModelLogitsOptions>();
  add_model_options(app, options->model);
  app.add_option("--in", options->in,
                 "safetensors with input_ids [B,T] and, if there, attention_mask [B,T]")
      .required();
  app.add_option("--out", options->out,
                 "safetensors to write: logits [B,T,V], logprobs [B,T-1], of prediction module k "
                 "mtp_logits.k [B,T-k,V]; 0 at padding")
      .required();
  app.add_option("--grads", options->grads,
                 "safetensors to write: d(mean of all logprobs)/d(parameter)");
  app.add_flag(
      "--hidden", options->wants_hidden,
      "writes what layers pass on as well: hidden.N [B,T,D] (0: the embedding), of mixtures "
      "router.N.indices and router.N.weights [B*T,K], experts ascending");
  app.callback([options, &session] {
    write_logits(*options);
    session.out << options->out.string() << "\n";
  });
}

}  // namespace

extern const CommandRecord kModelLogitsCommand{
    "model", "logits",
    "logits, logprobs and gradients for given tokens, to compare implementations",
    declare_model_logits};

}  // namespace gradus::cli
