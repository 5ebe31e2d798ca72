#include "service/tinker/sampling_desk.h"

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <map>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/failure_text.h"
#include "base/json.h"
#include "service/http/message.h"
#include "service/tinker/sample_wish.h"
#include "service/tinker/work_queue.h"

namespace gradus::service {
namespace {

/// What a stop waits for requests that are being cancelled.
constexpr auto kCancelled = std::chrono::seconds(5);

}  // namespace

struct SamplingDesk::Impl : std::enable_shared_from_this<SamplingDesk::Impl> {
  Impl(Parts parts_, const TinkerConfig& config) : parts(parts_), starters(config.workers) {}

  struct Running {
    std::shared_ptr<LoadedModel> model;
    LoadedModel::Ticket ticket = 0;
    bool is_cancelled = false;
  };

  void submit(const Promise& promise) {
    {
      const std::lock_guard lock(mutex);
      if (is_stopping) return;
      running[promise.id] = {};
    }
    starters.post([self = shared_from_this(), promise] { self->begin(promise); });
  }

  /// Finds the weights, which may have to be loaded, and asks their engine.
  void begin(const Promise& promise) {
    try {
      const auto body = parse_json(promise.body, "body");
      const ModelEntry entry = entry_of_body(promise, body);
      auto wish = std::make_shared<SampleWish>(read_sample(body, parts.host.facts(entry)));
      const auto model = parts.host.use(entry);
      auto request = generation_of(*wish, promise.seed);
      const SampleUsage usage{promise.project, promise.key, entry.name, std::ssize(wish->tokens),
                              0};
      request.on_done = [self = shared_from_this(), id = promise.id, wish,
                         usage](GenerationResult result) { self->take(id, *wish, usage, result); };
      // With the lock held, so that what is cancelled meanwhile knows its ticket.
      const std::lock_guard lock(mutex);
      const auto found = running.find(promise.id);
      if (found == running.end() || is_stopping) return;
      found->second.model = model;
      found->second.ticket = model->submit(std::move(request));
      if (found->second.is_cancelled) model->cancel(found->second.ticket);
    } catch (const HttpError& error) {
      end(promise.id, {"", false, error.what(), error.status < 500 ? "user" : "server"});
    } catch (const RequestError& error) {
      end(promise.id, {"", false, error.what(), "user"});
    } catch (const std::exception& error) {  // the edge of a request
      end(promise.id, {"", false, failure_text(error), "server"});
    }
  }

  ModelEntry entry_of_body(const Promise& promise, const nlohmann::json& body) const {
    if (const auto sampler = parts.sessions.find_sampler(promise.owner, promise.project))
      return entry_of(*sampler);
    Sampler direct;
    direct.project = promise.project;
    direct.base = body.value("base_model", "");
    direct.path = body.value("model_path", "");
    return entry_of(direct);
  }

  ModelEntry entry_of(const Sampler& sampler) const {
    const auto entry =
        !sampler.checkpoint.empty()
            ? parts.host.find_checkpoint(sampler.checkpoint)
            : parts.host.find(sampler.path.empty() ? sampler.base : sampler.path, sampler.project);
    if (entry) return *entry;
    throw HttpError(404,
                    "The weights of this sampler are gone: " +
                        (sampler.path.empty() ? sampler.base : sampler.path),
                    "model_not_found", "model_path");
  }

  /// On the model's thread: must be quick.
  void take(const std::string& id, const SampleWish& wish, SampleUsage usage,
            GenerationResult& result) {
    PromiseEnd done;
    for (const auto& text : result.completions) usage.completion_tokens += std::ssize(text.tokens);
    try {
      done.result = write_generation(wish, result);
      done.is_protobuf = true;
      done.usage = std::move(usage);
    } catch (const std::exception& error) {
      done = {"", false, error.what(), "server"};
      if (done.error == "cancelled") done.category = "user";
    }
    end(id, std::move(done));
  }

  void end(const std::string& id, PromiseEnd done) {
    std::shared_ptr<LoadedModel> released;
    {
      const std::lock_guard lock(mutex);
      const auto found = running.find(id);
      if (found != running.end()) {
        released = std::move(found->second.model);
        running.erase(found);
      }
      // A stop is no end: it is asked again at the next start.
      if (!(is_stopping && done.has_failed())) ended.emplace_back(id, std::move(done));
    }
    news.notify_all();
  }

  /// Writes ends down, many in one commit, and then tells who waits for them.
  void keep() {
    for (;;) {
      std::vector<std::pair<std::string, PromiseEnd>> ends;
      {
        std::unique_lock lock(mutex);
        news.wait(lock, [&] { return is_over || !ended.empty(); });
        if (ended.empty()) return;
        ends.swap(ended);
      }
      try {
        parts.promises.keep(ends);
        for (const auto& [id, done] : ends) parts.desk.wake(id);
      } catch (const std::exception&) {
        // The disk refuses: again in a while, unless the server ends.
        std::unique_lock lock(mutex);
        for (auto& one : ends) ended.push_back(std::move(one));
        if (news.wait_for(lock, std::chrono::seconds(1), [&] { return is_over; })) return;
      }
    }
  }

  Parts parts;
  WorkQueue starters;
  std::mutex mutex;
  std::condition_variable news;
  std::map<std::string, Running> running;
  std::vector<std::pair<std::string, PromiseEnd>> ended;
  bool is_stopping = false;
  bool is_over = false;
  std::thread keeper;
};

SamplingDesk::SamplingDesk(Parts parts, const TinkerConfig& config)
    : impl_(std::make_shared<Impl>(parts, config)) {}

SamplingDesk::~SamplingDesk() {
  stop();
}

void SamplingDesk::start() {
  impl_->keeper = std::thread([impl = impl_] { impl->keep(); });
  impl_->starters.start();
  for (const auto& promise : impl_->parts.promises.waiting_of_kind("sample")) submit(promise);
}

void SamplingDesk::stop() {
  if (!impl_->keeper.joinable()) return;
  {
    const std::lock_guard lock(impl_->mutex);
    impl_->is_stopping = true;
  }
  impl_->starters.stop();
  {
    std::unique_lock lock(impl_->mutex);
    std::erase_if(impl_->running, [](const auto& entry) { return !entry.second.model; });
    for (auto& [id, running] : impl_->running) running.model->cancel(running.ticket);
    impl_->news.wait_for(lock, kCancelled, [&] { return impl_->running.empty(); });
    impl_->is_over = true;
  }
  impl_->news.notify_all();
  impl_->keeper.join();
}

ModelEntry SamplingDesk::entry_of(const Sampler& sampler) const {
  return impl_->entry_of(sampler);
}

void SamplingDesk::submit(const Promise& promise) {
  impl_->submit(promise);
}

bool SamplingDesk::cancel(const std::string& promise) {
  const std::lock_guard lock(impl_->mutex);
  const auto found = impl_->running.find(promise);
  if (found == impl_->running.end()) return false;
  found->second.is_cancelled = true;
  if (found->second.model) found->second.model->cancel(found->second.ticket);
  return true;
}

}  // namespace gradus::service
