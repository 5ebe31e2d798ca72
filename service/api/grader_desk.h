#pragma once

#include <memory>
#include <nlohmann/json.hpp>
#include <string>

#include "rewards/graders/grader.h"
#include "rewards/graders/python_runner.h"
#include "service/models/model_host.h"

namespace gradus::service {

/// Checks graders and runs them on single samples: Python in the sandbox, models of this server.
/// Endpoints are not asked from here. Any thread.
class GraderDesk {
 public:
  GraderDesk(ModelHost& models, bool python_may_be_weak);

  /// @param where  begins the errors' params: "grader", "method.reinforcement.grader".
  /// @throws HttpError  400 in OpenAI's words: fields, templates, formulas, models that are not
  ///                    there, Python that does not load.
  void check(const nlohmann::json& grader, const std::string& where, const std::string& project);

  /// OpenAI's RunGraderResponse of a checked grader.
  nlohmann::json run(const nlohmann::json& grader, const std::string& sample,
                     const nlohmann::json& item, const std::string& project);

 private:
  void check_parts(const nlohmann::json& grader, const std::string& where,
                   const std::string& project);

  ModelHost& models_;
  rewards::graders::PythonRunner python_;
};

}  // namespace gradus::service
