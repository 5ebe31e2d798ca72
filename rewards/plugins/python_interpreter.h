#pragma once

#include <string>
#include <vector>

namespace gradus::rewards {

/// A Python as it is found on the machine, with all it needs to run elsewhere.
struct PythonInterpreter {
  std::string program;                   // absolute; no wrapper script stands in its place
  std::vector<std::string> readable;     // its prefix, its libraries, what sys.path names
  std::vector<std::string> search_path;  // sys.path, for PYTHONPATH
};

/// Asks `name` (a program in PATH, or a path) where it lives. It runs outside the sandbox, without
/// any code of the rule.
/// @throws PeerError  it cannot be started or is no Python.
PythonInterpreter find_python(const std::string& name);

}  // namespace gradus::rewards
