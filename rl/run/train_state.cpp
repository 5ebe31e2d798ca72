#include "rl/run/train_state.h"

#include <algorithm>
#include <limits>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/json.h"

namespace gradus::rl {
namespace {

using nlohmann::json;

json to_json(const MetricsRecord& record) {
  return {{"step", record.step}, {"values", record.values}, {"lists", record.lists}};
}

MetricsRecord record_from(const json& object) {
  MetricsRecord record{object.at("step").get<int64_t>(), {}, {}};
  for (const auto& [name, value] : object.at("values").items())
    record.values[name] =
        value.is_null() ? std::numeric_limits<double>::quiet_NaN() : value.get<double>();
  // Absent in checkpoints of before there were lists.
  if (const auto lists = object.find("lists"); lists != object.end())
    record.lists = lists->get<decltype(record.lists)>();
  return record;
}

}  // namespace

std::string state_text(const TrainState& state, int64_t optimizer_steps) {
  const json object{{"step", state.step},
                    {"cursor", state.cursor},
                    {"seed", state.seed},
                    {"skipped_in_a_row", state.skipped_in_a_row},
                    {"num_tokens", state.num_tokens},
                    {"best_accuracy", state.best_accuracy},
                    {"best_step", state.best_step},
                    {"best_metric", state.best_metric},
                    {"stopping", state.stopping},
                    {"unlogged", state.unlogged ? to_json(*state.unlogged) : json(nullptr)},
                    {"log_bytes", state.log_bytes},
                    {"memory", state.memory},
                    {"optimizer_steps", optimizer_steps}};
  return object.dump(2);
}

std::pair<TrainState, int64_t> read_state(const std::string& text, const std::string& where) {
  try {
    const json object = parse_json(text, where);
    TrainState state;
    state.step = object.at("step").get<int64_t>();
    state.cursor = object.at("cursor").get<int64_t>();
    state.seed = object.at("seed").get<uint64_t>();
    state.skipped_in_a_row = object.at("skipped_in_a_row").get<int64_t>();
    state.num_tokens = object.at("num_tokens").get<int64_t>();
    state.best_accuracy = object.at("best_accuracy").get<double>();
    state.best_step = object.at("best_step").get<int64_t>();
    state.best_metric = object.value("best_metric", "");  // absent in checkpoints of before
    state.stopping = object.value("stopping", "");
    if (!object.at("unlogged").is_null()) state.unlogged = record_from(object.at("unlogged"));
    state.log_bytes = object.at("log_bytes").get<std::map<std::string, int64_t>>();
    state.memory = object.value("memory", "");  // absent in checkpoints of before
    const auto optimizer_steps = object.at("optimizer_steps").get<int64_t>();
    if (std::min({state.step, state.cursor, state.num_tokens, optimizer_steps}) < 0)
      throw FileError(where, "bad_state", "holds a counter below 0");
    return {state, optimizer_steps};
  } catch (const json::exception& error) {
    throw FileError(where, "bad_state", error.what());
  }
}

}  // namespace gradus::rl
