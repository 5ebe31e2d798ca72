#include "rl/parallel/rank_place.h"

#include <map>

#include "base/error.h"
#include "tests/catch.h"

using namespace gradus;
using namespace gradus::rl;

namespace {

std::optional<RankPlace> place_in(std::map<std::string, std::string> variables) {
  return find_rank_place([variables](const char* name) -> std::optional<std::string> {
    const auto found = variables.find(name);
    if (found == variables.end()) return std::nullopt;
    return found->second;
  });
}

const std::map<std::string, std::string> kTorchrun{
    {"RANK", "3"},        {"WORLD_SIZE", "4"},          {"LOCAL_RANK", "1"},
    {"MASTER_ADDR", "a"}, {"LOCAL_WORLD_SIZE", "2"},    {"MASTER_PORT", "1234"},
    {"PMI_RANK", "0"},    {"TORCHELASTIC_RUN_ID", "x"}, {"TORCHELASTIC_RESTART_COUNT", "2"}};

}  // namespace

TEST_CASE("a process that nobody launched is alone", "[rl][parallel]") {
  CHECK_FALSE(place_in({}));
  // A shell of salloc.
  CHECK_FALSE(place_in({{"SLURM_PROCID", "0"}, {"SLURM_NTASKS", "4"}}));
}

TEST_CASE("torchrun's variables come before others", "[rl][parallel]") {
  const auto place = place_in(kTorchrun);
  REQUIRE(place);
  CHECK(place->launcher == "torchrun");
  CHECK(place->rank == 3);
  CHECK(place->size == 4);
  CHECK(place->local_size == 2);
  CHECK(place->address == "a");
  CHECK(place->port == 1234);
  CHECK_FALSE(place->is_store_served);
  CHECK(place->run == "x");
  CHECK(place->restart == 2);
}

TEST_CASE("the store is the agent's where torchrun says so", "[rl][parallel]") {
  auto variables = kTorchrun;
  variables["TORCHELASTIC_USE_AGENT_STORE"] = "True";
  CHECK(place_in(variables)->is_store_served);
}

TEST_CASE("MPI says no address, which must be given", "[rl][parallel]") {
  std::map<std::string, std::string> variables{{"OMPI_COMM_WORLD_RANK", "1"},
                                               {"OMPI_COMM_WORLD_SIZE", "2"},
                                               {"OMPI_COMM_WORLD_LOCAL_RANK", "1"},
                                               {"OMPI_COMM_WORLD_LOCAL_SIZE", "2"}};
  CHECK_THROWS_WITH(place_in(variables), Catch::Contains("MASTER_ADDR"));
  variables["MASTER_ADDR"] = "b";
  CHECK(place_in(variables)->launcher == "Open MPI");
  CHECK(place_in(variables)->port == 29500);
}

TEST_CASE("a Slurm step has its address from the launch node", "[rl][parallel]") {
  const auto place = place_in({{"SLURM_PROCID", "5"},
                               {"SLURM_STEP_ID", "0"},
                               {"SLURM_NTASKS", "8"},
                               {"SLURM_LOCALID", "1"},
                               {"SLURM_NTASKS_PER_NODE", "4"},
                               {"SLURM_JOB_ID", "70001"},
                               {"SLURM_LAUNCH_NODE_IPADDR", "10.0.0.1"}});
  REQUIRE(place);
  CHECK(place->rank == 5);
  CHECK(place->local_size == 4);
  CHECK(place->address == "10.0.0.1");
  CHECK(place->port == 10000 + 70001 % 20000);
}

TEST_CASE("what a launcher says wrongly is named", "[rl][parallel]") {
  auto variables = kTorchrun;
  variables["RANK"] = "4";
  CHECK_THROWS_WITH(place_in(variables), Catch::Contains("0..3"));
  variables["RANK"] = "x";
  CHECK_THROWS_WITH(place_in(variables), Catch::Contains("RANK: is \"x\""));
}
