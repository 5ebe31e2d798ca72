#include "rl/run/ledger.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/files/atomic_file.h"
#include "base/json.h"
#include "rl/run/metrics_log.h"

namespace gradus::rl {
namespace {

constexpr int64_t kMaxLedgerBytes = int64_t{1} << 30;

template <class T>
nlohmann::ordered_json or_null(const std::optional<T>& value) {
  return value ? nlohmann::ordered_json(*value) : nlohmann::ordered_json(nullptr);
}

std::string ledger_line(const LedgerEntry& entry, const LedgerConfig& config) {
  const LedgerTotal total = priced(entry, config);
  const nlohmann::ordered_json line{{"stage", entry.stage},
                                    {"step", entry.step},
                                    {"seconds", entry.seconds},
                                    {"device_seconds", entry.device_seconds},
                                    {"tokens", entry.tokens},
                                    {"flops", entry.flops},
                                    {"money", or_null(total.money)},
                                    {"currency", config.currency},
                                    {"energy_wh", or_null(total.energy_wh)}};
  return line.dump();
}

std::optional<double> number_or_null(const nlohmann::json& value) {
  return value.is_null() ? std::nullopt : std::optional(value.get<double>());
}

std::pair<std::string, LedgerTotal> parse_line(const std::string& line, const std::string& where) {
  try {
    const auto object = parse_json(line, where);
    return {object.at("stage").get<std::string>(),
            {object.at("seconds").get<double>(), object.at("device_seconds").get<double>(),
             object.at("tokens").get<int64_t>(), object.at("flops").get<double>(),
             number_or_null(object.at("money")), number_or_null(object.at("energy_wh"))}};
  } catch (const nlohmann::json::exception& error) {
    throw FileError(where, "invalid_ledger", error.what());
  }
}

/// What lies past a checkpoint in a ledger.
struct Later {
  std::vector<std::string> saves;  ///< lines of the checkpoint's own saving
  LedgerTotal lost;
};

Later later_lines(const std::filesystem::path& path, size_t begin, int64_t step) {
  const std::string text = read_file(path, kMaxLedgerBytes);
  Later later;
  for (size_t end; begin < text.size() && (end = text.find('\n', begin)) != std::string::npos;
       begin = end + 1) {
    const auto line = text.substr(begin, end - begin);
    const auto where = fmt::format("{}@{}", path.string(), begin);
    try {
      const auto [stage, total] = parse_line(line, where);
      const bool is_own = parse_json(line, where).value("step", int64_t{-1}) == step;
      if (stage == "save" && is_own)
        later.saves.push_back(line);
      else
        later.lost += total;
    } catch (const FileError&) {  // damaged, and about to be cut off: no reason not to go on
    }
  }
  return later;
}

std::map<std::string, LedgerTotal> totals_from(const std::filesystem::path& path, size_t begin) {
  const std::string text = read_file(path, kMaxLedgerBytes);
  std::map<std::string, LedgerTotal> totals;
  for (size_t end; begin < text.size() && (end = text.find('\n', begin)) != std::string::npos;
       begin = end + 1) {
    const auto [stage, total] =
        parse_line(text.substr(begin, end - begin), fmt::format("{}@{}", path.string(), begin));
    totals[stage] += total;
  }
  return totals;
}

std::optional<double> sum(const std::optional<double>& a, const std::optional<double>& b) {
  return a && b ? *a + *b : a ? a : b;
}

}  // namespace

LedgerTotal& LedgerTotal::operator+=(const LedgerTotal& other) {
  seconds += other.seconds;
  device_seconds += other.device_seconds;
  tokens += other.tokens;
  flops += other.flops;
  money = sum(money, other.money);
  energy_wh = sum(energy_wh, other.energy_wh);
  return *this;
}

LedgerTotal priced(const LedgerEntry& entry, const LedgerConfig& config) {
  const double hours = entry.device_seconds / 3600.0;
  LedgerTotal total{entry.seconds, entry.device_seconds, entry.tokens, entry.flops, {}, {}};
  if (config.device_price_per_hour > 0.0) total.money = hours * config.device_price_per_hour;
  if (config.watts > 0.0) total.energy_wh = hours * config.watts;
  return total;
}

Ledger::Ledger(const std::filesystem::path& path, int64_t num_bytes, int64_t step,
               LedgerConfig config)
    : config_(std::move(config)), file_(path) {
  Later later;
  if (file_.num_bytes() > num_bytes)
    later = later_lines(path, static_cast<size_t>(num_bytes), step);
  file_.truncate_to(num_bytes);
  for (const auto& line : later.saves) append_line_or_nothing(file_, line);
  const LedgerTotal& lost = later.lost;
  if (lost.seconds > 0.0)
    append({"lost", step, lost.seconds, lost.device_seconds, lost.tokens, lost.flops});
}

void Ledger::append(const LedgerEntry& entry) {
  append_line_or_nothing(file_, ledger_line(entry, config_));
}

std::map<std::string, LedgerTotal> read_ledger(const std::filesystem::path& path) {
  return totals_from(path, 0);
}

}  // namespace gradus::rl
