#include "rewards/code/program_tests.h"

#include <fmt/core.h>
#include <signal.h>
#include <sys/random.h>

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "base/json.h"
#include "base/printable.h"
#include "rewards/code/judge_scripts.h"
#include "rewards/code/output_match.h"
#include "rewards/reply.h"

namespace gradus::rewards::code {
namespace {

using nlohmann::json;
using sandbox::Deadline;
using sandbox::Ending;
using sandbox::SandboxedProcess;

constexpr size_t kMaxReasonBytes = 300;
constexpr size_t kSpareOutputBytes = 65536;
constexpr double kExitPatienceS = 1.0;
// What a compiler makes is kept here and written into the sandbox of each test.
constexpr uint64_t kMaxProgramBytes = uint64_t{8} << 20;

std::string last_line(const std::string& text) {
  const size_t end = text.find_last_not_of(" \n\r\t");
  if (end == std::string::npos) return "";
  const size_t begin = text.rfind('\n', end);
  const size_t first = begin == std::string::npos ? 0 : begin + 1;
  return printable(text.substr(first, end + 1 - first), kMaxReasonBytes);
}

bool starts_with(const std::string& text, const char* start) {
  return text.rfind(start, 0) == 0;
}

/// Python tells of a fault in the main file's syntax without a traceback.
bool is_syntax_error(const std::string& errors, const std::string& line) {
  if (errors.find("Traceback (most recent call last)") != std::string::npos) return false;
  return starts_with(line, "SyntaxError") || starts_with(line, "IndentationError") ||
         starts_with(line, "TabError");
}

bool is_out_of_memory(const std::string& errors, const std::string& line) {
  return starts_with(line, "MemoryError") || errors.find("std::bad_alloc") != std::string::npos;
}

/// How a program ended that has not ended well; nothing: it has.
/// @throws PeerError  the machine could not run it: that says nothing of the program.
std::optional<TestResult> fault_of(const SandboxedProcess& process, double cpu_limit_s) {
  const Ending& ending = process.ending();
  using Kind = Ending::Kind;
  if (ending.kind == Kind::not_started || ending.kind == Kind::unknown ||
      ending.kind == Kind::killed) {
    throw PeerError("the program " + ending.description());
  }
  const std::string line = last_line(process.error_output());
  const std::string said = line.empty() ? "" : "; its last words: " + line;
  if (ending.kind == Ending::Kind::exited && ending.code == 0) return std::nullopt;
  // A program that ignores SIGXCPU is killed a second later.
  const bool is_late = ending.cpu_s + 0.1 >= std::ceil(cpu_limit_s);
  if (ending.kind == Ending::Kind::signalled && is_late &&
      (ending.code == SIGXCPU || ending.code == SIGKILL)) {
    return TestResult{Verdict::timeout, "used its CPU time up"};
  }
  if (ending.kind == Ending::Kind::out_of_memory ||
      is_out_of_memory(process.error_output(), line)) {
    return TestResult{Verdict::memory, "passed the memory limit" + said};
  }
  if (ending.kind == Ending::Kind::exited && is_syntax_error(process.error_output(), line)) {
    return TestResult{Verdict::compile, line};
  }
  return TestResult{Verdict::crash, ending.description() + said};
}

TestResult out_of_time(double seconds) {
  return {Verdict::timeout, fmt::format("did not end within {} s", number_text(seconds))};
}

std::string fresh_nonce() {
  uint64_t value = 0;
  while (::getrandom(&value, sizeof(value), 0) != sizeof(value)) {
  }
  return fmt::format("{:016x}", value);
}

json request_of(const TestCase& test, double tolerance) {
  const char* kind = test.kind == TestCase::Kind::call    ? "call"
                     : test.kind == TestCase::Kind::check ? "check"
                                                          : "script";
  return {{"kind", kind},        {"function", test.function},      {"arguments", test.arguments},
          {"value", test.value}, {"wrapped", test.may_be_wrapped}, {"source", test.source},
          {"setup", test.setup}, {"tolerance", tolerance}};
}

}  // namespace

const char* verdict_name(Verdict verdict) {
  switch (verdict) {
    case Verdict::ok:
      return "ok";
    case Verdict::wrong:
      return "wrong";
    case Verdict::timeout:
      return "timeout";
    case Verdict::memory:
      return "memory";
    case Verdict::crash:
      return "crash";
    case Verdict::compile:
      return "compile";
  }
  return "?";
}

sandbox::SandboxConfig ProgramTests::process(const Program& program) const {
  sandbox::SandboxConfig config;
  config.command = language_.run;
  config.environment = language_.environment;
  config.readable = language_.readable;
  config.files = program.files;
  config.limits.memory_bytes = limits_.memory_bytes;
  config.limits.caps_address_space = language_.caps_address_space;
  config.limits.scratch_bytes = limits_.scratch_bytes;
  config.limits.num_processes = limits_.num_processes;
  config.limits.cpu_s = static_cast<uint64_t>(std::ceil(limits_.timeout_s));
  return config;
}

std::unique_ptr<SandboxedProcess> ProgramTests::start(const sandbox::SandboxConfig& config) const {
  auto process = sandbox_->start(config);
  process->stop_with(stop_);
  return process;
}

std::optional<TestResult> ProgramTests::prepare(const std::string& source, Program& program) const {
  program.files = {{language_.file, source, 0444}};
  if (language_.compile.empty()) return std::nullopt;
  sandbox::SandboxConfig config = process(program);
  config.command = language_.compile;
  config.collect = language_.run.front();
  config.limits.memory_bytes = uint64_t{2} << 30;  // the compiler's, not the program's
  config.limits.scratch_bytes = uint64_t{256} << 20;
  config.limits.cpu_s = static_cast<uint64_t>(std::ceil(limits_.compile_timeout_s));
  config.collect_bytes = kMaxProgramBytes;
  const auto compiler = start(config);
  if (!compiler->wait_end(sandbox::deadline_in(limits_.compile_timeout_s * 2))) {
    return TestResult{Verdict::compile, "the compiler did not end in time"};
  }
  const bool is_made = compiler->ending().kind == Ending::Kind::exited &&
                       compiler->ending().code == 0 && !compiler->collected().empty();
  if (!is_made) {
    const std::string said = printable(compiler->error_output(), kMaxReasonBytes);
    fault_of(*compiler, limits_.compile_timeout_s);  // throws where the machine is at fault
    return TestResult{
        Verdict::compile,
        !said.empty()
            ? said
            : fmt::format("the compiler made no program of at most {} bytes", kMaxProgramBytes)};
  }
  program.files = {{language_.run.front(), compiler->collected(), 0555}};
  return std::nullopt;
}

TestResult ProgramTests::run(const Program& program, const TestCase& test) const {
  if (test.kind == TestCase::Kind::io) return run_io(program, test);
  if (language_.name != "python") {
    return {Verdict::wrong, "tests of functions are for Python; this is " + language_.name};
  }
  return run_judged(program, test);
}

TestResult ProgramTests::run_io(const Program& program, const TestCase& test) const {
  sandbox::SandboxConfig config = process(program);
  config.input = sandbox::Input::text;
  config.input_text = test.input;
  config.max_output_bytes = test.expected.size() + kSpareOutputBytes;
  const auto process = start(config);
  const bool has_ended = process->wait_end(sandbox::deadline_in(wall_s()), true);
  if (process->is_output_cut()) {
    return {Verdict::wrong, fmt::format("the output has more than {} bytes, {} are expected",
                                        config.max_output_bytes, test.expected.size())};
  }
  if (!has_ended) return out_of_time(wall_s());
  if (auto fault = fault_of(*process, limits_.timeout_s)) return *fault;
  const std::string difference =
      output_difference(process->output(), test.expected, limits_.tolerance);
  if (difference.empty()) return {};
  return {Verdict::wrong, difference, process->output()};
}

/// One test of functions: the judge, the program, and the messages between them.
class ProgramTests::Judged {
 public:
  Judged(const ProgramTests& owner, const Program& program)
      : owner_(owner), deadline_(sandbox::deadline_in(owner.wall_s())), nonce_(fresh_nonce()) {
    sandbox::SandboxConfig config = owner.process(program);
    config.command = {owner.language_.run.front(), "-c", kProgramDriver, owner.language_.file};
    program_ = owner.start(config);
    config.files.clear();
    config.command = {owner.language_.run.front(), "-c", kTestJudge};
    judge_ = owner.start(config);
  }

  TestResult run(const TestCase& test) {
    const std::string request = line({{"test", request_of(test, owner_.limits_.tolerance)}});
    limit_replies(request.size());
    judge_->send(request);
    program_->send(line({{"load", true}}));
    const json loaded = from_program();
    if (loaded.contains("compile")) {
      return {Verdict::compile, printable(text(loaded["compile"]), kMaxReasonBytes)};
    }
    if (!loaded.contains("loaded")) return end_of_program();
    for (;;) {
      const json message = from_judge();
      if (message.contains("verdict")) return result_of(message);
      if (!message.contains("ask")) return end_of_judge();
      program_->send(line({{"ask", message["ask"]}}));
      const json answer = from_program();
      if (!answer.contains("answer")) return end_of_program();
      judge_->send(line({{"answer", answer["answer"]}}));
    }
  }

 private:
  // An answer may be as large as what the test holds; written as tagged JSON inside a text it takes
  // a few times as much. The judge hands on what it was answered.
  void limit_replies(size_t test_bytes) {
    max_program_bytes_ = std::max(kMaxReplyBytes, 4 * test_bytes);
    max_judge_bytes_ = 4 * max_program_bytes_;
    program_->limit_replies(max_program_bytes_);
    judge_->limit_replies(max_judge_bytes_);
  }

  static std::string text(const json& value) {
    return value.is_string() ? value.get<std::string>() : dump_json(value);
  }

  std::string line(json message) const {
    message["nonce"] = nonce_;
    return dump_json(message) + "\n";
  }

  json next(SandboxedProcess& process, size_t max_bytes) {
    std::string line;
    event_ = process.wait_line(line, deadline_);
    if (event_ != SandboxedProcess::Event::line) return json::object();
    json message = read_reply(line, max_bytes).value;
    if (!message.is_object() || message.value("nonce", json()) != nonce_) return json::object();
    return message;
  }

  json from_judge() { return next(*judge_, max_judge_bytes_); }

  /// Texts and truths are all that a program's message holds: an answer is JSON inside a text,
  /// which the judge alone reads.
  json from_program() {
    json message = next(*program_, max_program_bytes_);
    const auto is_flat = [](const json& member) { return !member.is_structured(); };
    return std::all_of(message.begin(), message.end(), is_flat) ? message : json::object();
  }

  TestResult result_of(const json& message) const {
    const std::string word = text(message["verdict"]);
    const std::string reason = printable(text(message.value("reason", json(""))), kMaxReasonBytes);
    if (word == "ok") return {};
    if (word == "memory") return {Verdict::memory, reason};
    return {word == "crash" ? Verdict::crash : Verdict::wrong, reason};
  }

  TestResult end_of_program() {
    if (event_ == SandboxedProcess::Event::timed_out) return out_of_time(owner_.wall_s());
    if (event_ == SandboxedProcess::Event::line || event_ == SandboxedProcess::Event::too_long) {
      return {Verdict::crash, "the program wrote what is no answer on its channel"};
    }
    if (!program_->wait_end(sandbox::deadline_in(kExitPatienceS))) {
      return {Verdict::crash, "the program closed its channel"};
    }
    if (auto fault = fault_of(*program_, owner_.limits_.timeout_s)) return *fault;
    return {Verdict::crash, "the program exited with status 0 before the test was over"};
  }

  TestResult end_of_judge() {
    if (event_ == SandboxedProcess::Event::timed_out) return out_of_time(owner_.wall_s());
    judge_->wait_end(sandbox::deadline_in(kExitPatienceS));
    if (auto fault = fault_of(*judge_, owner_.limits_.timeout_s);
        fault && fault->verdict == Verdict::timeout)
      return *fault;
    return {Verdict::wrong, "the test could not be run: " + last_line(judge_->error_output())};
  }

  const ProgramTests& owner_;
  Deadline deadline_;
  std::string nonce_;
  std::unique_ptr<SandboxedProcess> program_;
  std::unique_ptr<SandboxedProcess> judge_;
  SandboxedProcess::Event event_ = SandboxedProcess::Event::line;
  size_t max_program_bytes_ = kMaxReplyBytes;
  size_t max_judge_bytes_ = kMaxReplyBytes;
};

TestResult ProgramTests::run_judged(const Program& program, const TestCase& test) const {
  return Judged(*this, program).run(test);
}

}  // namespace gradus::rewards::code
