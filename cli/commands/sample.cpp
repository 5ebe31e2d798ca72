#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <memory>
#include <nlohmann/json.hpp>
#include <ostream>

#include "base/error.h"
#include "base/json.h"
#include "cli/commands/command_record.h"
#include "cli/generator.h"
#include "rl/collect/grade_record.h"

namespace gradus::cli {
namespace {

struct SampleOptions {
  GeneratorOptions generator;
  std::string prompt;
  std::string system;
  int num_completions = 1;
  bool as_chat = false;
  bool is_raw = false;
  bool as_json = false;
};

rollout::Prompt prompt_of(const SampleOptions& options, const Generator& generator,
                          Session& session) {
  std::string text = options.prompt;
  if (text == "-") text.assign(std::istreambuf_iterator<char>(session.in), {});
  const bool wants_chat = options.as_chat || !options.system.empty();
  if (options.is_raw || (!wants_chat && !generator.has_chat_template())) {
    return generator.text_prompt(text);
  }
  nlohmann::json messages = nlohmann::json::array();
  if (!options.system.empty()) {
    messages.push_back({{"role", "system"}, {"content", options.system}});
  }
  messages.push_back({{"role", "user"}, {"content", text}});
  return generator.chat_prompt(messages);
}

std::string as_json(const rollout::Completion& completion, const std::string& prompt) {
  return dump_json({{"prompt", prompt},
                    {"index", completion.index},
                    {"text", completion.text},
                    {"finish", rl::finish_name(completion.finish)},
                    {"error", completion.error},
                    {"tokens", completion.tokens},
                    {"logprobs", completion.logprobs},
                    {"seconds", completion.seconds}});
}

// A chat model that is given bare text often ends at once, and a base model that is given a chat.
void hint_at_empty(const SampleOptions& options, const rollout::Rollout& rollout,
                   Session& session) {
  const bool is_empty =
      std::any_of(rollout.completions.begin(), rollout.completions.end(), [](const auto& c) {
        return c.finish == rollout::FinishReason::stop &&
               c.text.find_first_not_of(" \t\r\n") == std::string::npos;
      });
  if (!is_empty || options.as_json) return;
  session.err << "gradus: a completion is empty: the model ended at once; "
              << (rollout.prompt.messages.is_null()
                      ? "if it is a chat model, leave --raw out or use --chat\n"
                      : "--raw continues the prompt as plain text\n");
}

void print(const SampleOptions& options, const rollout::Rollout& rollout, Session& session) {
  for (const auto& completion : rollout.completions) {
    if (completion.finish == rollout::FinishReason::failed) session.exit_code = kFailed;
    if (completion.finish == rollout::FinishReason::aborted) session.exit_code = kInterrupted;
    if (options.as_json) {
      session.out << as_json(completion, rollout.prompt.text) << "\n";
      continue;
    }
    if (options.num_completions > 1) {
      session.out << fmt::format("--- {} ({}, {} tokens)\n", completion.index + 1,
                                 rl::finish_name(completion.finish), completion.tokens.size());
    }
    // A file or another program gets the bytes as they are, a terminal what it can be shown.
    std::ostream& out = session.out_is_terminal ? session.out : *session.raw_out;
    out << completion.text << "\n";
    if (!completion.error.empty()) session.err << "gradus: " << completion.error << "\n";
  }
  hint_at_empty(options, rollout, session);
}

void sample(const SampleOptions& options, Session& session) {
  if (options.num_completions < 1) {
    throw ArgumentError(fmt::format("-n: is {}, must be >= 1", options.num_completions));
  }
  if (options.is_raw && (options.as_chat || !options.system.empty())) {
    throw ArgumentError("sample: --raw has no chat template to put --chat or --system in");
  }
  Generator generator(options.generator, options.num_completions);
  auto prompt = prompt_of(options, generator, session);
  print(options, generator.generate(std::move(prompt), options.num_completions, session.stop),
        session);
}

void declare_sample(Command app, Session& session) {
  auto options = std::make_shared<SampleOptions>();
  options->generator.sampling.temperature = 0.8;
  add_generator_options(app, options->generator);
  app.add_option(
         "--prompt", options->prompt,
         "a user's message to a chat model, else text to continue; -: read it from standard input")
      .required();
  app.add_option("-n,--num", options->num_completions, "number of completions");
  app.add_flag(
      "--chat", options->as_chat,
      "the prompt is a user's message; so it is by default where the checkpoint has a chat "
      "template");
  app.add_flag("--raw", options->is_raw,
               "the prompt is continued as it stands, without a template");
  app.add_option("--system", options->system, "system message; means --chat");
  app.add_flag("--json", options->as_json, "one JSON object per completion and line");
  app.callback([options, &session] { sample(*options, session); });
}

}  // namespace

extern const CommandRecord kSampleCommand{"", "sample", "completions of one prompt",
                                          declare_sample};

}  // namespace gradus::cli
