#include "cli/train_display.h"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdlib>
#include <mutex>
#include <nlohmann/json.hpp>
#include <optional>
#include <ostream>
#include <string_view>
#include <utility>
#include <vector>

#include "base/json.h"
#include "base/printable.h"
#include "base/quantity.h"
#include "cli/train_opening.h"
#include "rl/evaluation/set_names.h"

namespace gradus::cli {
namespace {

constexpr int kBarCells = 20;
constexpr int kWidthForBar = 70;  // a narrower terminal has better use for its columns
constexpr int kWidthForAlignment = 60;
constexpr int kPlainColumns = 100;  // of a log
constexpr double kRedrawTrainingEvery_s = 0.1;

std::string bar(int64_t done, int64_t total) {
  const int64_t filled =
      total > 0 ? std::clamp<int64_t>(kBarCells * done / total, 0, kBarCells) : 0;
  return "[" + std::string(static_cast<size_t>(filled), '#') +
         std::string(static_cast<size_t>(kBarCells - filled), '.') + "]";
}

std::string eval_line(int64_t step, const rl::MetricsRecord& record) {
  std::string text = fmt::format("step {}: evaluation:", step);
  bool found = false;
  auto value_of = [&record](const std::string& name) {
    const auto value = record.values.find(name);
    return value == record.values.end() ? std::nan("") : value->second;
  };
  const double accuracy = value_of("eval/accuracy");
  if (std::isfinite(accuracy)) {
    found = true;
    text += fmt::format(" accuracy {:.4f}", accuracy);
    const double low = value_of("eval/accuracy/low");
    const double high = value_of("eval/accuracy/high");
    if (std::isfinite(low) && std::isfinite(high))
      text += fmt::format(" [{:.4f}, {:.4f}]", low, high);
  }
  const double loss = value_of("eval/loss");
  if (std::isfinite(loss)) {
    found = true;
    text += fmt::format(" loss {:.4f}", loss);
  }
  for (const auto& [name, value] : record.values) {
    const std::string_view set = rl::set_of_accuracy(name);
    if (set.empty() || !std::isfinite(value)) continue;
    found = true;
    text += fmt::format("; {} {:.4f}", set, value);
  }
  return found ? text : text + " no figure";
}

/// As many of the parts, two blanks between them, as fit into the columns; the first in any case.
std::string joined_within(const std::vector<std::string>& parts, int columns) {
  std::string line;
  for (const std::string& part : parts) {
    if (part.empty()) continue;
    if (line.empty()) {
      line = part.substr(0, static_cast<size_t>(columns));
      continue;
    }
    if (std::ssize(line) + 2 + std::ssize(part) > columns) break;
    line += "  " + part;
  }
  return line;
}

/// "reward 0.412", "length 31.5", ...
std::vector<std::string> figures_of(const rl::MetricsRecord& record) {
  using Shown = std::pair<const char*, const char*>;
  static constexpr std::array kShown{Shown{"reward", "reward"},
                                     Shown{"accuracy", "eval/accuracy"},
                                     Shown{"loss", "loss"},
                                     Shown{"kl", "kl"},
                                     Shown{"length", "completions/mean_length"},
                                     Shown{"tokens/s", "perf/tokens_per_s"}};
  std::vector<std::string> figures;
  for (const auto& [label, metric] : kShown) {
    const auto value = record.values.find(metric);
    if (value == record.values.end() || !std::isfinite(value->second)) continue;
    figures.push_back(fmt::format("{} {}", label, short_number(value->second)));
  }
  return figures;
}

/// Whether a line can be drawn over: TERM=dumb (an editor's window, some logs) would print the
/// codes.
bool can_redraw() {
  const char* kind = std::getenv("TERM");
  return kind != nullptr && *kind != '\0' && std::string_view(kind) != "dumb";
}

/// Steps done since the display began, for the time that is left.
class Pace {
 public:
  Pace(int64_t steps, const Clock& clock) : steps_(steps), clock_(clock) {}

  void on_step(int64_t step) {
    const double now = clock_.now_s();
    if (first_step_ < 0) {
      first_step_ = step;  // the first one is slower (caches, workers): measured from its end
      first_s_ = now;
    }
    last_step_ = step;
    last_s_ = now;
  }
  void set_steps(int64_t steps) { steps_ = steps; }
  int64_t step() const { return std::max<int64_t>(last_step_, 0); }
  int64_t steps() const { return steps_; }
  std::string left() const {
    if (last_step_ <= first_step_) return "";
    const double per_step = (last_s_ - first_s_) / static_cast<double>(last_step_ - first_step_);
    return duration_text(per_step * static_cast<double>(steps_ - last_step_)) + " left";
  }

 private:
  int64_t steps_;
  const Clock& clock_;
  int64_t first_step_ = -1;
  int64_t last_step_ = -1;
  double first_s_ = 0.0;
  double last_s_ = 0.0;
};

class TerminalDisplay final : public rl::RunObserver {
 public:
  TerminalDisplay(std::ostream& out, int64_t steps, const Clock& clock, std::function<int()> width)
      : out_(out), clock_(clock), width_(std::move(width)), pace_(steps, clock) {}
  ~TerminalDisplay() override { clear(); }

  void on_opening(const rl::RunOpening& opening) override {
    const std::lock_guard lock(mutex_);
    opening_ = opening;
  }
  void on_begin(int64_t step, int64_t steps) override {
    const std::lock_guard lock(mutex_);
    pace_.set_steps(steps);
    clear();
    if (opening_) out_ << opening_block(*opening_, step, steps, width_() - 1);
    draw(true);
  }

  void on_phase(int64_t, const std::string& phase) override {
    const std::lock_guard lock(mutex_);
    phase_ = phase;
    done_ = 0;
    total_ = 0;
    draw(true);
  }
  void on_progress(int64_t done, int64_t total) override {
    const std::lock_guard lock(mutex_);
    done_ = done;
    total_ = total;
    draw(false);
  }
  void on_step(const rl::MetricsRecord& record) override {
    const std::lock_guard lock(mutex_);
    pace_.on_step(record.step);
    figures_ = figures_of(record);
    draw(true);
  }
  void on_eval(int64_t step, const rl::MetricsRecord& record) override {
    const std::lock_guard lock(mutex_);
    leave_standing(eval_line(step, record));
  }
  void on_warning(const std::string& message) override {
    const std::lock_guard lock(mutex_);
    leave_standing("warning: " + printable(message));
  }

 private:
  void leave_standing(const std::string& line) {
    clear();
    out_ << line << "\n";
    draw(true);
  }
  void clear() { out_ << "\r\x1b[K" << std::flush; }
  void draw(bool at_once) {
    const double now = clock_.now_s();
    if (!at_once && now - drawn_s_ < kRedrawTrainingEvery_s) return;
    drawn_s_ = now;
    std::string phase = phase_;
    if (total_ > 0) phase += fmt::format(" {}/{}", done_, total_);
    // What matters most stands left: a narrow terminal loses figures from the right, whole ones.
    const int width = width_();
    const std::string steps = fmt::format("{}/{}", pace_.step(), pace_.steps());
    std::vector<std::string> parts{
        pace_.left(),
        width >= kWidthForBar ? bar(pace_.step(), pace_.steps()) + " " + steps : steps,
        width >= kWidthForAlignment ? fmt::format("{:<16}", phase) : phase};
    parts.insert(parts.end(), figures_.begin(), figures_.end());
    out_ << "\r\x1b[K" << joined_within(parts, std::max(width - 1, 1)) << std::flush;
  }

  std::ostream& out_;
  const Clock& clock_;
  std::function<int()> width_;
  std::mutex mutex_;
  Pace pace_;
  std::optional<rl::RunOpening> opening_;
  std::string phase_;
  std::vector<std::string> figures_;  ///< of the last step
  int64_t done_ = 0;
  int64_t total_ = 0;
  double drawn_s_ = -1.0;
};

class PlainDisplay final : public rl::RunObserver {
 public:
  PlainDisplay(std::ostream& out, int64_t steps, const Clock& clock)
      : out_(out), pace_(steps, clock) {}

  void on_opening(const rl::RunOpening& opening) override { opening_ = opening; }
  void on_begin(int64_t step, int64_t steps) override {
    pace_.set_steps(steps);
    if (opening_) out_ << opening_block(*opening_, step, steps, kPlainColumns) << std::flush;
  }
  void on_step(const rl::MetricsRecord& record) override {
    pace_.on_step(record.step);
    const std::string left = pace_.left();
    out_ << fmt::format("step {}/{}: {}{}\n", record.step, pace_.steps(),
                        left.empty() ? "" : left + "  ", step_summary(record))
         << std::flush;
  }
  void on_eval(int64_t step, const rl::MetricsRecord& record) override {
    out_ << eval_line(step, record) << std::endl;
  }
  void on_warning(const std::string& message) override {
    out_ << "warning: " << printable(message) << std::endl;
  }

 private:
  std::ostream& out_;
  Pace pace_;
  std::optional<rl::RunOpening> opening_;
};

class JsonDisplay final : public rl::RunObserver {
 public:
  explicit JsonDisplay(std::ostream& out) : out_(out) {}

  void on_opening(const rl::RunOpening& opening) override { opening_ = opening; }
  void on_begin(int64_t step, int64_t steps) override {
    if (!opening_) return;
    out_ << dump_json({{"event", "opening"},
                       {"step", step},
                       {"steps", steps},
                       {"model", opening_->model},
                       {"parameters", opening_->num_parameters},
                       {"trained", opening_->num_trained},
                       {"rows", opening_->num_rows},
                       {"run_dir", opening_->directory.string()},
                       {"memory_bytes", opening_->memory_bytes},
                       {"prompt", opening_->first_text}})
         << std::endl;
  }
  void on_step(const rl::MetricsRecord& record) override { write("step", record.step, record); }
  void on_eval(int64_t step, const rl::MetricsRecord& record) override {
    write("eval", step, record);
  }
  void on_warning(const std::string& message) override {
    out_ << dump_json({{"event", "warning"}, {"message", message}}) << std::endl;
  }

 private:
  void write(const char* event, int64_t step, const rl::MetricsRecord& record) {
    nlohmann::json object(record.values);
    object["event"] = event;
    object["step"] = step;
    out_ << dump_json(object) << std::endl;
  }

  std::ostream& out_;
  std::optional<rl::RunOpening> opening_;
};

int terminal_width() {
  constexpr int kUsualColumns = 80;
  winsize size{};
  const bool is_known = ::ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0;
  return is_known ? size.ws_col : kUsualColumns;
}

}  // namespace

std::string step_summary(const rl::MetricsRecord& record) {
  return fmt::format("{}", fmt::join(figures_of(record), "  "));
}

std::unique_ptr<rl::RunObserver> make_terminal_display(std::ostream& out, int64_t steps,
                                                       const Clock& clock,
                                                       std::function<int()> width) {
  return std::make_unique<TerminalDisplay>(out, steps, clock, std::move(width));
}
std::unique_ptr<rl::RunObserver> make_plain_display(std::ostream& out, int64_t steps,
                                                    const Clock& clock) {
  return std::make_unique<PlainDisplay>(out, steps, clock);
}
std::unique_ptr<rl::RunObserver> make_json_display(std::ostream& out) {
  return std::make_unique<JsonDisplay>(out);
}

std::unique_ptr<rl::RunObserver> make_display(bool as_json, int64_t steps, const Clock& clock,
                                              Session& session) {
  if (as_json) return make_json_display(session.out);
  if (session.err_is_terminal && can_redraw())
    return make_terminal_display(*session.screen, steps, clock, terminal_width);
  return make_plain_display(session.out, steps, clock);
}

}  // namespace gradus::cli
