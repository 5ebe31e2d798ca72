#include "rewards/code/language.h"

#include <unistd.h>

#include <algorithm>
#include <array>

#include "base/error.h"
#include "base/printable.h"
#include "base/settings/nearest_name.h"
#include "rewards/plugins/python_interpreter.h"

namespace gradus::rewards::code {
namespace {

constexpr const char* kProgram = "/tmp/program";  // what compilers make
constexpr std::array<const char*, 3> kToolFolders{"/usr/local/bin", "/usr/bin", "/bin"};

std::vector<Language> known_languages() {
  std::vector<Language> list(5);
  list[0] = {"python", {"python", "py", "python3"}, "/tmp/program.py", {}, {}, {}, {}};
  list[1] = {"cpp",
             {"cpp", "c++", "cxx", "cc"},
             "/tmp/program.cpp",
             {"g++", "-std=c++20", "-O2", "-o", kProgram, "/tmp/program.cpp"},
             {kProgram},
             {},
             {}};
  list[2] = {"c",
             {"c"},
             "/tmp/program.c",
             {"gcc", "-std=c17", "-O2", "-o", kProgram, "/tmp/program.c", "-lm"},
             {kProgram},
             {},
             {}};
  list[3] = {"javascript",
             {"javascript", "js", "node"},
             "/tmp/program.js",
             {},
             {"node", "/tmp/program.js"},
             {},
             {}};
  list[4] = {
      "bash", {"bash", "sh", "shell"}, "/tmp/program.sh", {}, {"bash", "/tmp/program.sh"}, {}, {}};
  list[3].caps_address_space = false;  // V8 reserves its heaps at start
  for (Language& language : list) {
    language.environment = {{"PATH", "/usr/local/bin:/usr/bin:/bin"},
                            {"HOME", "/tmp"},
                            {"TMPDIR", "/tmp"},
                            {"LANG", "C.UTF-8"},
                            {"TZ", "UTC"}};
  }
  // Node does not start where OpenSSL's settings are there and may not be read (Landlock).
  list[3].environment.emplace_back("OPENSSL_CONF", "/dev/null");
  return list;
}

void complete_python(Language& language, const std::string& interpreter) {
  const PythonInterpreter python = find_python(interpreter);
  language.run = {python.program, language.file};
  language.readable = python.readable;
  std::string path;
  for (const std::string& folder : python.search_path) path += (path.empty() ? "" : ":") + folder;
  language.environment.insert(language.environment.end(), {{"PYTHONPATH", path},
                                                           {"PYTHONHASHSEED", "0"},
                                                           {"PYTHONDONTWRITEBYTECODE", "1"},
                                                           {"OMP_NUM_THREADS", "1"},
                                                           {"OPENBLAS_NUM_THREADS", "1"}});
}

/// Gives a tool its full path, where one of the folders has it.
bool locate(std::string& tool) {
  for (const char* folder : kToolFolders) {
    const std::string path = std::string(folder) + "/" + tool;
    if (::access(path.c_str(), X_OK) == 0) {
      tool = path;
      return true;
    }
  }
  return false;
}

}  // namespace

std::vector<std::string> language_names() {
  std::vector<std::string> names;
  for (const Language& language : known_languages()) names.push_back(language.name);
  return names;
}

Language find_language(const std::string& name, const std::string& interpreter,
                       const std::string& where) {
  auto list = known_languages();
  const auto found = std::find_if(list.begin(), list.end(),
                                  [&](const Language& language) { return language.name == name; });
  if (found == list.end()) {
    const auto nearest = nearest_name(name, language_names());
    throw ConfigError(where + ": language: \"" + printable(name, 50) + "\" is not known" +
                      (nearest ? "; did you mean \"" + *nearest + "\"?"
                               : "; there are python, cpp, c, javascript and bash"));
  }
  if (found->name == "python") {
    complete_python(*found, interpreter);
    return *found;
  }
  std::string& tool = found->compile.empty() ? found->run.front() : found->compile.front();
  if (!locate(tool)) {
    throw PeerError(where + ": language: " + found->name + " needs " + tool +
                    ", which is not in /usr/local/bin, /usr/bin or /bin");
  }
  return *found;
}

}  // namespace gradus::rewards::code
