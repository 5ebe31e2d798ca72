#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/settings/setting.h"
#include "rollout/records.h"
#include "rollout/tasks/generated_task.h"

namespace gradus::policy {
struct LoadedTokenizer;
}

namespace gradus::rollout {

/// Which row stands at a place of the order in which prompts are taken.
enum class RowOrder {
  epoch,    ///< each once an epoch
  failure,  ///< drawn in proportion to how often the row's question was failed
};

/// Settings `data.*` (training) and `eval.data.*`: where prompts come from.
struct DataConfig {
  std::string path;
  std::string task;
  int64_t count = 0;
  int64_t offset = 0;
  nlohmann::json options = nlohmann::json::object();
  std::string template_text;
  std::string system;
  bool chat = true;
  std::string chat_template;
  bool shuffle = true;
  RowOrder order = RowOrder::epoch;
  double easy_weight = 0.1;
  double min_pass_rate = 0.0;
  double max_pass_rate = 1.0;
  int max_prompt_tokens = 0;
};

template <class Field>
void describe(DataConfig& c, Field&& field) {
  field("path", c.path, any(),
        "JSONL file, .gz too: question/answer, prompt, messages or conversations, with any further "
        "columns; at most 2,000,000 rows unless data.count says more");
  field("task", c.task, any(), "generated task instead of a file: " + task_names());
  field("count", c.count, at_least(0),
        "rows to use; 0: all of a file, or no end of a generated task");
  field("offset", c.offset, at_least(0),
        "first row of the file, or first index of the generated task");
  field("options", c.options, any(), "the generated task's own settings");
  field("template", c.template_text, any(),
        "prompt text with {question} and other columns in braces; empty: the prompt as it is");
  field("system", c.system, any(), "system message put before a chat prompt");
  field("chat", c.chat, any(), "render through the checkpoint's chat template where it has one");
  field("chat_template", c.chat_template, any(),
        "chat template of one's own, a file or its text; empty: the checkpoint's");
  field("shuffle", c.shuffle, any(), "a seeded order, another in each epoch");
  field("order", c.order,
        one_of<RowOrder>({{"epoch", RowOrder::epoch}, {"failure", RowOrder::failure}}),
        "epoch: each row once an epoch; failure: rows are drawn in proportion to 1 - pass_rate, a "
        "column that rejection sampling's prompts.jsonl has (prioritised sampling, Kimi k1.5)");
  field("easy_weight", c.easy_weight, between(0.001, 1.0),
        "least weight of a row with order = \"failure\", so that solved ones are asked at times "
        "(MiMo's easy pool: 0.1)");
  field("min_pass_rate", c.min_pass_rate, between(0.0, 1.0),
        "rows whose column pass_rate is below are left out: too hard; rows without it stay");
  field("max_pass_rate", c.max_pass_rate, between(0.0, 1.0),
        "rows whose column pass_rate is above are left out: too easy");
  field("max_prompt_tokens", c.max_prompt_tokens, at_least(0),
        "longer prompts are left out and counted; 0: no bound but the context");
}

/// Prompts by number: prompt i of a seeded, endless order. A pure function of (config, seed, i), so
/// that resuming needs nothing but the next i.
class PromptSource {
 public:
  virtual ~PromptSource() = default;
  /// Number of distinct rows; 0: no end.
  virtual int64_t size() const = 0;
  /// @param index  >= 0. May be called from several threads at once.
  virtual Prompt at(int64_t index) const = 0;
  /// Rows left out, with the reason, e.g. too long.
  virtual const std::vector<std::string>& skipped() const = 0;
  /// Rows that repeat an earlier one; they are kept.
  virtual int64_t num_duplicates() const { return 0; }
};

/// Prompts of a file or of a generated task, whichever the config names.
///
/// Text is rendered through the checkpoint's chat template as a user's message where there is one
/// and `chat` is on; else it is the prompt as it stands, with what the model wants before a
/// document (bos).
///
/// @param tokenizer    outlives the source.
/// @param max_context  the model's; a prompt must leave room for one token.
/// @throws ConfigError  both or none of path and task, an unknown task or option, or `system`
///                      without a chat template.
/// @throws FileError    the file can't be read, or as rollout/prompts/file_prompts.h says.
std::unique_ptr<PromptSource> make_prompt_source(const DataConfig& config,
                                                 const policy::LoadedTokenizer& tokenizer,
                                                 int max_context, uint64_t seed);

}  // namespace gradus::rollout
