#include "rl/run/stop_rule.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <nlohmann/json.hpp>
#include <utility>

#include "base/error.h"
#include "base/json.h"
#include "rl/learn/metrics.h"

namespace gradus::rl {
namespace {

using Comparison = MetricCondition::Comparison;

// The longer ones first: ">=" begins with ">".
constexpr std::array kComparisons{
    std::pair{std::string_view(">="), Comparison::at_least},
    std::pair{std::string_view("<="), Comparison::at_most},
    std::pair{std::string_view(">"), Comparison::above},
    std::pair{std::string_view("<"), Comparison::below},
};

std::string_view without_blanks(std::string_view text) {
  const size_t begin = text.find_first_not_of(" \t");
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t") + 1 - begin);
}

std::optional<double> finite_number(std::string_view text) {
  double value = 0.0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || !std::isfinite(value))
    return std::nullopt;
  return value;
}

std::string_view sign_of(Comparison comparison) {
  return std::ranges::find(kComparisons, comparison,
                           &std::pair<std::string_view, Comparison>::second)
      ->first;
}

std::optional<double> finite_value(const std::map<std::string, double>& values,
                                   const std::string& name) {
  const auto found = values.find(name);
  if (found == values.end() || !std::isfinite(found->second)) return std::nullopt;
  return found->second;
}

}  // namespace

double direction_of(std::string_view mode, std::string_view metric) {
  if (mode != "auto") return mode == "max" ? 1.0 : -1.0;
  const size_t slash = metric.rfind('/');
  const auto name = slash == std::string_view::npos ? metric : metric.substr(slash + 1);
  const bool is_cost =
      name.find("loss") != std::string_view::npos || name == "perplexity" || name == "kl";
  return is_cost ? -1.0 : 1.0;
}

SettingConstraint metric_or_empty() {
  SettingConstraint known;
  known.text = "a figure of docs/metrics.md, or empty";
  known.holds = [](const nlohmann::json& value) {
    const auto& name = value.get_ref<const std::string&>();
    return name.empty() || find_metric(name) != nullptr;
  };
  return known;
}

SettingConstraint metric_mode() {
  return one_of({"auto", "max", "min"});
}

bool MetricCondition::holds(double value) const {
  switch (comparison) {
    case Comparison::at_least:
      return value >= bound;
    case Comparison::at_most:
      return value <= bound;
    case Comparison::above:
      return value > bound;
    case Comparison::below:
      return value < bound;
  }
  return false;
}

std::optional<MetricCondition> parse_condition(std::string_view text) {
  const size_t at = text.find_first_of("<>");
  if (at == std::string_view::npos) return std::nullopt;
  for (const auto& [sign, comparison] : kComparisons) {
    if (!text.substr(at).starts_with(sign)) continue;
    const std::string metric(without_blanks(text.substr(0, at)));
    const auto bound = finite_number(without_blanks(text.substr(at + sign.size())));
    if (!bound || find_metric(metric) == nullptr) return std::nullopt;
    return MetricCondition{metric, comparison, *bound};
  }
  return std::nullopt;
}

void describe(PlateauSettings& c, SettingFields& field) {
  field("metric", c.metric, metric_or_empty().records_only(),
        "the run ends when this figure has stopped getting better, e.g. eval/accuracy; empty: no "
        "such end");
  field("mode", c.mode, metric_mode().records_only(),
        "which values are better: max, min, or auto: min for losses, perplexity and KL");
  field("patience", c.patience, at_least(1).records_only(),
        "values in a row (of an eval/ figure: evaluations) that are no better than the best so "
        "far");
  field("min_delta", c.min_delta, at_least(0.0).records_only(),
        "how much better a value must be to count");
}

StopRule::StopRule(const std::string& stop_when, PlateauSettings plateau)
    : plateau_(std::move(plateau)) {
  if (stop_when.empty()) return;
  condition_ = parse_condition(stop_when);
  if (!condition_)
    throw ConfigError(fmt::format(
        "run.stop_when: is \"{}\", must be a figure, >=, <=, > or <, and a number", stop_when));
}

void StopRule::look_at(const std::map<std::string, double>& values) {
  if (condition_)
    if (const auto value = finite_value(values, condition_->metric)) last_ = value;
  if (plateau_.metric.empty()) return;
  const auto value = finite_value(values, plateau_.metric);
  if (!value) return;
  const double direction = direction_of(plateau_.mode, plateau_.metric);
  const bool is_better = !best_ || direction * (*value - *best_) > plateau_.min_delta;
  if (is_better) best_ = value;
  num_worse_ = is_better ? 0 : num_worse_ + 1;
}

std::optional<std::string> StopRule::reason() const {
  if (condition_ && last_ && condition_->holds(*last_))
    return fmt::format("{} is {:.6g}: {} {:.6g} (run.stop_when)", condition_->metric, *last_,
                       sign_of(condition_->comparison), condition_->bound);
  if (best_ && num_worse_ >= plateau_.patience)
    return fmt::format("{} has not been better than {:.6g} for {} values (run.plateau)",
                       plateau_.metric, *best_, num_worse_);
  return std::nullopt;
}

std::string StopRule::memory() const {
  nlohmann::json memory = nlohmann::json::object();
  if (condition_ && last_) memory["when"] = {{"metric", condition_->metric}, {"last", *last_}};
  if (best_)
    memory["plateau"] = {{"metric", plateau_.metric}, {"best", *best_}, {"worse", num_worse_}};
  return memory.empty() ? std::string() : memory.dump();
}

void StopRule::recall(const std::string& memory) {
  if (memory.empty()) return;
  try {
    const auto json = parse_json(memory, "state.json: stopping");
    if (const auto when = json.find("when");
        when != json.end() && condition_ && when->at("metric") == condition_->metric)
      last_ = when->at("last").get<double>();
    if (const auto plateau = json.find("plateau");
        plateau != json.end() && plateau->at("metric") == plateau_.metric) {
      best_ = plateau->at("best").get<double>();
      num_worse_ = plateau->at("worse").get<int64_t>();
    }
  } catch (const nlohmann::json::exception& error) {
    throw FileError("state.json", "bad_state", std::string("stopping: ") + error.what());
  }
}

}  // namespace gradus::rl
