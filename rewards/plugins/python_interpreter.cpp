#include "rewards/plugins/python_interpreter.h"

#include <algorithm>
#include <cstdlib>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/printable.h"
#include "base/process/process.h"
#include "rewards/reply.h"

namespace gradus::rewards {
namespace {

using nlohmann::json;

constexpr double kPatienceS = 60.0;

// Wrappers (pyenv's shims) and virtual environments look at these.
constexpr const char* kVariables[] = {"PATH",       "HOME",       "VIRTUAL_ENV", "LD_LIBRARY_PATH",
                                      "PYTHONPATH", "PYTHONHOME", "PYENV_ROOT",  "PYENV_VERSION"};

constexpr const char* kQuestion = R"py(
import json, os, sys, sysconfig
places = [sys.prefix, sys.exec_prefix, sys.base_prefix, sys.base_exec_prefix,
          os.path.dirname(os.path.realpath(sys.executable))]
places += [sysconfig.get_config_var("LIBDIR") or ""]
paths = [os.path.abspath(p) for p in sys.path if p and os.path.exists(p)]
answer = {"program": sys.executable, "readable": places + paths, "search_path": paths}
os.write(3, (json.dumps(answer) + "\n").encode())
)py";

bool is_list_of_texts(const json& list) {
  return list.is_array() &&
         std::all_of(list.begin(), list.end(), [](const json& entry) { return entry.is_string(); });
}

// Wrappers in PATH are anybody's: what they say is looked at before it is used.
bool is_answer(const json& answer) {
  return answer.is_object() && answer.value("program", json()).is_string() &&
         is_list_of_texts(answer.value("readable", json())) &&
         is_list_of_texts(answer.value("search_path", json()));
}

}  // namespace

PythonInterpreter find_python(const std::string& name) {
  ProcessConfig config;
  config.command = {name, "-c", kQuestion};
  for (const char* variable : kVariables) {
    if (const char* value = std::getenv(variable)) config.environment.emplace_back(variable, value);
  }
  ChildProcess python(std::move(config));
  const Exchange exchange = python.exchange("", kPatienceS);
  const json answer = json_in(exchange.reply).value_or(json());
  if (!is_answer(answer)) {
    python.wait_for_end(1.0);
    python.kill();
    throw PeerError(printable(name, 200) + ": is no Python interpreter that works (it " +
                    python.status_text() + "): " + printable(python.error_output(), 500));
  }
  PythonInterpreter found;
  found.program = answer.at("program").get<std::string>();
  found.readable = answer.at("readable").get<std::vector<std::string>>();
  found.search_path = answer.at("search_path").get<std::vector<std::string>>();
  std::erase(found.readable, "");
  // "/" would show the whole machine.
  std::erase(found.readable, "/");
  return found;
}

}  // namespace gradus::rewards
