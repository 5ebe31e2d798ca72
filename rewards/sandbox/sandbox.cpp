#include "rewards/sandbox/sandbox.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <linux/landlock.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <filesystem>
#include <set>

#include "base/error.h"
#include "base/printable.h"
#include "rewards/sandbox/control_group.h"
#include "rewards/sandbox/helper_program.h"
#include "rewards/sandbox/named_pipes.h"
#include "rewards/sandbox/seccomp_filter.h"

namespace gradus::rewards::sandbox {
namespace {

namespace fs = std::filesystem;

constexpr const char* kScratch = "/tmp";
constexpr double kTrialPatienceS = 20.0;
constexpr uint64_t kTrialProcesses = 4;  // fewer than the mode "forks" starts

// --- the view ------------------------------------------------------------------------------------

constexpr std::array kSystemFolders{"/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32"};
constexpr std::array kSystemFiles{"/etc/ld.so.cache", "/etc/ld.so.conf", "/etc/ld.so.conf.d",
                                  "/etc/alternatives"};
constexpr std::array kNetworkFiles{"/etc/resolv.conf", "/etc/hosts", "/etc/ssl",
                                   "/etc/ca-certificates", "/etc/pki"};
constexpr std::array kDevices{"/dev/null", "/dev/full", "/dev/random", "/dev/urandom"};

bool is_inside(const std::string& path, const std::string& folder) {
  return path == folder || folder == "/" ||
         (path.size() > folder.size() && path.compare(0, folder.size(), folder) == 0 &&
          path[folder.size()] == '/');
}

bool exists(const std::string& path) {
  std::error_code ignored;
  return fs::exists(path, ignored);
}

void bind(LaunchPlan& plan, const std::string& path) {
  std::error_code error;
  const fs::path source = fs::canonical(path, error);
  if (error) return;
  std::string target = fs::path(path).lexically_normal().string();
  if (target.size() > 1 && target.back() == '/') target.pop_back();
  plan.binds.push_back({source.string(), target, false});
  // Links inside one folder to another name the canonical place.
  if (source.string() != target) plan.binds.push_back({source.string(), source.string(), false});
}

// A folder inside another that is shown at its own place is there already.
void drop_nested(std::vector<Bind>& binds) {
  std::stable_sort(binds.begin(), binds.end(),
                   [](const Bind& a, const Bind& b) { return a.target < b.target; });
  std::vector<Bind> kept;
  for (Bind& bind : binds) {
    const auto covers = [&](const Bind& other) {
      if (!is_inside(bind.target, other.target)) return false;
      return other.source + bind.target.substr(other.target.size()) == bind.source;
    };
    if (std::none_of(kept.begin(), kept.end(), covers)) kept.push_back(std::move(bind));
  }
  binds = std::move(kept);
}

void add_system(LaunchPlan& plan, bool has_network) {
  for (const char* folder : kSystemFolders) {
    std::error_code error;
    if (fs::is_symlink(folder, error)) {
      plan.links.push_back({folder, fs::read_symlink(folder, error).string()});
    } else if (fs::is_directory(folder, error)) {
      plan.binds.push_back({folder, folder, false});
    }
  }
  for (const char* file : kSystemFiles) bind(plan, file);
  if (has_network) {
    for (const char* file : kNetworkFiles) bind(plan, file);
  }
}

void add_devices(LaunchPlan& plan) {
  for (const char* device : kDevices) {
    if (exists(device)) plan.binds.push_back({device, device, true});
  }
  // Gives zeros as well, but no shared memory that belongs to nobody.
  if (exists("/dev/full")) plan.binds.push_back({"/dev/full", "/dev/zero", true});
  plan.links.push_back({"/dev/fd", "/proc/self/fd"});
  plan.links.push_back({"/dev/stdin", "/proc/self/fd/0"});
  plan.links.push_back({"/dev/stdout", "/proc/self/fd/1"});
  plan.links.push_back({"/dev/stderr", "/proc/self/fd/2"});
  plan.links.push_back({"/dev/shm", kScratch});
}

// Names for the user that the program is, so that libraries which ask get an answer.
void add_user_names(LaunchPlan& plan) {
  const bool is_root = ::geteuid() == 0;
  const std::string uid = std::to_string(is_root ? 65534U : ::geteuid());
  const std::string gid = std::to_string(is_root ? 65534U : ::getegid());
  plan.files.push_back({"/etc/passwd", "sandbox:x:" + uid + ":" + gid + "::/tmp:/bin/sh\n", 0444});
  plan.files.push_back({"/etc/group", "sandbox:x:" + gid + ":\n", 0444});
  plan.files.push_back(
      {"/etc/nsswitch.conf", "passwd: files\ngroup: files\nhosts: files dns\n", 0444});
}

// In the view's /etc, or where there is no view, in the scratch folder.
void add_guard(LaunchPlan& plan) {
  const std::string path =
      plan.rung == Rung::namespaces ? "/etc/gradus-guard.so" : "/tmp/.gradus-guard.so";
  plan.files.push_back({path, guard_library(), 0444});
  const std::string name = "LD_PRELOAD=";
  for (std::string& variable : plan.environment) {
    if (variable.rfind(name, 0) != 0) continue;
    variable = name + path + ":" + variable.substr(name.size());
    return;
  }
  plan.environment.push_back(name + path);
}

LaunchPlan plan_of(const SandboxConfig& config, Rung rung) {
  LaunchPlan plan;
  plan.rung = rung;
  plan.command = config.command;
  plan.runs_helper = config.runs_helper;
  for (const auto& [name, value] : config.environment) {
    plan.environment.push_back(name + "=" + value);
  }
  add_system(plan, config.has_network);
  for (const std::string& path : config.readable) bind(plan, path);
  drop_nested(plan.binds);
  add_devices(plan);
  add_user_names(plan);
  plan.files.insert(plan.files.end(), config.files.begin(), config.files.end());
  if (config.closes_processes && !config.runs_helper) add_guard(plan);
  plan.scratch = kScratch;
  plan.input = config.input;
  plan.input_text = config.input_text;
  plan.replies_on_output = config.replies_on_output;
  plan.has_network = config.has_network;
  plan.keeps_read_capability = config.reads_private_files;
  plan.collect = config.collect;
  plan.collect_bytes = config.collect_bytes;
  const SandboxLimits& limits = config.limits;
  plan.scratch_bytes = limits.scratch_bytes;
  plan.memory_bytes = limits.memory_bytes;
  plan.address_space_bytes = limits.caps_address_space ? limits.memory_bytes : 0;
  plan.file_bytes = std::max<uint64_t>(limits.scratch_bytes, 1);
  plan.stack_bytes = limits.stack_bytes;
  plan.cpu_s = limits.cpu_s;
  plan.num_processes = limits.num_processes;
  plan.num_open_files = limits.num_open_files;
  return plan;
}

// --- without namespaces --------------------------------------------------------------------------

/// The scratch folder is a real one; paths of the plan that lie in /tmp move there.
std::string move_scratch(LaunchPlan& plan) {
  std::string folder = (fs::temp_directory_path() / "gradus-sandbox-XXXXXX").string();
  if (::mkdtemp(folder.data()) == nullptr) {
    throw FileError(folder, "write_failed", "no scratch folder can be made there");
  }
  const std::string prefix = std::string(kScratch) + "/";
  std::vector<std::string> moved{plan.collect};
  for (const PlannedFile& file : plan.files) moved.push_back(file.path);
  const auto move = [&](std::string& path) {
    if (path.rfind(prefix, 0) == 0) path = folder + path.substr(prefix.size() - 1);
  };
  for (std::string& word : plan.command) {
    if (std::find(moved.begin(), moved.end(), word) != moved.end()) move(word);
  }
  for (std::string& variable : plan.environment) {
    const size_t value = variable.find('=') + 1;
    if (variable.substr(value) == kScratch) variable = variable.substr(0, value) + folder;
    if (variable.compare(value, prefix.size() + 1, prefix + ".") == 0) {
      variable = variable.substr(0, value) + folder + variable.substr(value + prefix.size() - 1);
    }
  }
  move(plan.collect);
  for (PlannedFile& file : plan.files) {
    if (file.path.rfind(prefix, 0) != 0) continue;  // the view's /etc
    move(file.path);
    fs::create_directories(fs::path(file.path).parent_path());
    const FileDescriptor out = open_file(file.path, O_WRONLY | O_CREAT | O_TRUNC, file.mode);
    write_all(out.get(), std::as_bytes(std::span(file.content)), file.path);
  }
  plan.files.clear();
  plan.scratch = folder;
  return folder;
}

// --- the probe -----------------------------------------------------------------------------------

int landlock_abi() {
  const long abi =
      ::syscall(SYS_landlock_create_ruleset, nullptr, 0, LANDLOCK_CREATE_RULESET_VERSION);
  return abi > 0 ? static_cast<int>(abi) : 0;
}

/// How a program ends on this rung.
Ending trial(LaunchPlan plan, int helper) {
  SandboxedProcess::Options options;
  if (plan.rung != Rung::namespaces) options.owned_folder = move_scratch(plan);
  SandboxedProcess process(std::move(plan), helper, std::move(options));
  if (process.wait_end(deadline_in(kTrialPatienceS))) return process.ending();
  Ending late;
  late.kind = Ending::Kind::not_started;
  late.text = "a trial program did not end";
  return late;
}

bool is_well(const Ending& ending) {
  return ending.kind == Ending::Kind::exited && ending.code == 0;
}

SandboxConfig trial_config(const char* mode) {
  SandboxConfig config;
  config.command = {"gradus-sandbox", mode};
  config.runs_helper = true;
  config.limits.memory_bytes = uint64_t{256} << 20;
  config.limits.scratch_bytes = 1 << 20;
  config.limits.num_processes = kTrialProcesses;
  return config;
}

/// What of the limits cannot be kept as they are meant.
std::vector<std::string> gaps_of(const Ending& nothing, LaunchPlan plan, int helper) {
  std::vector<std::string> gaps;
  if (!nothing.warning.empty()) gaps.push_back(nothing.warning);
  if (plan.rung == Rung::limits) gaps.emplace_back("every file of the user is in its reach");
  if (!is_well(trial(std::move(plan), helper))) {
    gaps.emplace_back(
        "the kernel does not count this user's processes: the sandbox counts them every 25 ms and "
        "ends a program that has too many");
  }
  return gaps;
}

SandboxProbe probe_with(int helper, const std::string& filter, Rung strongest) {
  SandboxProbe probe;
  probe.landlock_abi = landlock_abi();
  probe.cgroup = ControlGroup::find_parent();
  if (strongest != Rung::namespaces) probe.missing = "nothing stronger was asked for";
  const auto plan = [&filter](const char* mode, Rung rung) {
    LaunchPlan made = plan_of(trial_config(mode), rung);
    made.seccomp = filter;
    return made;
  };
  for (const Rung rung : {Rung::namespaces, Rung::landlock, Rung::limits}) {
    if (rung < strongest) continue;
    const Ending ending = trial(plan("nothing", rung), helper);
    if (is_well(ending)) {
      probe.rung = rung;
      probe.is_available = true;
      probe.gaps = gaps_of(ending, plan("forks", rung), helper);
      return probe;
    }
    if (!probe.missing.empty()) continue;
    probe.missing = ending.kind == Ending::Kind::not_started ? ending.text : ending.description();
  }
  return probe;
}

constexpr const char* kAdvice =
    "user namespaces are needed: sysctl kernel.unprivileged_userns_clone=1 (Debian), "
    "kernel.apparmor_restrict_unprivileged_userns=0 (Ubuntu), in a container "
    "--security-opt seccomp=unconfined or a profile that allows them; or accept a weaker wall "
    "with isolation = \"weak\"";

}  // namespace

const char* rung_name(Rung rung) {
  if (rung == Rung::namespaces) return "namespaces, seccomp, limits";
  return rung == Rung::landlock ? "Landlock, seccomp, limits" : "seccomp and limits";
}

std::string SandboxProbe::description() const {
  if (!is_available) return "none: " + missing;
  std::string text = rung_name(rung);
  if (rung == Rung::namespaces && landlock_abi > 0) text += ", Landlock behind them";
  text += cgroup.is_empty()
              ? "; no delegated control group: memory is watched by the sandbox itself"
              : "; control group " + cgroup.memory.string();
  for (const std::string& gap : gaps) text += "; " + gap;
  if (!missing.empty()) text += "; not stronger: " + missing;
  return text;
}

SandboxProbe probe_sandbox(Rung strongest) {
  const FileDescriptor helper = open_helper_program();
  return probe_with(helper.get(), make_seccomp_filter(false), strongest);
}

Sandbox::Sandbox(Isolation isolation, Rung strongest)
    : helper_(open_helper_program()),
      local_filter_(make_seccomp_filter(false)),
      network_filter_(make_seccomp_filter(true)),
      probe_(probe_with(helper_.get(), local_filter_, strongest)) {
  const bool is_enough =
      probe_.is_available && (isolation == Isolation::weak || probe_.rung == Rung::namespaces);
  if (!is_enough) {
    throw PeerError(fmt::format("this machine cannot isolate reward code fully (it gives: {}); {}",
                                probe_.description(), kAdvice));
  }
}

std::vector<std::string> Sandbox::pipes_below(const std::vector<std::string>& readable) const {
  std::set<std::string> places;  // a folder before what lies in it
  for (const std::string& path : readable) {
    std::error_code ignored;
    places.insert(fs::path(path).lexically_normal().string());
    places.insert(fs::canonical(path, ignored).string());
  }
  std::vector<std::string> all;
  std::set<std::string> searched;  // of which nothing was left out
  const std::lock_guard lock(mutex_);
  for (const std::string& place : places) {
    // An interpreter's folders lie in each other, tens of thousands of files: one search finds all.
    std::error_code ignored;
    const bool is_searched = std::ranges::any_of(
        searched, [&](const std::string& above) { return place.starts_with(above + "/"); });
    if (is_searched && fs::canonical(place, ignored) == place) continue;
    auto found = pipes_.find(place);
    if (found == pipes_.end()) found = pipes_.emplace(place, named_pipes_below(place)).first;
    const auto& [paths, is_whole] = found->second;
    all.insert(all.end(), paths.begin(), paths.end());
    if (is_whole) searched.insert(place);
  }
  return all;
}

std::unique_ptr<SandboxedProcess> Sandbox::start(const SandboxConfig& config) const {
  LaunchPlan plan = plan_of(config, probe_.rung);
  if (probe_.rung == Rung::namespaces) plan.covered = pipes_below(config.readable);
  plan.seccomp = config.has_network ? network_filter_ : local_filter_;
  SandboxedProcess::Options options;
  options.max_output_bytes = config.max_output_bytes;
  options.max_reply_bytes =
      config.collect.empty() ? config.max_reply_bytes : static_cast<size_t>(config.collect_bytes);
  if (probe_.rung != Rung::namespaces) options.owned_folder = move_scratch(plan);
  if (!probe_.cgroup.is_empty()) {
    options.group =
        ControlGroup::make(probe_.cgroup, config.limits.memory_bytes, config.limits.num_processes);
  }
  return std::make_unique<SandboxedProcess>(std::move(plan), helper_.get(), std::move(options));
}

}  // namespace gradus::rewards::sandbox
