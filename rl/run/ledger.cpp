#include "rl/run/ledger.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>
#include <utility>

#include "base/error.h"
#include "base/files/atomic_file.h"
#include "base/json.h"
#include "base/process/own_process.h"
#include "rl/run/metrics_log.h"

namespace gradus::rl {
namespace {

constexpr int64_t kMaxLedgerBytes = int64_t{1} << 30;
constexpr double kLeastOpen_s = 1e-3;  // less is rounding
constexpr double kRestart_s = 0.25;    // a process dies, is buried and followed by the next
constexpr double kSecondsPerHour = 3600.0;

template <class T>
nlohmann::ordered_json or_null(const std::optional<T>& value) {
  return value ? nlohmann::ordered_json(*value) : nlohmann::ordered_json(nullptr);
}

std::string ledger_line(const LedgerLine& line, const std::string& energy_source) {
  const LedgerTotal& total = line.total;
  const nlohmann::ordered_json json{
      {"stage", line.stage},
      {"step", line.step},
      {"seconds", total.seconds},
      {"device_seconds", total.device_seconds},
      {"tokens", total.tokens},
      {"flops", total.flops},
      {"money", or_null(total.money)},
      {"currency", line.currency},
      {"energy_wh", or_null(total.energy_wh)},
      {"energy_from", total.energy_wh ? nlohmann::ordered_json(energy_source) : nullptr},
      {"sampled_tokens", total.sampled},
      {"trained_tokens", total.trained},
      {"graded_tokens", total.graded},
      {"counted_flops", total.counted_flops},
      {"peak_memory", total.peak_memory},
      {"life", line.life}};
  return json.dump();
}

std::optional<double> number_or_null(const nlohmann::json& value) {
  return value.is_null() ? std::nullopt : std::optional(value.get<double>());
}

/// Lines of earlier versions have the first nine keys.
LedgerLine parse_line(const std::string& text, const std::string& where) {
  try {
    const auto object = parse_json(text, where);
    LedgerLine line;
    line.stage = object.at("stage").get<std::string>();
    line.step = object.at("step").get<int64_t>();
    line.life = object.value("life", int64_t{-1});
    line.currency = object.at("currency").get<std::string>();
    LedgerTotal& total = line.total;
    total.seconds = object.at("seconds").get<double>();
    total.device_seconds = object.at("device_seconds").get<double>();
    total.tokens = object.at("tokens").get<int64_t>();
    total.flops = object.at("flops").get<double>();
    total.money = number_or_null(object.at("money"));
    total.energy_wh = number_or_null(object.at("energy_wh"));
    const auto source = object.find("energy_from");
    total.is_energy_estimated = source != object.end() && *source == "estimated";
    total.sampled = object.value("sampled_tokens", int64_t{0});
    total.trained = object.value("trained_tokens", int64_t{0});
    total.graded = object.value("graded_tokens", int64_t{0});
    total.counted_flops = object.value("counted_flops", 0.0);
    total.peak_memory = object.value("peak_memory", int64_t{0});
    return line;
  } catch (const nlohmann::json::exception& error) {
    throw FileError(where, "invalid_ledger", error.what());
  }
}

/// Calls `use(text, where)` with every whole line from `begin` on.
template <class Use>
void for_lines(const std::filesystem::path& path, size_t begin, Use&& use) {
  const std::string text = read_file(path, kMaxLedgerBytes);
  for (size_t end; begin < text.size() && (end = text.find('\n', begin)) != std::string::npos;
       begin = end + 1)
    use(text.substr(begin, end - begin), fmt::format("{}@{}", path.string(), begin));
}

/// Not undone by going back to an earlier checkpoint.
bool is_kept(const LedgerLine& line, int64_t step) {
  static const std::set<std::string> kAlways{"load", "report", "killed"};
  if (kAlways.contains(line.stage)) return true;
  return line.step == step && (line.stage == "save" || line.stage == "idle");
}

/// What lies past a checkpoint in a ledger.
struct Later {
  std::vector<std::string> kept;        ///< lines
  std::map<int64_t, LedgerTotal> lost;  ///< by life
};

Later later_lines(const std::filesystem::path& path, size_t begin, int64_t step) {
  Later later;
  for_lines(path, begin, [&](const std::string& text, const std::string& where) {
    try {
      const LedgerLine line = parse_line(text, where);
      if (is_kept(line, step))
        later.kept.push_back(text);
      else
        later.lost[line.life] += line.total;
    } catch (const FileError&) {  // damaged, and about to be cut off: no reason not to go on
    }
  });
  return later;
}

/// The lines that can be read: the rest is not covered by any.
std::vector<LedgerLine> readable_lines(const std::filesystem::path& path) {
  std::vector<LedgerLine> lines;
  for_lines(path, 0, [&](const std::string& text, const std::string& where) {
    try {
      lines.push_back(parse_line(text, where));
    } catch (const FileError&) {
    }
  });
  return lines;
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
  sampled += other.sampled;
  trained += other.trained;
  graded += other.graded;
  counted_flops += other.counted_flops;
  is_energy_estimated = is_energy_estimated || other.is_energy_estimated;
  peak_memory = std::max(peak_memory, other.peak_memory);
  return *this;
}

LedgerTotal priced(const LedgerEntry& entry, const LedgerConfig& config) {
  const double hours = entry.device_seconds / kSecondsPerHour;
  LedgerTotal total{entry.seconds, entry.device_seconds, entry.tokens, entry.flops, {}, {}};
  if (config.device_price_per_hour > 0.0) total.money = hours * config.device_price_per_hour;
  if (config.watts > 0.0) total.energy_wh = hours * config.watts;
  total.sampled = entry.sampled;
  total.trained = entry.trained;
  total.graded = entry.graded;
  total.counted_flops = entry.counted_flops;
  return total;
}

Ledger::Ledger(const std::filesystem::path& path, int64_t num_bytes, int64_t step,
               LedgerConfig config, const LifeKeeper* life)
    : config_(std::move(config)), file_(path), life_(life) {
  if (life_ != nullptr) meter_ = std::make_unique<EnergyMeter>();
  std::map<int64_t, double> killed;
  if (life_ != nullptr && !life_->before().empty()) {
    auto lives = life_->before();
    lives.push_back(life_->now());
    killed = uncovered_seconds(readable_lines(path), lives);
    killed.erase(life_->number());
  }
  Later later;
  if (file_.num_bytes() > num_bytes)
    later = later_lines(path, static_cast<size_t>(num_bytes), step);
  file_.truncate_to(num_bytes);
  for (const auto& line : later.kept) append_line_or_nothing(file_, line);
  for (const auto& [number, lost] : later.lost) {
    if (lost.seconds <= 0.0 && lost.device_seconds <= 0.0) continue;
    append_line_or_nothing(file_, ledger_line({"lost", step, number, lost, config_.currency},
                                              lost.is_energy_estimated ? "estimated" : "lines"));
  }
  for (const auto& [number, seconds] : killed) {
    const auto ended = [&](const Life& before) {
      return before.number == number && before.is_over;
    };
    const bool is_over = std::ranges::any_of(life_->before(), ended);
    write({is_over ? "idle" : "killed", step, seconds, seconds}, number, std::nullopt);
  }
}

void Ledger::append(const LedgerEntry& entry) {
  const auto joules = take_joules(entry.seconds);
  write(entry, life_ == nullptr ? -1 : life_->number(), joules);
  covered_s_ += entry.seconds;
  if (joules) joules_ += *joules;
}

/// The part of the energy since the last line that falls to `seconds` of the time since then.
std::optional<double> Ledger::take_joules(double seconds) {
  if (meter_ == nullptr || (config_.watts > 0.0 && !meter_->is_measured())) return std::nullopt;
  const double open_s = life_->age_s() - covered_s_;
  const double open_joules = std::max(0.0, meter_->joules() - joules_);
  return open_s <= seconds ? open_joules : open_joules * seconds / open_s;
}

void Ledger::settle(const std::string& stage, int64_t step) {
  if (life_ == nullptr) return;
  const double age = life_->age_s();
  const double seconds = std::max(0.0, age - covered_s_);
  append({stage, step, seconds, seconds});
  if (config_.grader_devices == 0) return;
  LedgerEntry graders{"graders", step, 0.0, (age - graders_s_) * config_.grader_devices};
  write(graders, life_->number(), std::nullopt);
  graders_s_ = age;
}

void Ledger::write(const LedgerEntry& entry, int64_t life, std::optional<double> joules) {
  const bool is_graders = entry.stage == "graders";
  LedgerConfig config = config_;
  LedgerEntry scaled = entry;
  if (!is_graders) scaled.device_seconds *= config_.devices;
  if (is_graders && config_.grader_price_per_hour > 0.0)
    config.device_price_per_hour = config_.grader_price_per_hour;
  LedgerLine line{entry.stage, entry.step, life, priced(scaled, config), config_.currency};
  if (joules) line.total.energy_wh = *joules / kSecondsPerHour;
  const std::string source = joules ? meter_->source() : "watts";
  line.total.is_energy_estimated = joules && !meter_->is_measured();
  if (life_ != nullptr && life == life_->number()) line.total.peak_memory = peak_memory_bytes();
  append_line_or_nothing(file_, ledger_line(line, source));
}

std::vector<LedgerLine> read_ledger_lines(const std::filesystem::path& path) {
  std::vector<LedgerLine> lines;
  for_lines(path, 0, [&](const std::string& text, const std::string& where) {
    lines.push_back(parse_line(text, where));
  });
  return lines;
}

std::map<std::string, LedgerTotal> read_ledger(const std::filesystem::path& path) {
  std::map<std::string, LedgerTotal> totals;
  for (const LedgerLine& line : read_ledger_lines(path)) totals[line.stage] += line.total;
  return totals;
}

std::map<int64_t, double> uncovered_seconds(const std::vector<LedgerLine>& lines,
                                            const std::vector<Life>& lives) {
  std::map<int64_t, double> open;
  for (size_t i = 0; i < lives.size(); ++i) {
    const Life& life = lives[i];
    open[life.number] = life.lasted;
    if (life.is_over || i + 1 == lives.size()) continue;
    const double gap_s = lives[i + 1].begun - life.begun - life.lasted;
    if (gap_s > 0.0 && gap_s < kRestart_s) open[life.number] += gap_s;
  }
  for (const LedgerLine& line : lines)
    if (const auto found = open.find(line.life); found != open.end())
      found->second -= line.total.seconds;
  std::erase_if(open, [](const auto& entry) { return entry.second < kLeastOpen_s; });
  return open;
}

}  // namespace gradus::rl
