#include "service/tinker/training_desk.h"

#include <ATen/core/Tensor.h>

#include <algorithm>

#include "base/clock.h"
#include "base/error.h"
#include "base/failure_text.h"
#include "base/files/file_descriptor.h"
#include "service/http/message.h"
#include "service/tinker/commands/training_command.h"

namespace gradus::service {
namespace {

namespace fs = std::filesystem;

/// Bodies that may have to be done again: a state is written once there are more.
constexpr int64_t kReplayedBytes = int64_t{256} << 20;
/// Of the memory of all models, adapters in training that nobody waits for have one part in so
/// many.
constexpr int64_t kShareOfBudget = 4;

int64_t bytes_of_values(const std::shared_ptr<const AdapterValues>& values) {
  int64_t bytes = 0;
  if (values)
    for (const auto& value : *values) bytes += static_cast<int64_t>(value.nbytes());
  return bytes;
}

int64_t bytes_of_state(const AdapterState& state) {
  int64_t bytes = bytes_of_values(state.values) + bytes_of_values(state.gradient);
  if (state.moments)
    for (const auto& [name, moment] : *state.moments)
      bytes += static_cast<int64_t>(moment.nbytes());
  return bytes;
}

/// Runs a command on a copy of the state. @return  its result, or how it failed.
struct RequestOutcome {
  CommandResult result;
  PromiseEnd end;
};

RequestOutcome run_command(CommandContext& context) {
  RequestOutcome outcome;
  const auto fail = [&](const std::exception& error, const char* category) {
    outcome.end = {"", false, failure_text(error), category};
    if (outcome.end.error.empty()) outcome.end.error = "failed";
  };
  const AdapterState before = context.state;
  try {
    if (*context.promise.number > 0 && !context.state.values)
      throw RequestError("the model was never made: its first request failed");
    outcome.result = find_training_command(context.promise.kind)->run(context);
    outcome.end.result = outcome.result.result;
    outcome.end.is_protobuf = outcome.result.is_protobuf;
  } catch (const RequestError& error) {
    fail(error, "user");
  } catch (const HttpError& error) {
    if (error.status >= 500) context.state = before;
    fail(error, error.status < 500 ? "user" : "server");
  } catch (const std::exception& error) {  // the edge of a request
    context.state = before;
    fail(error, "server");
  }
  return outcome;
}

}  // namespace

/// A model in memory. Of its worker alone, but for what `bytes` says.
struct TrainingDesk::Resident {
  std::shared_ptr<SharedPolicy> shared;
  ModelFacts facts;
  AdapterState state;
  int64_t at = -1;         ///< number of the last request in it
  int64_t state_seq = -1;  ///< of the folder
  std::string folder;
  double work_s = 0.0;  ///< since the folder
  int64_t replayed_bytes = 0;
  std::atomic<int64_t> bytes{0};
};

TrainingDesk::TrainingDesk(Parts parts, const TinkerConfig& config, fs::path states)
    : parts_(parts), config_(config), states_(std::move(states)), workers_(config.workers) {
  fs::create_directories(states_);
}

TrainingDesk::~TrainingDesk() {
  stop();
}

void TrainingDesk::start() {
  const auto known = parts_.models.states();
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(states_))
    if (std::ranges::find(known, entry.path().filename().string()) == known.end())
      fs::remove_all(entry.path(), ignored);
  workers_.start();
  for (const auto& id : parts_.models.to_do()) wake(id);
}

void TrainingDesk::stop() {
  workers_.stop();
}

void TrainingDesk::wake(const std::string& model) {
  const std::lock_guard lock(mutex_);
  Seat& seat = seats_[model];
  if (seat.is_busy) seat.is_wanted = true;
  if (seat.is_busy || seat.is_queued) return;
  seat.is_queued = true;
  post(model, false);
}

void TrainingDesk::post(const std::string& id, bool tidies) {
  workers_.post([this, id, tidies] { serve(id, tidies); });
}

void TrainingDesk::tidy() {
  std::vector<std::string> again;
  const double now_s = machine_clock().now_s();
  {
    const std::lock_guard lock(mutex_);
    again.assign(to_retry_.begin(), to_retry_.end());
    to_retry_.clear();
    for (auto seat = seats_.begin(); seat != seats_.end();) {
      const bool is_free = !seat->second.is_busy && !seat->second.is_queued;
      if (is_free && !seat->second.resident) {
        seat = seats_.erase(seat);
        continue;
      }
      if (is_free && now_s - seat->second.last_use_s > config_.idle_s) {
        seat->second.is_queued = true;
        post(seat->first, true);
      }
      ++seat;
    }
  }
  for (const auto& id : again) wake(id);
}

/// One turn of a model: a request of its, then it stands behind the others again.
void TrainingDesk::serve(const std::string& id, bool tidies) {
  std::shared_ptr<Resident> resident;
  {
    const std::lock_guard lock(mutex_);
    Seat& seat = seats_[id];
    seat.is_queued = false;
    seat.is_busy = true;
    seat.is_wanted = false;
    resident = seat.resident;
  }
  bool has_more = false;
  bool has_failed = false;
  try {
    has_more = serve_next(id, resident);
    if (!has_more && tidies) let_go(id, resident);
  } catch (const std::exception&) {  // the edge of a thread: the store or the disk refuses
    // What the memory holds may be ahead of the store: it is read again.
    resident = nullptr;
    has_failed = true;
  }
  {
    const std::lock_guard lock(mutex_);
    Seat& seat = seats_[id];
    seat.is_busy = false;
    seat.resident = resident;
    seat.last_use_s = machine_clock().now_s();
    if (has_failed) to_retry_.insert(id);
    if (has_more || (seat.is_wanted && !has_failed)) {
      seat.is_queued = true;
      post(id, false);
    }
  }
  count_memory();
}

/// @return  whether there may be more to do.
bool TrainingDesk::serve_next(const std::string& id, std::shared_ptr<Resident>& resident) {
  const auto model = parts_.models.find_any(id);
  if (!model) return false;
  const auto promise = parts_.models.next(id);
  if (!promise) {
    if (model->is_closed) {
      release(id, model->state);
      resident = nullptr;
    }
    return false;
  }
  if (promise->is_waiting()) {
    do_request(*model, *promise, resident);
  } else {
    parts_.models.finish(*model, *promise, {});
    if (resident) resident->at = *promise->number;
  }
  return true;
}

void TrainingDesk::do_request(const TrainingModel& model, const Promise& promise,
                              std::shared_ptr<Resident>& resident) {
  RequestOutcome outcome;
  const double begin_s = machine_clock().now_s();
  if (!resident || resident->at != model.done_seq) {
    try {
      resident = bring(model);
    } catch (const std::exception& error) {
      resident = nullptr;
      outcome.end = {"", false, "the model's state cannot be read: " + failure_text(error),
                     "server"};
      if (dynamic_cast<const FileError*>(&error) != nullptr)
        parts_.models.note_fault(model.id, failure_text(error));
      parts_.models.finish(model, promise, {outcome.end, "", {}});
      return parts_.promises.wake(promise.id);
    }
  }
  AdapterState next = resident->state;
  CommandContext context{model,
                         promise,
                         *resident->shared,
                         resident->facts,
                         next,
                         parts_.checkpoints,
                         parts_.store.now()};
  outcome = run_command(context);
  resident->work_s += machine_clock().now_s() - begin_s;
  resident->replayed_bytes += std::ssize(promise.body);
  const AdapterState before = std::exchange(resident->state, next);
  TrainingStore::Done done{outcome.end, "", outcome.result.effect};
  const bool wants_state = outcome.result.wants_snapshot || resident->work_s > config_.snapshot_s ||
                           resident->replayed_bytes > kReplayedBytes;
  if (wants_state) done.new_state = write_state(*resident);
  try {
    parts_.models.finish(model, promise, done);
  } catch (const std::exception& error) {
    std::error_code ignored;
    if (!outcome.result.folder.empty()) fs::remove_all(outcome.result.folder, ignored);
    const auto* http = dynamic_cast<const HttpError*>(&error);
    const bool is_users = dynamic_cast<const RequestError*>(&error) != nullptr ||
                          (http != nullptr && http->status < 500);
    if (!is_users) throw;
    resident->state = before;
    drop_state(done.new_state);
    done = {{"", false, failure_text(error), "user"}, "", {}};
    parts_.models.finish(model, promise, done);
  }
  resident->at = *promise.number;
  resident->bytes = bytes_of_state(resident->state);
  if (!done.new_state.empty()) {
    drop_state(std::exchange(resident->folder, done.new_state));
    resident->state_seq = resident->at;
    resident->work_s = 0.0;
    resident->replayed_bytes = 0;
  }
  parts_.promises.wake(promise.id);
}

/// Reads a model's state and does again what came after it.
std::shared_ptr<TrainingDesk::Resident> TrainingDesk::bring(const TrainingModel& model) {
  const auto base = parts_.host.find(model.base, model.project);
  if (!base) throw HttpError(404, "the base model " + model.base + " is not there any more");
  auto resident = std::make_shared<Resident>();
  resident->facts = parts_.host.facts(*base);
  resident->shared = parts_.host.share(*base, model.shape);
  resident->state_seq = model.state_seq;
  resident->folder = model.state;
  if (!model.state.empty())
    resident->state = load_state(*resident->shared, states_ / model.state, true);
  replay(model, *resident);
  resident->at = model.done_seq;
  resident->bytes = bytes_of_state(resident->state);
  return resident;
}

void TrainingDesk::replay(const TrainingModel& model, Resident& resident) {
  const double begin_s = machine_clock().now_s();
  for (const auto& promise : parts_.models.done_since_state(model)) {
    const auto* command = find_training_command(promise.kind);
    const bool has_changed = command != nullptr && command->changes_state &&
                             promise.state != "refused" && promise.category != "server";
    if (!has_changed) continue;
    CommandContext context{model,
                           promise,
                           *resident.shared,
                           resident.facts,
                           resident.state,
                           parts_.checkpoints,
                           parts_.store.now()};
    const auto outcome = run_command(context);
    // What failed for want of memory now did not then: the state would be another.
    if (outcome.end.category == "server") throw Error(outcome.end.error);
    resident.replayed_bytes += std::ssize(promise.body);
  }
  resident.work_s = machine_clock().now_s() - begin_s;
}

/// @return  the new folder's name.
std::string TrainingDesk::write_state(const Resident& resident) const {
  if (!resident.state.values) return {};
  std::string name = random_id("state-");
  const SharedPolicy::Turn turn(*resident.shared);
  save_state(turn, resident.state, states_ / name, true, true);
  sync_folder_of(states_ / name);
  return name;
}

void TrainingDesk::drop_state(const std::string& folder) const {
  std::error_code ignored;
  if (!folder.empty()) fs::remove_all(states_ / folder, ignored);
}

/// Nobody asks for it: from memory to the disk.
void TrainingDesk::let_go(const std::string& id, std::shared_ptr<Resident>& resident) {
  if (!resident) return;
  if (resident->at > resident->state_seq) {
    const std::string folder = write_state(*resident);
    if (!folder.empty()) {
      parts_.models.put_state(id, resident->at, folder);
      drop_state(resident->folder);
    }
  }
  resident = nullptr;
}

void TrainingDesk::release(const std::string& id, const std::string& state) {
  const auto failed = parts_.models.release(id);
  drop_state(state);
  for (const auto& promise : failed) parts_.promises.wake(promise);
}

/// Tells the models what adapters in training hold, and lets those go to the disk that were used
/// least recently where it is too much.
void TrainingDesk::count_memory() {
  int64_t bytes = 0;
  {
    const std::lock_guard lock(mutex_);
    for (const auto& [id, seat] : seats_)
      if (seat.resident) bytes += seat.resident->bytes;
    int64_t left = bytes;
    while (left > parts_.host.budget_bytes() / kShareOfBudget) {
      auto oldest = seats_.end();
      for (auto seat = seats_.begin(); seat != seats_.end(); ++seat) {
        const bool is_free =
            seat->second.resident && !seat->second.is_busy && !seat->second.is_queued;
        if (is_free &&
            (oldest == seats_.end() || seat->second.last_use_s < oldest->second.last_use_s))
          oldest = seat;
      }
      if (oldest == seats_.end()) break;
      left -= oldest->second.resident->bytes;
      oldest->second.is_queued = true;
      post(oldest->first, true);
    }
  }
  parts_.host.note_others(bytes);
}

}  // namespace gradus::service
