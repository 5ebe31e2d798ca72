#include "service/jobs/job_recipe.h"

#include <filesystem>
#include <fstream>
#include <string>

#include "service/http/message.h"
#include "service/jobs/training_rows.h"
#include "tests/catch.h"
#include "tests/support/temporary_folder.h"

using namespace gradus::service;
using gradus::tests::TemporaryFolder;

namespace {

Job reinforcement_job(const nlohmann::json& hyperparameters) {
  Job job;
  job.id = "ftjob-abcdefgh";
  job.seed = 5;
  job.model = "nano";
  job.method = {{"type", "reinforcement"},
                {"reinforcement",
                 {{"grader",
                   {{"type", "string_check"},
                    {"name", "g"},
                    {"input", "{{sample.output_text}}"},
                    {"reference", "{{item.answer}}"},
                    {"operation", "eq"}}},
                  {"hyperparameters", hyperparameters}}}};
  return job;
}

RecipeInputs inputs_of(int64_t rows) {
  RecipeInputs inputs;
  inputs.model_path = "/models/nano";
  inputs.training_path = "/files/file-x";
  inputs.num_rows = rows;
  inputs.context = 256;
  inputs.model_bytes = 3 << 20;
  return inputs;
}

std::string fault_of(const nlohmann::json& gradus) {
  Job job = reinforcement_job(nullptr);
  job.gradus = gradus;
  try {
    make_job_recipe(job, inputs_of(8), {});
  } catch (const HttpError& error) {
    CHECK(error.param == "gradus");
    return error.what();
  }
  return "";
}

}  // namespace

TEST_CASE("hyperparameters become a recipe, and auto a number", "[service][jobs]") {
  const auto recipe = make_job_recipe(reinforcement_job({{"batch_size", 4},
                                                         {"n_epochs", 3},
                                                         {"compute_multiplier", 2.0},
                                                         {"learning_rate_multiplier", "auto"},
                                                         {"reasoning_effort", "low"}}),
                                      inputs_of(10), {});
  CHECK(recipe.steps == 8);
  CHECK(recipe.toml.find("group_size = 16") != std::string::npos);
  CHECK(recipe.toml.find("prompts_per_step = 4") != std::string::npos);
  CHECK(recipe.toml.find("max_tokens = 64") != std::string::npos);
  CHECK(recipe.toml.find("seed = 5") != std::string::npos);
  CHECK(recipe.method["reinforcement"]["hyperparameters"]["learning_rate_multiplier"] == 1.0);
  const auto automatic = make_job_recipe(reinforcement_job(nullptr), inputs_of(512), {});
  CHECK(automatic.method["reinforcement"]["hyperparameters"]["batch_size"] == 32);
  CHECK(automatic.steps == 48);
}

TEST_CASE("a client sets what names no file, program or server", "[service][jobs]") {
  CHECK(fault_of({{"rl.kl_coef", 0.1}, {"model", {{"lora", {{"rank", 4}}}}}}).empty());
  for (const auto& key :
       {"model.path", "data.path", "run.dir", "eval.data.path", "rewards", "text.path",
        "model.lora.path", "data.chat_template", "model.config", "run.loggers", "rlx"}) {
    INFO(key);
    CHECK(fault_of({{key, "/etc/passwd"}}).find("may change") != std::string::npos);
  }
  CHECK(fault_of({{"rl.kl_coeff", 0.1}}).find("kl_coef") != std::string::npos);
  CHECK(fault_of({{"rl.group_size", 0}}).find("group_size") != std::string::npos);
  CHECK_FALSE(fault_of({{"rl.kl_coef", "1\nmodel.path=/etc"}}).empty());
  CHECK(fault_of({{"rl.reference", "self@every(5)"}}).empty());
  CHECK(fault_of({{"rl.reference", "/srv/other"}}).find("checkpoint") != std::string::npos);
  CHECK(fault_of({{"preference.eval_path", "/etc/passwd"}}).find("may change") !=
        std::string::npos);
}

TEST_CASE("a dpo job trains on its pairs", "[service][jobs]") {
  Job job = reinforcement_job(nullptr);
  job.method = {
      {"type", "dpo"},
      {"dpo", {{"hyperparameters", {{"beta", 0.3}, {"batch_size", 4}, {"n_epochs", 2}}}}}};
  job.gradus = {{"preference.losses", {"sigmoid", "sft"}}};
  RecipeInputs inputs = inputs_of(10);
  inputs.validation_path = "/files/file-y";
  const auto recipe = make_job_recipe(job, inputs, {});
  CHECK(recipe.steps == 5);
  for (const char* line : {"task = \"preference\"", "beta = 0.3", "batch_pairs = 4",
                           "eval_path = \"/files/file-y\"", "losses = [\"sigmoid\", \"sft\"]"}) {
    INFO(line);
    CHECK(recipe.toml.find(line) != std::string::npos);
  }
  job.method = {{"type", "dpo"}};
  job.gradus = nullptr;
  const auto automatic = make_job_recipe(job, inputs_of(400), {});
  CHECK(automatic.method["dpo"]["hyperparameters"]["beta"] == 0.1);
  CHECK(automatic.hyperparameters == automatic.method["dpo"]["hyperparameters"]);
  CHECK(automatic.steps == 50);
}

TEST_CASE("bad rows are named by their line", "[service][jobs]") {
  const TemporaryFolder folder;
  const auto fault = [&](const std::string& text, TrainingMethod method) {
    return check_training_rows(folder.write("rows", text), method).fault;
  };
  const std::string user = R"({"messages":[{"role":"user","content":"a"}],"answer":"b"})";
  const std::string both =
      R"({"messages":[{"role":"user","content":"a"},{"role":"assistant","content":"b"}]})";
  CHECK(fault(user + "\n" + user, TrainingMethod::reinforcement).empty());
  CHECK(fault(both, TrainingMethod::supervised).empty());
  CHECK(fault(user + "\n\n" + both, TrainingMethod::reinforcement).starts_with("line 3"));
  CHECK(fault(both + "\n" + user, TrainingMethod::supervised).starts_with("line 2"));
  CHECK(fault(user + "\n{", TrainingMethod::reinforcement).starts_with("line 2"));
  CHECK(fault("", TrainingMethod::reinforcement).starts_with("line 1"));
  CHECK(fault(R"({"prompt":"x"})", TrainingMethod::reinforcement).starts_with("line 1"));
  CHECK(fault(R"({"input":{"messages":[{"role":"user","content":"a"}]},"preferred_output":[)"
              R"({"role":"assistant","content":"b"}],"non_preferred_output":[{"role":"assistant",)"
              R"("content":"c"}]})",
              TrainingMethod::dpo)
            .empty());
  CHECK(fault(R"({"input":{"messages":[{"role":"user","content":"a"}]},"preferred_output":[)"
              R"({"role":"assistant","content":"b"},{"role":"assistant","content":"d"}],)"
              R"("non_preferred_output":[{"role":"assistant","content":"c"}]})",
              TrainingMethod::dpo)
            .find("must have one") != std::string::npos);
}
