#include "service/api/service_metrics.h"

#include <fmt/format.h>

namespace gradus::service {
namespace {

constexpr double kBuckets[] = {0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 10.0, 60.0};

std::string label_text(const std::string& value) {
  std::string text;
  for (const char c : value) {
    if (c == '"' || c == '\\') text.push_back('\\');
    if (c != '\n') text.push_back(c);
  }
  return text;
}

}  // namespace

void ServiceMetrics::count_request(const AccessRecord& record) {
  const std::lock_guard lock(mutex_);
  const std::string route = record.route.empty() ? "none" : record.route;
  ++requests_[{route, record.status}];
  Durations& durations = durations_[route];
  ++durations.count;
  durations.sum += record.seconds;
  for (const double bound : kBuckets) {
    if (record.seconds <= bound) ++durations.buckets[bound];
  }
}

void ServiceMetrics::count_tokens(const std::string& model, int64_t prompt, int64_t completion) {
  const std::lock_guard lock(mutex_);
  tokens_[model].first += prompt;
  tokens_[model].second += completion;
}

std::string ServiceMetrics::text() const {
  const std::lock_guard lock(mutex_);
  std::string text = "# TYPE gradus_http_requests_total counter\n";
  for (const auto& [key, count] : requests_) {
    text += fmt::format("gradus_http_requests_total{{route=\"{}\",code=\"{}\"}} {}\n",
                        label_text(key.first), key.second, count);
  }
  text += "# TYPE gradus_http_request_duration_seconds histogram\n";
  for (const auto& [route, durations] : durations_) {
    const std::string label = label_text(route);
    for (const double bound : kBuckets) {
      const auto bucket = durations.buckets.find(bound);
      text +=
          fmt::format("gradus_http_request_duration_seconds_bucket{{route=\"{}\",le=\"{}\"}} {}\n",
                      label, bound, bucket == durations.buckets.end() ? 0 : bucket->second);
    }
    text += fmt::format(
        "gradus_http_request_duration_seconds_bucket{{route=\"{0}\",le=\"+Inf\"}} {1}\n"
        "gradus_http_request_duration_seconds_sum{{route=\"{0}\"}} {2}\n"
        "gradus_http_request_duration_seconds_count{{route=\"{0}\"}} {1}\n",
        label, durations.count, durations.sum);
  }
  text += "# TYPE gradus_prompt_tokens_total counter\n";
  for (const auto& [model, counts] : tokens_) {
    text += fmt::format("gradus_prompt_tokens_total{{model_name=\"{}\"}} {}\n", label_text(model),
                        counts.first);
  }
  text += "# TYPE gradus_generation_tokens_total counter\n";
  for (const auto& [model, counts] : tokens_) {
    text += fmt::format(
        "gradus_generation_tokens_total{{model_name=\"{0}\"}} {1}\n"
        "vllm:generation_tokens_total{{model_name=\"{0}\"}} {1}\n",
        label_text(model), counts.second);
  }
  return text;
}

}  // namespace gradus::service
