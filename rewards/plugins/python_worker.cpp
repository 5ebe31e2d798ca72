#include "rewards/plugins/python_worker.h"

#include <fmt/core.h>

#include <random>

#include "base/error.h"
#include "base/json.h"
#include "base/printable.h"
#include "rewards/plugins/python_worker_script.h"

namespace gradus::rewards {
namespace {

using nlohmann::json;
using Kind = WorkerReply::Kind;

constexpr size_t kMaxReasonBytes = 2000;
constexpr double kExitPatienceS = 2.0;

// Unpredictable on purpose: it only pairs a reply with its request and reaches no result.
uint64_t fresh_nonce() {
  std::random_device device;
  return (uint64_t{device()} << 21) ^ device();
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
  return printable(lines.substr(lines.find_first_not_of('\n')), kMaxReasonBytes);
}

}  // namespace

std::string PythonWorker::start() {
  if (child_ && child_->is_running()) return "";
  stop();
  ProcessConfig process;
  process.command = {config_.interpreter, "-c", kPythonWorkerScript};
  process.environment = config_.environment;
  try {
    child_ = std::make_unique<ChildProcess>(std::move(process));
  } catch (const PeerError& error) {
    return error.what();
  }
  const json request{{"load", {config_.file, config_.function}}, {"memory_mb", config_.memory_mb}};
  const WorkerReply reply = exchange(request, config_.load_timeout_s);
  if (reply.kind == Kind::answered) return "";
  stop();
  return "cannot be loaded: " + reply.reason;
}

WorkerReply PythonWorker::call(json request) {
  if (const std::string fault = start(); !fault.empty()) return {Kind::failed, {}, fault};
  return exchange(std::move(request), config_.timeout_s);
}

void PythonWorker::stop() {
  child_.reset();
}

// Everything but a well-formed reply, an exception of the user's function included in the well
// formed, leaves a process in a state that nobody knows: it is ended.
WorkerReply PythonWorker::exchange(json request, double timeout_s) {
  const uint64_t nonce = fresh_nonce();
  request["nonce"] = nonce;
  const Exchange exchange = child_->exchange(dump_json(request), timeout_s);
  if (exchange.outcome == ExchangeOutcome::timed_out) {
    stop();
    return {Kind::timed_out, {}, fmt::format("did not answer within {} s", number_text(timeout_s))};
  }
  if (exchange.outcome != ExchangeOutcome::replied) {
    const std::string what = exchange.outcome == ExchangeOutcome::closed
                                 ? "the worker " + ending()
                                 : "the worker wrote what is no reply on its channel";
    stop();
    return {Kind::failed, {}, what};
  }
  const json reply = json::parse(exchange.reply, nullptr, false);
  if (!reply.is_object() || reply.value("nonce", json()) != nonce) {
    stop();
    return {Kind::failed, {}, "the worker wrote what is no reply on its channel"};
  }
  if (reply.contains("error")) {
    const auto& error = reply["error"];
    const std::string text = error.is_string() ? error.get<std::string>() : dump_json(error);
    return {Kind::failed, {}, printable(text, kMaxReasonBytes)};
  }
  return {Kind::answered, reply.value("grades", json()), ""};
}

std::string PythonWorker::ending() {
  child_->wait_for_end(kExitPatienceS);
  child_->kill();
  const std::string lines = last_lines(child_->error_output());
  return child_->status_text() + (lines.empty() ? "" : "; its last words: " + lines);
}

}  // namespace gradus::rewards
