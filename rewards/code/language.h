#pragma once

#include <string>
#include <vector>

#include "rewards/sandbox/sandbox.h"

namespace gradus::rewards::code {

/// How programs of one language are written, compiled and run inside the sandbox.
struct Language {
  std::string name;
  std::vector<std::string> fences;   // names in Markdown, lower case
  std::string file;                  // where the source is put
  std::vector<std::string> compile;  // empty: it is run as it is
  std::vector<std::string> run;
  std::vector<std::string> readable;  // what the tools need beside the system's folders
  std::vector<std::pair<std::string, std::string>> environment;
  bool caps_address_space = true;  // SandboxLimits
};

/// Names of the languages that can be asked for.
std::vector<std::string> language_names();

/// @param interpreter  for Python: which one, e.g. "python3".
/// @throws ConfigError  an unknown name; PeerError  its compiler or interpreter is not installed;
///         both begin with `where`.
Language find_language(const std::string& name, const std::string& interpreter,
                       const std::string& where);

}  // namespace gradus::rewards::code
