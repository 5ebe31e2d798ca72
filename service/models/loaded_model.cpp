#include "service/models/loaded_model.h"

#include <ATen/Parallel.h>
#include <c10/core/GradMode.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <condition_variable>
#include <deque>
#include <limits>
#include <map>
#include <mutex>
#include <thread>
#include <utility>

#include "base/clock.h"
#include "base/error.h"
#include "base/failure_text.h"
#include "base/process/usable_cores.h"
#include "policy/checkpoint_tokenizer.h"
#include "policy/policy.h"
#include "rollout/engine/engine.h"
#include "rollout/prompts/prompt_renderer.h"
#include "service/grammar/token_mask.h"
#include "service/models/token_scores.h"

namespace gradus::service {
namespace {

constexpr const char* kPlainTemplate =
    "{{ bos_token }}{% for message in messages %}{{ message['content'] }}{{ '\\n' }}{% endfor %}";

/// Others wait for the shared weights no longer than this and a step.
constexpr double kTurn_s = 0.02;

}  // namespace

struct LoadedModel::Impl {
  struct Job {
    GenerationRequest request;
    GenerationResult result;
    rollout::Engine::Ticket in_engine = 0;
  };

  Impl(const std::string& name_, std::shared_ptr<SharedPolicy> shared_,
       std::shared_ptr<const AdapterValues> adapters_, const ModelsConfig& config)
      : name(name_),
        shared(std::move(shared_)),
        adapters(std::move(adapters_)),
        team(shared->team()),
        tokenizer(shared->tokenizer()),
        policy(&shared->policy()),
        variables(tokenizer.variables),
        engine(make_engine(config)) {
    chat_template = tokenizer.chat_template ? *tokenizer.chat_template
                                            : policy::ChatTemplate::parse(kPlainTemplate);
    if (!variables.contains("bos_token")) variables["bos_token"] = "";
    thread = std::thread([this] { serve(); });
  }

  ~Impl() {
    {
      const std::lock_guard lock(mutex);
      is_stopping = true;
    }
    news.notify_all();
    thread.join();
  }

  std::unique_ptr<rollout::Engine> make_engine(const ModelsConfig& config) {
    rollout::EngineConfig wanted;
    wanted.max_sequences = config.max_sequences;
    wanted.num_blocks =
        rollout::blocks_in_budget(*policy, config.kv_cache_mb, config.max_sequences);
    cache_bytes = wanted.num_blocks *
                  policy::KvCache::bytes_per_block(policy->model_config(), policy->compute_dtype());
    return std::make_unique<rollout::Engine>(*policy, *tokenizer.tokenizer, wanted, team);
  }

  void serve() {
    const c10::AutoGradMode no_grad(false);
    while (take_news()) {
      try {
        const SharedPolicy::Turn turn(*shared);
        turn.put(adapters);
        begin_arrived();
        const double begin_s = machine_clock().now_s();
        do {
          for (auto& finished : engine->step()) finish(finished);
        } while (!engine->is_idle() && !has_news() && turn.is_awaited() &&
                 machine_clock().now_s() - begin_s < kTurn_s);
      } catch (const std::exception& error) {  // the edge of a thread
        end_all(failure_text(error));
      }
      num_running = engine->num_open();
    }
    end_all("the server is stopping");
  }

  /// Takes what came and waits where nothing runs. @return false: it is over.
  bool take_news() {
    std::unique_lock lock(mutex);
    news.wait(lock, [&] {
      if (is_stopping || is_aborting) return true;
      return !is_held && (!engine->is_idle() || !incoming.empty() || !cancelled.empty());
    });
    return !is_stopping;
  }

  bool has_news() {
    const std::lock_guard lock(mutex);
    return is_stopping || is_aborting || is_held || !incoming.empty() || !cancelled.empty();
  }

  void begin_arrived() {
    std::deque<std::pair<Ticket, GenerationRequest>> arrived;
    std::vector<Ticket> unwanted;
    {
      const std::lock_guard lock(mutex);
      arrived.swap(incoming);
      unwanted.swap(cancelled);
      num_waiting = 0;
      if (std::exchange(is_aborting, false)) {
        for (const auto& [ticket, job] : jobs) unwanted.push_back(ticket);
        for (const auto& [ticket, request] : arrived) unwanted.push_back(ticket);
      }
    }
    for (auto& [ticket, request] : arrived) {
      const bool is_unwanted = std::ranges::find(unwanted, ticket) != unwanted.end();
      begin(ticket, std::move(request), is_unwanted);
    }
    for (const Ticket ticket : unwanted) {
      const auto job = jobs.find(ticket);
      if (job != jobs.end()) engine->cancel(job->second->in_engine);
    }
  }

  void begin(Ticket ticket, GenerationRequest request, bool is_unwanted) {
    auto job = std::make_shared<Job>();
    job->request = std::move(request);
    try {
      if (is_unwanted) {
        job->result.completions.resize(static_cast<size_t>(job->request.n));
        for (auto& text : job->result.completions) text.finish = rollout::FinishReason::aborted;
        return tell(*job);
      }
      if (job->request.scores_prompt)
        job->result.prompt_scores = score_prompt(*policy, job->request, team);
      if (!job->request.generates) return tell(*job);
      job->result.completions.resize(static_cast<size_t>(job->request.n));
      job->in_engine = engine->submit(engine_request(job->request),
                                      [this, job](const auto& event) { take(*job, event); });
      tickets[job->in_engine] = ticket;
      jobs[ticket] = std::move(job);
    } catch (const std::exception& error) {  // the edge of a request
      job->result.error = failure_text(error);
      tell(*job);
    }
  }

  static rollout::RolloutRequest engine_request(const GenerationRequest& request) {
    rollout::RolloutRequest wanted;
    wanted.prompt.id = "request";
    wanted.prompt.tokens = request.tokens;
    wanted.num_completions = request.n;
    wanted.seed = request.seed;
    wanted.prompt_key = request.prompt_key;
    wanted.sampling = request.sampling;
    wanted.editor = request.editor;
    wanted.shows_logits = request.has_scores;
    wanted.ignores_end = request.ignores_end;
    return wanted;
  }

  static void take(Job& job, const rollout::TokenEvent& event) {
    GeneratedToken token;
    token.index = event.completion;
    token.token = event.token;
    token.text = std::string(event.text);
    token.finish = event.finish;
    if (job.request.has_scores) {
      token.score = score_of_row(event.logits, event.token, job.request.num_top,
                                 job.request.score_temperature);
      job.result.completions[static_cast<size_t>(event.completion)].scores.push_back(*token.score);
    }
    if (job.request.on_token) job.request.on_token(token);
  }

  void finish(rollout::Engine::Finished& finished) {
    const auto ticket = tickets.find(finished.ticket);
    if (ticket == tickets.end()) return;
    const auto job = jobs.at(ticket->second);
    jobs.erase(ticket->second);
    tickets.erase(ticket);
    for (auto& completion : finished.rollout.completions) {
      auto& text = job->result.completions[static_cast<size_t>(completion.index)];
      text.text = std::move(completion.text);
      text.tokens = std::move(completion.tokens);
      text.logprobs = std::move(completion.policy_logprobs);
      text.finish = completion.finish;
      text.error = completion.error;
    }
    tell(*job);
  }

  static void tell(Job& job) {
    if (job.request.on_done) job.request.on_done(std::move(job.result));
  }

  void end_all(const std::string& why) {
    engine->cancel_all();
    for (auto& [ticket, job] : jobs) {
      job->result.error = why;
      tell(*job);
    }
    jobs.clear();
    tickets.clear();
    std::deque<std::pair<Ticket, GenerationRequest>> left;
    {
      const std::lock_guard lock(mutex);
      left.swap(incoming);
    }
    for (auto& [ticket, request] : left) {
      if (request.on_done) request.on_done({{}, {}, why});
    }
  }

  std::string name;
  std::shared_ptr<SharedPolicy> shared;
  std::shared_ptr<const AdapterValues> adapters;  ///< null: none
  ThreadTeam& team;
  const policy::LoadedTokenizer& tokenizer;
  std::optional<policy::ChatTemplate> chat_template;
  const policy::Policy* policy;
  nlohmann::ordered_json variables;
  int64_t cache_bytes = 0;
  std::unique_ptr<rollout::Engine> engine;
  // Of the model's thread.
  std::map<Ticket, std::shared_ptr<Job>> jobs;
  std::map<rollout::Engine::Ticket, Ticket> tickets;
  // Of all threads.
  std::once_flag has_tree;
  std::shared_ptr<const TokenTree> tree;
  std::mutex mutex;
  std::condition_variable news;
  std::deque<std::pair<Ticket, GenerationRequest>> incoming;
  std::vector<Ticket> cancelled;
  Ticket next_ticket = 1;
  bool is_stopping = false;
  bool is_held = false;
  bool is_aborting = false;
  std::atomic<int64_t> num_running{0};
  std::atomic<int64_t> num_waiting{0};
  std::thread thread;
};

LoadedModel::LoadedModel(const std::string& name, const std::string& path,
                         const ModelsConfig& config)
    : LoadedModel(name, std::make_shared<SharedPolicy>(path, AdapterShape{}, config), nullptr,
                  config) {}
LoadedModel::LoadedModel(const std::string& name, std::shared_ptr<SharedPolicy> base,
                         std::shared_ptr<const AdapterValues> adapters, const ModelsConfig& config)
    : impl_(std::make_unique<Impl>(name, std::move(base), std::move(adapters), config)) {}
LoadedModel::~LoadedModel() {
  // The last to let go may be the model's own thread, which cannot wait for itself.
  if (impl_->thread.get_id() != std::this_thread::get_id()) return;
  std::thread([impl = std::shared_ptr<Impl>(std::move(impl_))] {}).detach();
}

LoadedModel::Ticket LoadedModel::submit(GenerationRequest request) {
  Ticket ticket = 0;
  {
    const std::lock_guard lock(impl_->mutex);
    ticket = impl_->next_ticket++;
    impl_->incoming.emplace_back(ticket, std::move(request));
    impl_->num_waiting = std::ssize(impl_->incoming);
  }
  impl_->news.notify_all();
  return ticket;
}

void LoadedModel::cancel(Ticket ticket) {
  {
    const std::lock_guard lock(impl_->mutex);
    impl_->cancelled.push_back(ticket);
  }
  impl_->news.notify_all();
}

void LoadedModel::hold(bool is_held) {
  {
    const std::lock_guard lock(impl_->mutex);
    impl_->is_held = is_held;
  }
  impl_->news.notify_all();
}

void LoadedModel::abort_all() {
  {
    const std::lock_guard lock(impl_->mutex);
    impl_->is_aborting = true;
  }
  impl_->news.notify_all();
}

const policy::Tokenizer& LoadedModel::tokenizer() const {
  return *impl_->tokenizer.tokenizer;
}
int64_t LoadedModel::context_length() const {
  return impl_->policy->model_config().max_position_embeddings;
}
int64_t LoadedModel::vocab_size() const {
  return impl_->policy->model_config().vocab_size;
}
int64_t LoadedModel::memory_bytes() const {
  const int64_t weights = impl_->adapters ? 0 : impl_->policy->weight_bytes();
  return weights + impl_->cache_bytes;
}

std::string LoadedModel::render_chat(const nlohmann::ordered_json& messages,
                                     const nlohmann::ordered_json& tools,
                                     const nlohmann::ordered_json& variables) const {
  policy::ChatInput input;
  input.messages = messages;
  input.tools = tools;
  input.add_generation_prompt = true;
  input.variables = impl_->variables;
  if (variables.is_object()) input.variables.update(variables);
  return impl_->chat_template->render(input);
}

std::vector<int32_t> LoadedModel::encode_chat(const std::string& text) const {
  return tokenizer().encode(text, true);
}

std::vector<int32_t> LoadedModel::encode_text(const std::string& text) const {
  return rollout::encode_to_continue(tokenizer(), text);
}

bool LoadedModel::has_thinking() const {
  const std::string& text = impl_->chat_template->text();
  return text.find("<think>") != std::string::npos ||
         text.find("reasoning_content") != std::string::npos;
}

bool LoadedModel::has_tool_calls() const {
  return impl_->chat_template->text().find("<tool_call>") != std::string::npos;
}

std::shared_ptr<const TokenTree> LoadedModel::token_tree() const {
  std::call_once(impl_->has_tree, [&] {
    impl_->tree = std::make_shared<const TokenTree>(tokenizer(), vocab_size());
  });
  return impl_->tree;
}

LoadedModel::Load LoadedModel::load() const {
  return {impl_->num_running, impl_->num_waiting, 0.0};
}

}  // namespace gradus::service
