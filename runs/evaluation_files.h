#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace gradus::runs {

/// One completion of a held-out problem, as an evaluation left it in the run's samples.
struct EvaluatedAnswer {
  std::string completion;
  std::string answer;  ///< as the rule read it
  std::string gold;    ///< of the first rule that says one; empty: none does
  std::string reason;  ///< what decided, or why there is no grade
  std::string finish;
  int64_t num_tokens = 0;
  bool is_right = false;
  std::vector<std::pair<std::string, std::string>> grades;  ///< rule -> "1", "failed: ..."
};

struct EvaluatedProblem {
  std::string set;  ///< of eval.sets; empty: eval.data
  std::string id;
  std::string prompt;
  std::vector<EvaluatedAnswer> answers;

  double share_right() const;
};

/// Steps whose evaluations left their samples, ascending.
std::vector<int64_t> evaluation_steps(const std::filesystem::path& run);

/// Problems of one of them. @throws FileError  missing, or a line that is no problem.
std::vector<EvaluatedProblem> read_evaluation(const std::filesystem::path& run, int64_t step);

/// How two evaluations differ on the problems that both have, by set, id and prompt.
///
///   d_i         share of right answers to problem i, second less first
///   difference  mean of d
///   interval    95 %, of paired shares, with half an observation added to each of the four cells
///               (right and wrong in each), so that it keeps a width where nothing differs:
///               m +- 1.96 sqrt(v / (n + 2)),  m = sum d / (n + 2),  v = (sum d^2 + 1) / (n + 2) -
///               m^2
///
/// Source: Agresti and Min, Statistics in Medicine 24 (2005), 729-740, for answers that are right
/// or wrong; with several answers to a problem the d_i lie between.
struct PairedDifference {
  int64_t num_problems = 0;
  double first = 0.0;  ///< accuracy on the common problems
  double second = 0.0;
  double difference = 0.0;
  double low = 0.0;
  double high = 0.0;
  int64_t num_better = 0;  ///< problems with d > 0
  int64_t num_worse = 0;
};

/// Nothing: they have no problem in common.
std::optional<PairedDifference> paired_difference(const std::vector<EvaluatedProblem>& first,
                                                  const std::vector<EvaluatedProblem>& second);

}  // namespace gradus::runs
