#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <utility>

#include "service/http/exchange.h"

namespace gradus::service {

/// Counters of the server for /metrics. Labels are route patterns and model names, never what a
/// client sent as a path. Any thread.
class ServiceMetrics {
 public:
  void count_request(const AccessRecord& record);
  void count_tokens(const std::string& model, int64_t prompt, int64_t completion);

  /// Prometheus' text, for the counters alone.
  std::string text() const;

 private:
  struct Durations {
    int64_t count = 0;
    double sum = 0.0;
    std::map<double, int64_t> buckets;
  };

  mutable std::mutex mutex_;
  std::map<std::pair<std::string, int>, int64_t> requests_;
  std::map<std::string, Durations> durations_;
  std::map<std::string, std::pair<int64_t, int64_t>> tokens_;
};

}  // namespace gradus::service
