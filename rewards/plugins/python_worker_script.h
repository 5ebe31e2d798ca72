#pragma once

namespace gradus::rewards {

/// The text of python_worker.py, built into the program: there is no file to lose.
extern const char* const kPythonWorkerScript;

}  // namespace gradus::rewards
