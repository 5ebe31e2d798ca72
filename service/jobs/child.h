#pragma once

#include <sys/types.h>

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace gradus::service {

/// How a child ended.
struct ChildEnd {
  int status = 0;  ///< of exit; where killed, -1
  int signal = 0;  ///< that killed it; 0: it ended by itself
};

/// A training process of this same program. It dies with the thread that started it (and so with
/// the server, also by kill -9): its run goes on from its checkpoint, never twice at a time.
class Child {
 public:
  /// @param arguments  of the program, without its name.
  /// @param log        its stderr is appended to this file; stdout is dropped.
  /// @param priority   nice value, 0 to 19.
  /// @throws PeerError  it cannot be started.
  Child(const std::vector<std::string>& arguments, const std::filesystem::path& log, int priority);
  /// Kills it, where it still runs, and waits for its end.
  ~Child();
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  /// Nothing while it runs.
  std::optional<ChildEnd> poll();
  void signal(int number) const;
  pid_t pid() const { return pid_; }

 private:
  pid_t pid_ = -1;
  std::optional<ChildEnd> end_;
};

}  // namespace gradus::service
