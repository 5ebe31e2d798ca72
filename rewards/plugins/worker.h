#pragma once

#include <functional>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <stop_token>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "rewards/sandbox/sandbox.h"

namespace gradus::rewards {

/// A program that grades, the same for every process of a pool.
struct WorkerProgram {
  sandbox::SandboxConfig process;
  nlohmann::json load;  // sent once after the start; null: the program has no such hand-shake
  std::function<std::string()> check;  // before each start: why not to start, or ""; may be empty
  double timeout_s = 30.0;
  double load_timeout_s = 120.0;
};

/// Why a call gave fewer grades than samples.
struct WorkerFault {
  enum class Kind {
    broken,    // crash, closed channel, lines that are no replies: the process is of no more use
    refused,   // a well-formed reply says that the call failed; the process goes on
    timed_out  // the process was ended at its limit
  };
  Kind kind = Kind::broken;
  std::string reason;
};

struct WorkerAnswer {
  std::vector<nlohmann::json> scores;  // of the first samples, in order; see PluginRule
  std::optional<WorkerFault> fault;    // of the sample after those, or of the whole call
};

/// One isolated process that speaks lines of JSON:
///
///   request   {"nonce": N, "load": ...}          reply  {"nonce": N, "loaded": {...}}
///   request   {"nonce": N, ...}                  reply  {"nonce": N, "scores": [...]}    (a batch)
///                                            or replies {"nonce": "N:i", "score": ...}   (samples)
///   either may answer {"nonce": ..., "error": text}
///
/// Nonces are fresh and random for every call: what code prints or sends unasked, or too late, is
/// no reply, and ends the process; so does a reply of more than kMaxReplyBytes (of a batch: 72 KiB
/// a sample, where that is more) or one that is no strict JSON (reply.h). It is started when
/// needed. One thread at a time.
class PluginWorker {
 public:
  PluginWorker(std::shared_ptr<const sandbox::Sandbox> sandbox, WorkerProgram program)
      : sandbox_(std::move(sandbox)), program_(std::move(program)) {}

  /// Starts and loads, unless that is done; returns why it failed, or "".
  std::string start();

  /// What the program said when it was loaded.
  const nlohmann::json& loaded() const { return loaded_; }

  /// One request, one reply with `count` scores.
  WorkerAnswer call_batch(nlohmann::json request, size_t count);

  /// One request, `count` replies; the time limit holds for each.
  WorkerAnswer call_samples(nlohmann::json request, size_t count);

  /// One request and one reply for each sample.
  WorkerAnswer call_singly(std::vector<nlohmann::json> requests);

  /// True if the process has answered nothing since it was started: its faults are not those of
  /// an earlier call.
  bool is_fresh() const { return is_fresh_; }

  /// Once `stop` is requested calls end at once, and none is made.
  void stop_with(const std::stop_token& stop);

  /// Ends the process with all that it started; the next call starts a new one.
  void stop() { process_.reset(); }

 private:
  using Answer = std::variant<nlohmann::json, WorkerFault>;

  WorkerAnswer collect(const std::string& nonce, size_t count);
  Answer next_reply(const std::string& nonce, double timeout_s, size_t max_bytes);
  WorkerFault broken(const std::string& what);
  std::string ending();

  std::shared_ptr<const sandbox::Sandbox> sandbox_;
  WorkerProgram program_;
  std::unique_ptr<sandbox::SandboxedProcess> process_;
  nlohmann::json loaded_;
  bool is_fresh_ = true;
  std::stop_token stop_;
};

}  // namespace gradus::rewards
