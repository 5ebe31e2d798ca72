#pragma once

#include <cstdint>
#include <cstring>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

namespace gradus::rewards::sandbox {

/// How much of a wall the machine gives, strongest first.
enum class Rung : uint8_t {
  namespaces,  // own user, PID, mount, network, IPC and UTS namespaces; seccomp; limits
  landlock,    // no namespaces: Landlock for files and signals, seccomp, limits
  limits,      // limits and, where the kernel has it, seccomp
};

/// Descriptors that the helper is started with; the program keeps those below kControl.
constexpr int kReplies = 3;   // the program writes
constexpr int kRequests = 4;  // the program reads
constexpr int kControl = 5;   // the plan arrives, the report leaves; closed by the owner: the end
constexpr int kHelper = 6;    // the helper's own program

struct Bind {
  std::string source;  // on the machine, canonical
  std::string target;  // in the view
  bool is_device = false;
};

struct PlannedLink {
  std::string path;
  std::string target;
};

struct PlannedFile {
  std::string path;
  std::string content;
  uint32_t mode = 0444;
};

enum class Input : uint8_t { empty, text, requests };

/// What the helper is told to set up and run: the settings of SandboxConfig after everything that
/// needs the machine's paths was resolved. It crosses one socket between two halves of one
/// program, so its form is not kept across versions.
struct LaunchPlan {
  Rung rung = Rung::namespaces;
  std::vector<std::string> command;  // program (absolute in the view) and arguments
  bool runs_helper = false;          // the program is the helper itself; command[1] is its mode
  std::vector<std::string> environment;
  std::vector<Bind> binds;
  std::vector<PlannedLink> links;
  std::vector<std::string> covered;  // files of the view in whose place an empty one is seen
  std::vector<PlannedFile> files;
  std::string scratch = "/tmp";  // the folder that the program may write and starts in
  Input input = Input::empty;
  std::string input_text;
  bool replies_on_output = false;  // stdout is the reply channel
  bool has_network = false;
  bool keeps_read_capability = false;  // root's own plug-ins may lie in root's private folders
  std::string collect;  // a file of the view that is sent back on kReplies at the end, whole
  uint64_t collect_bytes = 0;
  uint64_t scratch_bytes = 0;
  uint64_t memory_bytes = 0;         // of the whole tree, watched; 0: none
  uint64_t address_space_bytes = 0;  // of one process; 0: none
  uint64_t file_bytes = 0;
  uint64_t stack_bytes = 0;
  uint64_t cpu_s = 0;  // 0: none
  uint64_t num_processes = 0;
  uint64_t num_open_files = 0;
  std::string seccomp;  // an array of sock_filter, or empty
};

/// Calls archive(field) for every field, in order.
template <class Archive>
void visit(Bind& b, Archive& archive) {
  archive(b.source), archive(b.target), archive(b.is_device);
}
template <class Archive>
void visit(PlannedLink& l, Archive& archive) {
  archive(l.path), archive(l.target);
}
template <class Archive>
void visit(PlannedFile& f, Archive& archive) {
  archive(f.path), archive(f.content), archive(f.mode);
}
template <class Archive>
void visit(LaunchPlan& p, Archive& archive) {
  archive(p.rung), archive(p.command), archive(p.runs_helper), archive(p.environment);
  archive(p.binds), archive(p.links), archive(p.covered);
  archive(p.files), archive(p.scratch);
  archive(p.input), archive(p.input_text), archive(p.replies_on_output), archive(p.has_network);
  archive(p.keeps_read_capability), archive(p.collect), archive(p.collect_bytes);
  archive(p.scratch_bytes), archive(p.memory_bytes), archive(p.address_space_bytes);
  archive(p.file_bytes), archive(p.stack_bytes), archive(p.cpu_s);
  archive(p.num_processes), archive(p.num_open_files), archive(p.seccomp);
}

/// Numbers as their bytes, texts and lists behind their length.
class PlanWriter {
 public:
  template <class T>
  void operator()(T& value) {
    if constexpr (std::is_arithmetic_v<T> || std::is_enum_v<T>) {
      text_.append(reinterpret_cast<const char*>(&value), sizeof(T));
    } else if constexpr (std::is_same_v<T, std::string>) {
      size(value.size());
      text_ += value;
    } else {
      list(value);
    }
  }
  std::string take() { return std::move(text_); }

 private:
  template <class T>
  void list(std::vector<T>& values) {
    size(values.size());
    for (T& value : values) (*this)(value);
  }
  template <class T>
  void list(T& record) {
    visit(record, *this);
  }
  void size(uint64_t count) { (*this)(count); }

  std::string text_;
};

/// @throws std::runtime_error  the bytes are no plan.
class PlanReader {
 public:
  explicit PlanReader(std::string_view text) : text_(text) {}

  template <class T>
  void operator()(T& value) {
    if constexpr (std::is_arithmetic_v<T> || std::is_enum_v<T>) {
      const std::string_view bytes = take(sizeof(T));
      std::memcpy(&value, bytes.data(), sizeof(T));
    } else if constexpr (std::is_same_v<T, std::string>) {
      value = std::string(take(size()));
    } else {
      list(value);
    }
  }

 private:
  template <class T>
  void list(std::vector<T>& values) {
    const uint64_t count = size();
    if (count > text_.size()) throw std::runtime_error("the plan is cut");
    values.resize(count);
    for (T& value : values) (*this)(value);
  }
  template <class T>
  void list(T& record) {
    visit(record, *this);
  }
  uint64_t size() {
    uint64_t count = 0;
    (*this)(count);
    return count;
  }
  std::string_view take(uint64_t count) {
    if (count > text_.size()) throw std::runtime_error("the plan is cut");
    const std::string_view taken = text_.substr(0, count);
    text_.remove_prefix(count);
    return taken;
  }

  std::string_view text_;
};

/// The plan's bytes behind their number, as they cross the channel.
inline std::string framed(LaunchPlan plan) {
  PlanWriter writer;
  uint64_t size = 0;
  writer(size);
  visit(plan, writer);
  std::string text = writer.take();
  size = text.size() - sizeof(size);
  std::memcpy(text.data(), &size, sizeof(size));
  return text;
}

inline LaunchPlan decode(std::string_view text) {
  LaunchPlan plan;
  PlanReader reader(text);
  visit(plan, reader);
  return plan;
}

}  // namespace gradus::rewards::sandbox
