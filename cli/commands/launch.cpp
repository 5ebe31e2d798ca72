#include <fcntl.h>
#include <fmt/format.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstring>
#include <memory>
#include <optional>
#include <ostream>
#include <string>
#include <thread>
#include <vector>

#include "base/error.h"
#include "base/process/spawn_plan.h"
#include "cli/commands/command_record.h"
#include "rl/parallel/c10d.h"

extern char** environ;  // NOLINT: POSIX's name for what a child inherits

namespace gradus::cli {
namespace {

using LaunchClock = std::chrono::steady_clock;

constexpr std::chrono::milliseconds kLookAtRanks{20};

struct LaunchOptions {
  int num_ranks = 0;
  int restarts = 0;
  int port = 0;
  double grace_s = 10.0;
  std::vector<std::string> command;
};

/// One rank, and how it ended.
struct LaunchedRank {
  int rank = 0;
  pid_t pid = -1;
  std::optional<int> status = {};  ///< as waitpid gives it; nothing: it runs

  bool is_running() const { return !status; }
  bool was_killed() const { return status && WIFSIGNALED(*status); }
  int exit_code() const { return WIFEXITED(*status) ? WEXITSTATUS(*status) : 128; }
  /// Started anew, it might get further.
  bool may_restart() const { return was_killed() || exit_code() == rl::kMayRestart; }
  std::string how_it_ended() const {
    if (was_killed())
      return fmt::format("was killed by signal {} ({})", WTERMSIG(*status),
                         ::strsignal(WTERMSIG(*status)));
    return fmt::format("ended with exit code {}", exit_code());
  }
};

/// The ranks of one start.
class Ranks {
 public:
  Ranks(const LaunchOptions& options, int port, int restart) : options_(options) {
    for (int rank = 0; rank < options.num_ranks; ++rank)
      ranks_.push_back({rank, spawn(rank, port, restart)});
  }
  ~Ranks() { kill_all(SIGKILL); }
  Ranks(const Ranks&) = delete;
  Ranks& operator=(const Ranks&) = delete;

  /// Waits for all to end. A rank that dies ends the others, and so does a wish to stop.
  void wait(Session& session) {
    std::optional<LaunchClock::time_point> ending;
    while (look(session)) {
      if (session.wants_checkpoint && session.wants_checkpoint()) ::kill(ranks_[0].pid, SIGUSR2);
      const bool ends = session.stop.stop_requested() || has_failed();
      if (ends && !ending) {
        ending = LaunchClock::now();
        kill_all(SIGTERM);
      }
      // After a wish to stop they save, which takes the time it takes.
      const bool is_overdue =
          ending && has_failed() &&
          LaunchClock::now() - *ending > std::chrono::duration<double>(options_.grace_s);
      if (is_overdue) kill_all(SIGKILL);
      std::this_thread::sleep_for(kLookAtRanks);
    }
  }

  const std::vector<LaunchedRank>& ranks() const { return ranks_; }

 private:
  pid_t spawn(int rank, int port, int restart) const {
    std::vector<std::string> variables;
    for (char** variable = environ; *variable != nullptr; ++variable)
      variables.emplace_back(*variable);
    const auto set = [&](const std::string& name, const std::string& value) {
      std::erase_if(variables, [&](const auto& v) { return v.starts_with(name + "="); });
      variables.push_back(name + "=" + value);
    };
    set("RANK", std::to_string(rank));
    set("LOCAL_RANK", std::to_string(rank));
    set("WORLD_SIZE", std::to_string(options_.num_ranks));
    set("LOCAL_WORLD_SIZE", std::to_string(options_.num_ranks));
    set("MASTER_ADDR", "127.0.0.1");
    set("MASTER_PORT", std::to_string(port));
    set("TORCHELASTIC_USE_AGENT_STORE", "True");
    set("TORCHELASTIC_RUN_ID", fmt::format("launch-{}", ::getpid()));
    set("TORCHELASTIC_RESTART_COUNT", std::to_string(restart));
    set("TORCHELASTIC_MAX_RESTARTS", std::to_string(options_.restarts));
    set("GRADUS_LAUNCHED", "1");
    std::vector<std::string> words{"gradus"};
    words.insert(words.end(), options_.command.begin(), options_.command.end());
    const auto pointers = [](std::vector<std::string>& texts) {
      std::vector<char*> all;
      for (auto& text : texts) all.push_back(text.data());
      all.push_back(nullptr);
      return all;
    };
    auto arguments = pointers(words);
    auto environment = pointers(variables);
    SpawnPlan plan;
    pid_t pid = -1;
    const int failure = ::posix_spawn(&pid, "/proc/self/exe", &plan.actions, &plan.attributes,
                                      arguments.data(), environment.data());
    if (failure != 0)
      throw Error(fmt::format("launch: rank {} can't be started: {}", rank,
                              std::system_category().message(failure)));
    return pid;
  }

  /// False: all have ended.
  bool look(Session& session) {
    bool is_any_running = false;
    for (LaunchedRank& rank : ranks_) {
      if (!rank.is_running()) continue;
      int status = 0;
      const pid_t ended = ::waitpid(rank.pid, &status, WNOHANG);
      if (ended == rank.pid) rank.status = status;
      if (ended < 0 && errno == ECHILD) rank.status = 0;
      if (rank.was_killed())
        session.err << fmt::format("gradus launch: rank {} (process {}) {}\n", rank.rank, rank.pid,
                                   rank.how_it_ended())
                    << std::flush;
      is_any_running = is_any_running || rank.is_running();
    }
    return is_any_running;
  }

  bool has_failed() const {
    return std::ranges::any_of(ranks_, [](const LaunchedRank& rank) {
      return !rank.is_running() && (rank.was_killed() || rank.exit_code() != 0);
    });
  }

  void kill_all(int signal) const {
    for (const LaunchedRank& rank : ranks_)
      if (rank.is_running()) ::kill(rank.pid, signal);
  }

  const LaunchOptions& options_;
  std::vector<LaunchedRank> ranks_;
};

/// Of a start that is over: 0, the code of a rank that a new start would not help, or that of one
/// that it may help.
int exit_code_of(const std::vector<LaunchedRank>& ranks) {
  int code = 0;
  for (const LaunchedRank& rank : ranks) {
    const bool is_own = !rank.may_restart() && rank.exit_code() != rl::kMustNotRestart;
    if (is_own && rank.exit_code() != 0) return rank.exit_code();
  }
  for (const LaunchedRank& rank : ranks) {
    if (rank.may_restart()) code = rl::kMayRestart;
    if (!rank.may_restart() && rank.exit_code() == rl::kMustNotRestart) return rl::kMustNotRestart;
  }
  return code;
}

void launch(const LaunchOptions& options, Session& session) {
  if (options.num_ranks < 1)
    throw ArgumentError(fmt::format("launch: -n is {}, must be >= 1", options.num_ranks));
  if (options.restarts < 0)
    throw ArgumentError(fmt::format("launch: --restarts is {}, must be >= 0", options.restarts));
  if (options.command.empty() ||
      (options.command.front() != "train" && options.command.front() != "doctor"))
    throw ArgumentError(
        "launch: the command must be `train` or `doctor`: gradus launch -n 2 -- train recipe.toml");
  const auto store = rl::serve_store(options.port);
  for (int restart = 0;; ++restart) {
    Ranks ranks(options, store->port(), restart);
    ranks.wait(session);
    session.exit_code = exit_code_of(ranks.ranks());
    if (session.exit_code != rl::kMayRestart || session.stop.stop_requested()) return;
    if (restart == options.restarts) return;
    session.err << fmt::format("gradus launch: starts all ranks anew, {} of {}\n", restart + 1,
                               options.restarts)
                << std::flush;
  }
}

void declare_launch(Command app, Session& session) {
  auto options = std::make_shared<LaunchOptions>();
  app.add_option("-n,--ranks", options->num_ranks, "processes on this machine").required();
  app.add_option("--restarts", options->restarts,
                 "times that all are started anew after one has died; the run goes on from its "
                 "newest checkpoint");
  app.add_option("--port", options->port, "where they meet; 0: a free one");
  app.add_option("--grace", options->grace_s,
                 "seconds that the others have to end after one has died, before they are killed");
  app.add_option("command", options->command, "-- train RECIPE ..., as each of them gets it");
  app.callback([options, &session] { launch(*options, session); });
}

}  // namespace

extern const CommandRecord kLaunchCommand{
    "", "launch", "train with several processes on this machine: launch -n 4 -- train RECIPE",
    declare_launch};

}  // namespace gradus::cli
