#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "policy/tokenizer/load_tokenizer.h"
#include "rl/stages/text_config.h"
#include "rl/stages/text_update.h"
#include "rollout/prompts/prompt_source.h"

namespace gradus::rl {

/// Texts by number: example i of a seeded, endless order. A pure function of (settings, seed, i),
/// so that resuming needs nothing but the next i.
class TextSource {
 public:
  virtual ~TextSource() = default;
  /// Examples of one pass; 0: no end.
  virtual int64_t size() const = 0;
  virtual TextExample at(int64_t index) const = 0;
  /// What is not as it stands in the data: rows left out or cut, one sentence each.
  virtual std::vector<std::string> notices() const { return {}; }
};

/// Prompts with the response to learn, for supervised fine-tuning. Prompt and response are
/// tokenised apart, as in reinforcement learning, where the response is sampled after the prompt's
/// tokens; the response ends with the model's end token. Only the response is a target.
///
/// @param prompts   owned; a row's response is the column text.response, or the first of
///                  `response`, `completion`, `answer` that it has.
/// @throws FileError (from at)  a row without a response, naming it.
std::unique_ptr<TextSource> make_response_source(std::unique_ptr<rollout::PromptSource> prompts,
                                                 const policy::LoadedTokenizer& tokenizer,
                                                 const TextConfig& config, int max_context);

/// Prompt, response and end token, of which the latter two are targets.
/// @throws ConfigError  the tokenizer names no end token.
TextExample make_response_example(const policy::Tokenizer& tokenizer, std::vector<int32_t> prompt,
                                  const std::string& response);

/// Texts of a JSONL file with `text`, or with `prompt` and `response`, which are joined. Each text
/// gets the marks that the tokenizer puts around a document and is cut into pieces of at most
/// text.sequence_length tokens; all tokens but a piece's first are targets. Tokens of the whole
/// file are held in memory (4 bytes each).
///
/// @param count  rows to use; 0: all of them, 2,000,000 at most.
/// @throws FileError  no text, more rows than that, or a row of another form, naming file and line.
std::unique_ptr<TextSource> make_document_source(const std::string& path, int64_t count,
                                                 const policy::LoadedTokenizer& tokenizer,
                                                 const TextConfig& config, bool is_shuffled,
                                                 uint64_t seed);

/// The same from `data.count` rows of a generated task.
/// @throws ConfigError  unknown task or option. FileError  its rows have no `text`.
std::unique_ptr<TextSource> make_generated_documents(const rollout::DataConfig& data,
                                                     const policy::LoadedTokenizer& tokenizer,
                                                     const TextConfig& config, uint64_t seed);

}  // namespace gradus::rl
