#include "cli/cluster/ranks.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <string>
#include <system_error>
#include <utility>

#include "base/error.h"
#include "base/failure_text.h"
#include "base/process/usable_cores.h"
#include "rl/parallel/c10d.h"

namespace gradus::cli {
namespace {

namespace fs = std::filesystem;

fs::path make_scratch() {
  std::string path = (fs::temp_directory_path() / "gradus-rank-XXXXXX").string();
  if (::mkdtemp(path.data()) == nullptr)
    throw FileError(path, "write_failed", "no folder of this rank's own can be made (TMPDIR)");
  return path;
}

}  // namespace

RankSession::RankSession(std::optional<rl::RankPlace> place, Session& session)
    : place_(std::move(place)), session_(session) {
  if (!is_first()) scratch_ = make_scratch();
}

RankSession::~RankSession() {
  std::error_code nobody_minds;
  if (!scratch_.empty()) fs::remove_all(scratch_, nobody_minds);
}

int RankSession::threads() const {
  return is_alone() ? 0 : std::max(1, usable_cores() / place_->local_size);
}

void RankSession::run(const rl::ClusterConfig& config,
                      const std::function<void(std::shared_ptr<rl::Communicator>)>& work) {
  if (is_alone()) return work(nullptr);
  const auto say = [this](const std::string& line) {
    if (is_first()) session_.err << "gradus: " << line << std::endl;
  };
  say(fmt::format("rank {} of {}, started by {}{}; run.threads = 0 gives each {}", place_->rank,
                  place_->size, place_->launcher,
                  restart() > 0 ? fmt::format(", start {}", restart() + 1) : std::string(),
                  threads()));
  std::shared_ptr<rl::Communicator> ranks;
  try {
    ranks = rl::join_ranks(*place_, config, say);
  } catch (const PeerError& error) {
    rl::write_rank_error(error.what());
    end(error.what(), rl::kMayRestart);
    return;
  }
  try {
    work(ranks);
    ranks->barrier();
    return;
  } catch (const std::exception& error) {
    fail(*ranks, error);
    // Its threads may wait for ranks that are gone: the process ends without its destructor.
    new std::shared_ptr<rl::Communicator>(std::move(ranks));
    const auto* lost = dynamic_cast<const rl::PeerLost*>(&error);
    if (lost == nullptr) throw;
    end(lost->what(), lost->may_restart() ? rl::kMayRestart : rl::kMustNotRestart);
  }
}

void RankSession::end(const std::string& reason, int code) {
  session_.err << "gradus: " << reason << std::endl;
  session_.exit_code = code;
}

void RankSession::fail(rl::Communicator& ranks, const std::exception& error) {
  const std::string reason = failure_text(error);
  rl::write_rank_error(reason);
  if (dynamic_cast<const rl::PeerLost*>(&error) == nullptr) ranks.abort(reason);
}

}  // namespace gradus::cli
