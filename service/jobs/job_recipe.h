#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>

#include "service/jobs/job_store.h"
#include "service/jobs/jobs_config.h"

namespace gradus::service {

/// What a job's recipe is made from, beside the job itself.
struct RecipeInputs {
  std::string model_path;
  std::string training_path;
  std::string validation_path;  ///< empty: none
  int64_t num_rows = 0;
  int64_t context = 0;      ///< of the model, in tokens
  int64_t model_bytes = 0;  ///< of its weights' files
  int64_t training_bytes = 0;
  std::string judge_url;     ///< API for models that judge; empty: none is needed
  std::string judge_server;  ///< "http://127.0.0.1:8080", for the allow-list
  std::string judge_key_file;
};

struct JobRecipe {
  std::string toml;
  int64_t steps = 0;
  nlohmann::json method;           ///< with numbers in place of "auto"
  nlohmann::json hyperparameters;  ///< of the old form, the same
};

/// The recipe that `gradus train` runs for a job: a job is nothing but a run, and `gradus train`
/// with this recipe gives the same weights, bit for bit.
///
///   steps = ceil(rows * n_epochs / batch_size)
///   rl.group_size = 8 * compute_multiplier, optim.lr = auto(model) * learning_rate_multiplier
///
/// @throws HttpError  400 with param `gradus`: a setting that is unknown, out of range, or not a
/// client's to set (paths, rules that run code).
JobRecipe make_job_recipe(const Job& job, const RecipeInputs& inputs, const JobsConfig& config);

}  // namespace gradus::service
