#pragma once

#include <initializer_list>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <utility>

namespace gradus::rl {

/// How figures of one name from several ranks, microbatches or workers become one.
enum class Reduction {
  mean,  ///< by weight
  sum,
  max,
  min,
};

/// A figure of a step and what it takes to join it to others of its name. Reads and writes as the
/// number that it is.
struct Metric {
  double value = 0.0;
  double weight = 1.0;  ///< of a mean: over how many it was taken
  Reduction reduction = Reduction::mean;

  Metric& operator=(double number) {
    value = number;
    return *this;
  }
  Metric& operator+=(double number) {
    value += number;
    return *this;
  }
  operator double() const { return value; }  // NOLINT(google-explicit-constructor): it is a number
};

/// Figures by name; every name, its meaning and its reduction stand in `metric_names`.
class Metrics {
 public:
  Metrics() = default;
  Metrics(std::initializer_list<std::pair<const char*, double>> figures);

  /// A new figure is 0 and has the reduction of its name.
  Metric& operator[](const std::string& name);
  /// @throws std::out_of_range
  double at(const std::string& name) const { return figures_.at(name); }
  bool contains(const std::string& name) const { return figures_.contains(name); }
  size_t count(const std::string& name) const { return figures_.count(name); }
  bool empty() const { return figures_.empty(); }
  size_t size() const { return figures_.size(); }

  /// A mean as sum / count, with its weight.
  void set_mean(const std::string& name, double sum, double count);

  /// Adds the figures of another part of the same step: what both have is reduced.
  void join(const Metrics& part);

  /// Takes over the figures of another subject; its own win where both have one.
  void add(const Metrics& others) {
    figures_.insert(others.figures_.begin(), others.figures_.end());
  }

  /// The numbers alone, for records.
  std::map<std::string, double> values() const { return {figures_.begin(), figures_.end()}; }

  using Figures = std::map<std::string, Metric>;
  Figures::const_iterator begin() const { return figures_.begin(); }
  Figures::const_iterator end() const { return figures_.end(); }

 private:
  Figures figures_;
};

/// One line of the table of all figures: "rewards/<rule>/mean", where <...> stands for one or more
/// letters, digits and so on without a slash.
struct MetricName {
  std::string_view pattern;
  Reduction reduction;
};

std::span<const MetricName> metric_names();

/// Null: nobody has told of such a figure. Figures of one of eval.sets, eval/NAME/accuracy and so
/// on, are those of the evaluation without the name.
const MetricName* find_metric(std::string_view name);

}  // namespace gradus::rl
