#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "service/api/call.h"
#include "service/jobs/job_store.h"

namespace gradus::service {

/// Jobs' events as server-sent events, oldest first, from the one behind Last-Event-ID, until the
/// job has ended; a comment every 15 seconds keeps a connection alive. One thread serves all
/// streams.
class EventStreams {
 public:
  explicit EventStreams(const JobStore& jobs);
  ~EventStreams();

  void add(const std::shared_ptr<Call>& call, const Job& job);

 private:
  struct Stream {
    std::string job;
    int64_t seq = 0;
    double last_s = 0.0;
    std::shared_ptr<ResponseStream> out;
  };

  void serve();
  /// @return  false: it is over.
  bool advance(Stream& stream) const;

  const JobStore& jobs_;
  std::mutex mutex_;
  std::condition_variable news_;
  std::vector<Stream> streams_;
  bool is_stopping_ = false;
  std::thread thread_;
};

}  // namespace gradus::service
