#include <cstdlib>
#include <ctime>
#include <exception>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "base/files/atomic_file.h"
#include "base/json.h"
#include "rl/parallel/c10d.h"

namespace gradus::rl {

void write_rank_error(const std::string& message) {
  const auto path = read_variable("TORCHELASTIC_ERROR_FILE");
  if (!path || path->empty()) return;
  const nlohmann::json error{
      {"message",
       {{"message", message},
        {"extraInfo", {{"py_callstack", ""}, {"timestamp", std::to_string(std::time(nullptr))}}}}}};
  try {
    std::filesystem::create_directories(std::filesystem::path(*path).parent_path());
    write_file_atomically(*path, dump_json(error));
  } catch (const std::exception&) {  // the error itself stands on stderr as well
  }
}

}  // namespace gradus::rl
