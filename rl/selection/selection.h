#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "rl/selection/sampled_row.h"
#include "rl/selection/selection_config.h"

namespace gradus::rl {

/// What became of the rows that selection was given. Every row is counted once: it was kept, or
/// left out for the first reason, in the order of `dropped`.
struct SelectionCounts {
  int64_t input = 0;
  int64_t kept = 0;
  /// (name of a filter, or choice, duplicate, similar, contaminated; rows): those with none too.
  std::vector<std::pair<std::string, int64_t>> dropped;
};

struct Selection {
  std::vector<SampledRow> rows;  ///< in the order of `comes_before`
  SelectionCounts counts;
};

/// The rows of samples from which a model learns:
///
///   notes       pass rate of each prompt, usual lengths of each source, where rows lack them
///   filters     rl/selection/filters
///   duplicates  rows with equal words in prompt and response; then those that are similar
///   choice      at most `most` rows of a prompt
///   evaluation  rows whose prompt or response shares a run of words with an evaluation prompt
///
/// A function of the set of rows: their order does not matter, and what was selected is selected
/// whole when it is given again.
/// @param evaluation_prompts  texts that are kept for evaluation.
Selection select_rows(std::vector<SampledRow> rows, const SelectionConfig& config,
                      const std::vector<std::string>& evaluation_prompts);

/// Whether a rule has scored the row; rows of other programs are not graded.
bool is_graded(const SampledRow& row);
/// Whether the row's score is right; one without a score is not.
bool is_right(const SampledRow& row, const SelectionConfig& config);

/// The parts of it, each on rows in the order of `comes_before`.

/// Notes of rows that have none: pass_rate, num_samples and length_range.
void note_statistics(std::vector<SampledRow>& rows, const SelectionConfig& config);
/// Removes rows with equal words. @return how many.
int64_t drop_duplicates(std::vector<SampledRow>& rows);
/// Removes rows of whose runs of five words more than `max_similarity` are an earlier row's.
int64_t drop_similar(std::vector<SampledRow>& rows, double max_similarity);
int64_t drop_unchosen(std::vector<SampledRow>& rows, const SelectionConfig& config);

/// The prompts of samples with their pass rates, as JSON lines that training reads: the data row's
/// columns, prompt or messages, `pass_rate`, `num_samples`.
std::string prompt_rows(std::vector<SampledRow> samples, const SelectionConfig& config);

/// Whether texts are in the evaluation data. Words that all its prompts begin or end with, as many
/// as `short_ngram` or more, are a template's (worked examples, instructions), and none of theirs.
class Contamination {
 public:
  Contamination(const std::vector<std::string>& evaluation_prompts, int ngram, int short_ngram);

  bool holds(const SampledRow& row) const;

 private:
  bool shares_run(const std::vector<std::string>& words) const;
  std::vector<std::string> without_template(std::vector<std::string> words) const;

  int ngram_;
  int short_ngram_;
  std::vector<std::string> before_;  ///< words of the template, before the problem and behind it
  std::vector<std::string> behind_;
  std::vector<uint64_t> runs_;        ///< of `ngram` words, ascending
  std::vector<uint64_t> short_runs_;  ///< of `short_ngram` words, of shorter prompts
  std::vector<uint64_t> whole_;       ///< prompts with fewer words than that
};

}  // namespace gradus::rl
