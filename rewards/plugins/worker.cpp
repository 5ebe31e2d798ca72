#include "rewards/plugins/worker.h"

#include <fmt/core.h>
#include <sys/random.h>

#include <algorithm>

#include "base/error.h"
#include "base/json.h"
#include "base/printable.h"
#include "rewards/reply.h"
#include "rewards/reward_rule.h"

namespace gradus::rewards {
namespace {

using nlohmann::json;
using sandbox::SandboxedProcess;
using Kind = WorkerFault::Kind;

constexpr size_t kMaxFaultBytes = 2000;
constexpr double kExitPatienceS = 1.0;
// A grade of a batch: its bounded details, and what stands around them.
constexpr size_t kGradeBytes = kMaxDetailBytes + (size_t{8} << 10);

// Unpredictable on purpose: it only pairs a reply with its request and reaches no result.
std::string fresh_nonce() {
  uint64_t value = 0;
  while (::getrandom(&value, sizeof(value), 0) != sizeof(value)) {
  }
  return fmt::format("{:016x}", value);
}

std::string last_lines(const std::string& text) {
  constexpr int kLines = 3;
  size_t begin = text.find_last_not_of('\n');
  if (begin == std::string::npos) return "";
  const size_t end = begin + 1;
  for (int line = 0; line < kLines && begin != std::string::npos && begin > 0; ++line) {
    begin = text.rfind('\n', begin - 1);
  }
  begin = begin == std::string::npos ? 0 : begin;
  const std::string lines = text.substr(begin, end - begin);
  return printable(lines.substr(lines.find_first_not_of('\n')), kMaxFaultBytes);
}

/// Ours, but written by a process that the user's code shares.
bool is_description(const json& loaded) {
  return loaded.is_object() && loaded.value("files", json::object()).is_object() &&
         loaded.value("form", json("")).is_string();
}

std::string text_of(const json& error) {
  return printable(error.is_string() ? error.get<std::string>() : dump_json(error), kMaxFaultBytes);
}

}  // namespace

void PluginWorker::stop_with(const std::stop_token& stop) {
  stop_ = stop;
  if (process_) process_->stop_with(stop);
}

std::string PluginWorker::start() {
  if (stop_.stop_requested()) return kStopped;
  if (process_ && process_->is_running()) return "";
  stop();
  if (program_.check) {
    if (std::string fault = program_.check(); !fault.empty()) return fault;
  }
  try {
    process_ = sandbox_->start(program_.process);
  } catch (const Error& error) {
    return error.what();
  }
  process_->stop_with(stop_);
  is_fresh_ = true;
  loaded_ = json::object();
  if (program_.load.is_null()) return "";
  const std::string nonce = fresh_nonce();
  process_->send(dump_json({{"nonce", nonce}, {"load", program_.load}}) + "\n");
  Answer reply = next_reply(nonce, program_.load_timeout_s, kMaxReplyBytes);
  if (const auto* fault = std::get_if<WorkerFault>(&reply)) {
    const std::string reason = "cannot be loaded: " + fault->reason;
    stop();
    return reason;
  }
  loaded_ = std::get<json>(std::move(reply)).value("loaded", json());
  if (is_description(loaded_)) return "";
  stop();
  return "cannot be loaded: the plug-in sent no description of what it loaded";
}

WorkerAnswer PluginWorker::call_batch(json request, size_t count) {
  if (const std::string fault = start(); !fault.empty())
    return {{}, WorkerFault{Kind::broken, fault}};
  const std::string nonce = fresh_nonce();
  request["nonce"] = nonce;
  process_->send(dump_json(request) + "\n");
  Answer reply =
      next_reply(nonce, program_.timeout_s, std::max(kMaxReplyBytes, count * kGradeBytes));
  if (auto* fault = std::get_if<WorkerFault>(&reply)) return {{}, std::move(*fault)};
  json scores = std::get<json>(reply).value("scores", json());
  if (!scores.is_array()) return {{}, broken("the plug-in sent a reply without scores")};
  if (scores.size() != count) {
    return {{},
            broken(fmt::format("the function returned {} values for {} completions", scores.size(),
                               count))};
  }
  is_fresh_ = false;
  return {std::vector<json>(scores.begin(), scores.end()), std::nullopt};
}

WorkerAnswer PluginWorker::call_samples(json request, size_t count) {
  if (const std::string fault = start(); !fault.empty())
    return {{}, WorkerFault{Kind::broken, fault}};
  const std::string nonce = fresh_nonce();
  request["nonce"] = nonce;
  process_->send(dump_json(request) + "\n");
  return collect(nonce, count);
}

WorkerAnswer PluginWorker::call_singly(std::vector<json> requests) {
  if (const std::string fault = start(); !fault.empty())
    return {{}, WorkerFault{Kind::broken, fault}};
  const std::string nonce = fresh_nonce();
  std::string lines;
  for (size_t i = 0; i < requests.size(); ++i) {
    requests[i]["nonce"] = nonce + ":" + std::to_string(i);
    lines += dump_json(requests[i]) + "\n";
  }
  process_->send(lines);
  return collect(nonce, requests.size());
}

WorkerAnswer PluginWorker::collect(const std::string& nonce, size_t count) {
  WorkerAnswer answer;
  for (size_t i = 0; i < count; ++i) {
    Answer reply = next_reply(nonce + ":" + std::to_string(i), program_.timeout_s, kMaxReplyBytes);
    auto* fault = std::get_if<WorkerFault>(&reply);
    if (fault != nullptr && fault->kind != Kind::refused) {
      answer.fault = std::move(*fault);
      return answer;
    }
    is_fresh_ = false;
    answer.scores.push_back(fault != nullptr ? json{{"error", fault->reason}}
                                             : std::get<json>(std::move(reply)));
  }
  return answer;
}

// Everything but a well-formed reply leaves a process in a state that nobody knows: it is ended.
PluginWorker::Answer PluginWorker::next_reply(const std::string& nonce, double timeout_s,
                                              size_t max_bytes) {
  std::string line;
  process_->limit_replies(max_bytes);
  switch (process_->wait_line(line, sandbox::deadline_in(timeout_s))) {
    case SandboxedProcess::Event::timed_out:
      stop();
      if (stop_.stop_requested()) return WorkerFault{Kind::broken, kStopped};
      return WorkerFault{Kind::timed_out,
                         fmt::format("did not answer within {} s", number_text(timeout_s))};
    case SandboxedProcess::Event::closed:
      return broken("the plug-in's process " + ending());
    case SandboxedProcess::Event::too_long:
      return broken(fmt::format("the plug-in sent a reply of more than {} bytes", max_bytes));
    case SandboxedProcess::Event::line:
      break;
  }
  auto [reply, fault] = read_reply(line, max_bytes);
  if (!reply.is_object() || reply.value("nonce", json()) != nonce) {
    return broken("the plug-in wrote what is no reply to this call: " +
                  (fault.empty() ? "" : fault + ": ") + printable(line, 200));
  }
  if (reply.contains("error")) {
    return WorkerFault{Kind::refused, text_of(reply["error"])};
  }
  return reply;
}

WorkerFault PluginWorker::broken(const std::string& what) {
  stop();
  return {Kind::broken, what};
}

std::string PluginWorker::ending() {
  // A program that closed its channel may go on: it is given a moment to say how it ends.
  process_->wait_end(sandbox::deadline_in(kExitPatienceS));
  process_->kill();
  const sandbox::Ending& ending = process_->ending();
  const std::string lines = last_lines(process_->error_output());
  const std::string what = ending.kind == sandbox::Ending::Kind::killed
                               ? "closed its reply channel and went on"
                               : ending.description();
  return what + (lines.empty() ? "" : "; its last words: " + lines);
}

}  // namespace gradus::rewards
