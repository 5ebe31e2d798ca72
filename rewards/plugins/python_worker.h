#pragma once

#include <string>

#include "rewards/plugins/plugin_config.h"
#include "rewards/plugins/worker.h"

namespace gradus::rewards {

/// A worker process that runs python_worker.py with this interpreter; `load` and what the code
/// reads are to be added.
/// @throws PeerError  there is no such Python.
WorkerProgram python_program(const std::string& interpreter, const PluginConfig& config);

}  // namespace gradus::rewards
