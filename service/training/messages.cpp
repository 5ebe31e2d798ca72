#include "service/training/messages.h"

#include <fmt/format.h>

#include <cmath>
#include <cstring>

#include "service/training/protobuf.h"

namespace gradus::service {
namespace {

constexpr size_t kMostData = 1024;
constexpr size_t kMostDimensions = 16;
constexpr int64_t kFloat32 = 1;
constexpr int64_t kInt64 = 2;
constexpr int64_t kInt32 = 3;
constexpr float kNoLogprob = -99999.0F;

WireTensor read_tensor_field(std::string_view bytes) {
  WireTensor tensor;
  for (ProtoReader in(bytes); in.next();) {
    if (in.field() == 1) tensor.dense = in.bytes();
    if (in.field() == 2) tensor.is_sparse = true;
    if (in.field() == 3) tensor.dtype = static_cast<int64_t>(in.varint());
    if (in.field() != 4) continue;
    if (in.kind() == ProtoReader::Kind::varint) {
      tensor.shape.push_back(static_cast<int64_t>(in.varint()));
    } else {
      for (ProtoReader packed(in.bytes());
           !packed.is_over() && tensor.shape.size() <= kMostDimensions;)
        tensor.shape.push_back(static_cast<int64_t>(packed.take_varint()));
    }
    if (tensor.shape.size() > kMostDimensions) throw WireError("a shape has too many dimensions");
  }
  return tensor;
}

WireDatum read_datum(std::string_view bytes) {
  WireDatum datum;
  for (ProtoReader in(bytes); in.next();) {
    if (in.field() == 1) {
      for (ProtoReader chunk(in.bytes()); chunk.next();) {
        if (chunk.field() != 1) {
          datum.has_images = true;
          continue;
        }
        for (ProtoReader text(chunk.bytes()); text.next();)
          if (text.field() == 1) datum.chunks.push_back(text.bytes());
      }
    } else if (in.field() == 2) {
      std::string key;
      WireTensor tensor;
      for (ProtoReader entry(in.bytes()); entry.next();) {
        if (entry.field() == 1) key = std::string(entry.bytes());
        if (entry.field() == 2) tensor = read_tensor_field(entry.bytes());
      }
      datum.inputs.insert_or_assign(key, std::move(tensor));
    }
  }
  return datum;
}

void read_config(std::string_view bytes, bool is_second, WireForwardBackward& request) {
  std::string key;
  double number = 0.0;
  bool is_text = false;
  for (ProtoReader entry(bytes); entry.next();) {
    if (entry.field() == 1) key = std::string(entry.bytes());
    if (entry.field() != 2) continue;
    if (!is_second) {
      number = entry.real();
      continue;
    }
    for (ProtoReader value(entry.bytes()); value.next();) {
      if (value.field() == 1) number = value.real();
      is_text = is_text || value.field() == 2;
    }
  }
  if (is_text) {
    request.text_config.push_back(key);
  } else {
    request.config[key] = number;
  }
}

/// The number of elements, once shape, type and bytes agree.
int64_t count_elements(const WireTensor& tensor, const std::string& where) {
  if (tensor.is_sparse) throw RequestError(where + ": sparse tensors are not supported");
  if (tensor.dtype != kFloat32 && tensor.dtype != kInt64 && tensor.dtype != kInt32)
    throw RequestError(where + ": its dtype must be float32, int64 or int32");
  if (tensor.shape.size() > 1)
    throw RequestError(where +
                       ": must have one dimension; targets of several tokens a place are "
                       "not supported");
  const int64_t width = tensor.dtype == kInt64 ? 8 : 4;
  const auto bytes = static_cast<int64_t>(tensor.dense.size());
  const int64_t count = bytes / width;
  if (bytes % width != 0 || (!tensor.shape.empty() && tensor.shape.front() != count))
    throw RequestError(where + ": its bytes do not fit its shape and dtype");
  return count;
}

std::vector<float> read_floats(const WireTensor& tensor, const std::string& where) {
  const int64_t count = count_elements(tensor, where);
  if (tensor.dtype != kFloat32) throw RequestError(where + ": must be float32");
  std::vector<float> values(static_cast<size_t>(count));
  if (count > 0) std::memcpy(values.data(), tensor.dense.data(), tensor.dense.size());
  for (const float value : values)
    if (!std::isfinite(value)) throw RequestError(where + ": holds NaN or infinity");
  return values;
}

std::vector<int64_t> read_integers(const WireTensor& tensor, const std::string& where) {
  const int64_t count = count_elements(tensor, where);
  if (tensor.dtype == kFloat32) throw RequestError(where + ": must be int64");
  std::vector<int64_t> values(static_cast<size_t>(count));
  for (size_t i = 0; i < values.size(); ++i) {
    if (tensor.dtype == kInt64) {
      std::memcpy(&values[i], tensor.dense.data() + 8 * i, 8);
    } else {
      int32_t value = 0;
      std::memcpy(&value, tensor.dense.data() + 4 * i, 4);
      values[i] = value;
    }
  }
  return values;
}

std::vector<int64_t> read_tokens(const WireDatum& datum, const std::string& where) {
  if (datum.has_images) throw RequestError(where + ": images and audio are not supported");
  std::vector<int64_t> tokens;
  for (const auto chunk : datum.chunks) {
    if (chunk.size() % 4 != 0) throw RequestError(where + ".model_input: its bytes are no tokens");
    for (size_t i = 0; i < chunk.size(); i += 4) {
      int32_t token = 0;
      std::memcpy(&token, chunk.data() + i, 4);
      tokens.push_back(token);
    }
  }
  return tokens;
}

void check_ids(const std::vector<int64_t>& ids, int64_t vocab_size, const std::string& where) {
  for (const int64_t id : ids) {
    if (id < 0 || id >= vocab_size)
      throw RequestError(
          fmt::format("{}: {} is no token; the vocabulary has {}", where, id, vocab_size));
  }
}

std::string tensor_bytes(std::string_view dense, int64_t dtype, const std::vector<int64_t>& shape) {
  ProtoWriter tensor;
  tensor.bytes(1, dense);
  tensor.varint(3, static_cast<uint64_t>(dtype));
  for (const int64_t size : shape) tensor.varint(4, static_cast<uint64_t>(size));
  return tensor.text();
}

std::string top_bytes(const std::vector<std::vector<std::pair<int32_t, float>>>& rows, int k) {
  std::vector<int32_t> ids;
  std::vector<float> logprobs;
  for (const auto& row : rows) {
    for (size_t i = 0; i < static_cast<size_t>(k); ++i) {
      ids.push_back(i < row.size() ? row[i].first : 0);
      logprobs.push_back(i < row.size() ? row[i].second : kNoLogprob);
    }
  }
  ProtoWriter out;
  out.bytes(1, bytes_of(ids));
  out.bytes(2, bytes_of(logprobs));
  out.varint(3, static_cast<uint64_t>(k));
  out.varint(4, rows.size());
  return out.text();
}

}  // namespace

WireForwardBackward read_forward_backward(std::string_view body) {
  WireForwardBackward request;
  for (ProtoReader in(body); in.next();) {
    switch (in.field()) {
      case 1:
        request.model_id = std::string(in.bytes());
        break;
      case 2:
        request.seq_id = static_cast<int32_t>(in.varint());
        break;
      case 3:
        request.data.push_back(read_datum(in.bytes()));
        break;
      case 4:
        request.loss_fn = std::string(in.bytes());
        break;
      case 5:
      case 7:
        read_config(in.bytes(), in.field() == 7, request);
        break;
      case 6:
        request.forward_only = in.varint() != 0;
        break;
      default:
        break;
    }
  }
  return request;
}

std::string plain_forward_backward(std::string_view body) {
  const auto request = read_forward_backward(body);
  ProtoWriter out;
  out.bytes(1, request.model_id);
  out.varint(2, static_cast<uint64_t>(request.seq_id));
  out.bytes(4, request.loss_fn);
  out.varint(6, request.forward_only ? 1 : 0);
  for (const auto& [key, value] : request.config) {
    out.bytes(5, key);
    out.real(5, value);
  }
  for (const auto& key : request.text_config) out.bytes(7, key);
  for (const auto& datum : request.data) {
    out.varint(3, datum.has_images ? 1 : 0);
    for (const auto chunk : datum.chunks) out.bytes(3, chunk);
    for (const auto& [name, tensor] : datum.inputs) {
      out.bytes(8, name);
      out.bytes(9, tensor.dense);
      out.varint(10, static_cast<uint64_t>(tensor.dtype));
      out.varint(11, tensor.is_sparse ? 1 : 0);
      for (const int64_t size : tensor.shape) out.varint(12, static_cast<uint64_t>(size));
    }
  }
  return out.text();
}

std::vector<TrainingDatum> read_data(const WireForwardBackward& request,
                                     const BatchLimits& limits) {
  if (request.data.empty()) throw RequestError("data: is empty");
  if (request.data.size() > kMostData)
    throw RequestError(fmt::format("data: at most {} sequences a request", kMostData));
  std::vector<TrainingDatum> data;
  for (size_t i = 0; i < request.data.size(); ++i) {
    const std::string where = fmt::format("data[{}]", i);
    const WireDatum& wire = request.data[i];
    TrainingDatum datum;
    datum.tokens = read_tokens(wire, where);
    if (datum.tokens.empty()) throw RequestError(where + ".model_input: is empty");
    if (std::ssize(datum.tokens) > limits.context_length)
      throw RequestError(fmt::format("{}.model_input: has {} tokens, the model's context is {}",
                                     where, datum.tokens.size(), limits.context_length));
    check_ids(datum.tokens, limits.vocab_size, where + ".model_input");
    for (const auto& [name, tensor] : wire.inputs) {
      const std::string field = where + ".loss_fn_inputs." + name;
      const bool is_target = name == "target_tokens";
      size_t size = 0;
      if (is_target) {
        datum.targets = read_integers(tensor, field);
        check_ids(datum.targets, limits.vocab_size, field);
        size = datum.targets.size();
      } else {
        size = datum.inputs.insert_or_assign(name, read_floats(tensor, field)).first->second.size();
      }
      if (size != datum.tokens.size())
        throw RequestError(fmt::format("{}: has {} values for {} tokens of model_input", field,
                                       size, datum.tokens.size()));
    }
    if (datum.targets.empty())
      throw RequestError(where + ".loss_fn_inputs: target_tokens are missing");
    data.push_back(std::move(datum));
  }
  return data;
}

std::string write_forward_backward_output(const std::vector<std::vector<float>>& logprobs,
                                          const std::map<std::string, double>& metrics) {
  ProtoWriter out;
  out.bytes(1, "ArrayRecord");
  for (const auto& values : logprobs) {
    const std::vector<int64_t> offsets{0, static_cast<int64_t>(values.size() * sizeof(float))};
    ProtoWriter tensor;
    tensor.bytes(1, bytes_of(values));
    tensor.bytes(2, bytes_of(offsets));
    tensor.varint(3, kFloat32);
    ProtoWriter field;
    field.bytes(1, "logprobs");
    field.bytes(2, tensor.text());
    ProtoWriter record;
    record.bytes(2, field.text());
    record.varint(3, 1);
    out.bytes(2, record.text());
  }
  for (const auto& [name, value] : metrics) {
    ProtoWriter entry;
    entry.bytes(1, name);
    entry.real(2, value);
    out.bytes(3, entry.text());
  }
  return out.text();
}

std::string write_sample(const WireSample& sample) {
  ProtoWriter out;
  for (const auto& sequence : sample.sequences) {
    ProtoWriter one;
    one.varint(1, sequence.is_stopped ? 0 : 1);
    one.bytes(2, bytes_of(sequence.tokens));
    one.bytes(3, bytes_of(sequence.logprobs));
    if (sample.num_top > 0) one.bytes(4, top_bytes(sequence.top, sample.num_top));
    out.bytes(1, one.text());
  }
  if (sample.has_prompt_logprobs) out.bytes(2, bytes_of(sample.prompt_logprobs));
  if (sample.num_top_prompt > 0) out.bytes(3, top_bytes(sample.prompt_top, sample.num_top_prompt));
  if (!sample.target_shape.empty())
    out.bytes(5, tensor_bytes(bytes_of(sample.target_logprobs), kFloat32, sample.target_shape));
  if (!sample.drawn_shape.empty()) {
    ProtoWriter drawn;
    drawn.bytes(1, tensor_bytes(bytes_of(sample.drawn), kInt64, sample.drawn_shape));
    drawn.bytes(2, tensor_bytes(bytes_of(sample.drawn_logprobs), kFloat32, sample.drawn_shape));
    out.bytes(6, drawn.text());
  }
  return out.text();
}

}  // namespace gradus::service
