#include "rl/run/metrics_log.h"

#include <fmt/format.h>

#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/files/atomic_file.h"
#include "base/json.h"

namespace gradus::rl {
namespace {

constexpr int64_t kMaxLogBytes = int64_t{4} << 30;

std::vector<int64_t> parse_list(const nlohmann::json& value, const std::string& name,
                                const std::string& where) {
  std::vector<int64_t> list;
  for (const auto& entry : value) {
    if (!entry.is_number_integer())
      throw FileError(where, "invalid_metrics",
                      fmt::format("{} holds more than whole numbers", name));
    list.push_back(entry.get<int64_t>());
  }
  return list;
}

}  // namespace

MetricsRecord parse_metrics_line(const std::string& line, const std::string& where) {
  const auto object = parse_json(line, where);
  if (!object.is_object() || !object.contains("step") || !object["step"].is_number_integer())
    throw FileError(where, "invalid_metrics", "is not an object with a step");
  MetricsRecord record{object["step"].get<int64_t>(), {}, {}};
  for (const auto& [name, value] : object.items()) {
    if (name == "step") continue;
    if (value.is_array()) {
      record.lists[name] = parse_list(value, name, where);
      continue;
    }
    if (!value.is_number() && !value.is_null())
      throw FileError(where, "invalid_metrics", fmt::format("{} is not a number", name));
    record.values[name] =
        value.is_null() ? std::numeric_limits<double>::quiet_NaN() : value.get<double>();
  }
  return record;
}

bool is_deterministic_metric(std::string_view name) {
  return !name.starts_with("time/") && !name.starts_with("perf/") && !name.starts_with("rollout/");
}

std::string metrics_line(const MetricsRecord& record) {
  nlohmann::ordered_json object;
  object["step"] = record.step;
  for (const auto& [name, value] : record.values) object[name] = value;
  for (const auto& [name, list] : record.lists) object[name] = list;
  return object.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

MetricsLog::MetricsLog(const std::filesystem::path& path, int64_t num_bytes) : file_(path) {
  file_.truncate_to(num_bytes);
}

void MetricsLog::append(const MetricsRecord& record) {
  append_line_or_nothing(file_, metrics_line(record));
}

void append_line_or_nothing(AppendFile& file, std::string_view line) {
  try {
    file.append_line(line);
  } catch (const FileError&) {
    file.truncate_to(file.num_bytes());  // a part of the line may have been written
    throw;
  }
}

std::vector<MetricsRecord> read_metrics(const std::filesystem::path& path) {
  const std::string text = read_file(path, kMaxLogBytes);
  std::vector<MetricsRecord> records;
  size_t begin = 0;
  for (size_t end; (end = text.find('\n', begin)) != std::string::npos; begin = end + 1) {
    const auto where = fmt::format("{}:{}", path.string(), records.size() + 1);
    records.push_back(parse_metrics_line(text.substr(begin, end - begin), where));
  }
  return records;
}

}  // namespace gradus::rl
