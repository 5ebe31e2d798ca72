#include "service/api/openai/event_stream.h"

#include <chrono>

#include "base/clock.h"
#include "service/api/openai/chat_run.h"
#include "service/api/openai/job_fields.h"

namespace gradus::service {
namespace {

constexpr double kPing_s = 15.0;
constexpr auto kLookPause = std::chrono::milliseconds(100);

}  // namespace

EventStreams::EventStreams(const JobStore& jobs) : jobs_(jobs), thread_([this] { serve(); }) {}

EventStreams::~EventStreams() {
  {
    const std::lock_guard lock(mutex_);
    is_stopping_ = true;
  }
  news_.notify_all();
  thread_.join();
}

void EventStreams::add(const std::shared_ptr<Call>& call, const Job& job) {
  Stream stream{job.id, 0, machine_clock().now_s(), nullptr};
  const std::string last(call->request().header("last-event-id"));
  if (!last.empty()) stream.seq = jobs_.seq_of_event(job.id, last).value_or(0);
  stream.out = call->exchange->open_stream(sse_head());
  {
    const std::lock_guard lock(mutex_);
    streams_.push_back(std::move(stream));
  }
  news_.notify_all();
}

void EventStreams::serve() {
  for (;;) {
    std::vector<Stream> streams;
    {
      std::unique_lock lock(mutex_);
      news_.wait(lock, [&] { return is_stopping_ || !streams_.empty(); });
      streams.swap(streams_);
      if (is_stopping_) {
        for (auto& stream : streams) stream.out->end();
        return;
      }
    }
    std::erase_if(streams, [&](Stream& stream) { return !advance(stream); });
    std::unique_lock lock(mutex_);
    streams_.insert(streams_.end(), streams.begin(), streams.end());
    if (!streams_.empty()) news_.wait_for(lock, kLookPause, [&] { return is_stopping_; });
  }
}

bool EventStreams::advance(Stream& stream) const {
  try {
    const auto job = jobs_.find_any(stream.job);
    const auto events = jobs_.events_since(stream.job, stream.seq);
    for (const auto& event : events) {
      stream.seq = event.seq;
      if (!stream.out->write("id: " + event.id + "\n" + sse_text(event_json(event)))) return false;
    }
    const double now = machine_clock().now_s();
    if (!events.empty()) stream.last_s = now;
    if (events.empty() && (!job || job->has_ended())) {
      stream.out->write(kSseEnd);
      stream.out->end();
      return false;
    }
    if (now - stream.last_s < kPing_s) return true;
    stream.last_s = now;
    return stream.out->write(": ping\n\n");
  } catch (const std::exception&) {  // the edge of a stream
    stream.out->end();
    return false;
  }
}

}  // namespace gradus::service
