#include "rl/parallel/rank_place.h"

#include <fmt/format.h>

#include <charconv>
#include <cstdlib>

#include "base/error.h"

namespace gradus::rl {
namespace {

constexpr int kMostRanks = 1 << 20;
constexpr int kFirstSlurmPort = 10000;
constexpr int kSlurmPorts = 20000;

std::optional<int> number_in(const ReadVariable& variable, const char* name) {
  const auto text = variable(name);
  if (!text || text->empty()) return std::nullopt;
  int value = 0;
  const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), value);
  if (error != std::errc() || end != text->data() + text->size())
    throw ConfigError(fmt::format("{}: is \"{}\", must be a whole number", name, *text));
  return value;
}

int needed_number(const ReadVariable& variable, const char* name, const std::string& launcher) {
  const auto value = number_in(variable, name);
  if (value) return *value;
  throw ConfigError(
      fmt::format("{}: is not set, but other variables say that {} started this "
                  "process; start it with all of them or with none",
                  name, launcher));
}

void read_address(const ReadVariable& variable, RankPlace& place) {
  if (place.size == 1) return;
  const auto address = variable("MASTER_ADDR");
  if (!address || address->empty())
    throw ConfigError(fmt::format(
        "MASTER_ADDR: is not set. {} does not say where rank 0 runs: give the name or address of "
        "its machine (and MASTER_PORT, a free port there) to all ranks; mpirun passes them on with "
        "-x MASTER_ADDR -x MASTER_PORT",
        place.launcher));
  place.address = *address;
  place.port = number_in(variable, "MASTER_PORT").value_or(29500);
}

void check(const RankPlace& place) {
  const auto refuse = [&](const char* what, int value, const std::string& wanted) {
    throw ConfigError(
        fmt::format("{}: the {} is {}, must be {}", place.launcher, what, value, wanted));
  };
  if (place.size < 1 || place.size > kMostRanks) refuse("number of ranks", place.size, ">= 1");
  if (place.rank < 0 || place.rank >= place.size)
    refuse("rank", place.rank, fmt::format("in 0..{}", place.size - 1));
  if (place.local_size < 1) refuse("number of ranks of this machine", place.local_size, ">= 1");
  if (place.size > 1 && (place.port < 1 || place.port > 65535))
    refuse("port", place.port, "in 1..65535");
}

RankPlace of_torchrun(const ReadVariable& variable) {
  RankPlace place;
  place.launcher = variable("GRADUS_LAUNCHED") ? "gradus launch" : "torchrun";
  place.rank = needed_number(variable, "RANK", place.launcher);
  place.size = needed_number(variable, "WORLD_SIZE", place.launcher);
  place.local_rank = number_in(variable, "LOCAL_RANK").value_or(0);
  place.local_size = number_in(variable, "LOCAL_WORLD_SIZE").value_or(1);
  place.is_store_served = variable("TORCHELASTIC_USE_AGENT_STORE").value_or("") == "True";
  place.run = variable("TORCHELASTIC_RUN_ID").value_or("run");
  place.restart = number_in(variable, "TORCHELASTIC_RESTART_COUNT").value_or(0);
  read_address(variable, place);
  return place;
}

RankPlace of_mpi(const ReadVariable& variable, const char* launcher, const char* rank,
                 const char* size, const char* local_rank, const char* local_size) {
  RankPlace place;
  place.launcher = launcher;
  place.rank = needed_number(variable, rank, launcher);
  place.size = needed_number(variable, size, launcher);
  place.local_rank = number_in(variable, local_rank).value_or(0);
  place.local_size = number_in(variable, local_size).value_or(1);
  read_address(variable, place);
  return place;
}

RankPlace of_slurm(const ReadVariable& variable) {
  RankPlace place;
  place.launcher = "Slurm";
  place.rank = needed_number(variable, "SLURM_PROCID", place.launcher);
  place.size = needed_number(variable, "SLURM_NTASKS", place.launcher);
  place.local_rank = number_in(variable, "SLURM_LOCALID").value_or(0);
  place.local_size = number_in(variable, "SLURM_NTASKS_PER_NODE").value_or(1);
  place.run = "slurm-" + variable("SLURM_JOB_ID").value_or("0") + "-" +
              variable("SLURM_STEP_ID").value_or("0");
  place.restart = number_in(variable, "SLURM_RESTART_COUNT").value_or(0);
  if (variable("MASTER_ADDR")) {
    read_address(variable, place);
    return place;
  }
  const auto address = variable("SLURM_LAUNCH_NODE_IPADDR");
  if (!address || address->empty()) read_address(variable, place);
  if (address) place.address = *address;
  place.port = kFirstSlurmPort + number_in(variable, "SLURM_JOB_ID").value_or(0) % kSlurmPorts;
  return place;
}

/// An interactive shell of salloc has Slurm's variables as well, without a step.
bool is_slurm_step(const ReadVariable& variable) {
  return variable("SLURM_PROCID") && variable("SLURM_STEP_ID") &&
         number_in(variable, "SLURM_NTASKS").value_or(1) > 1;
}

std::optional<RankPlace> read_place(const ReadVariable& variable) {
  if (variable("RANK") && variable("WORLD_SIZE")) return of_torchrun(variable);
  if (variable("OMPI_COMM_WORLD_RANK"))
    return of_mpi(variable, "Open MPI", "OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE",
                  "OMPI_COMM_WORLD_LOCAL_RANK", "OMPI_COMM_WORLD_LOCAL_SIZE");
  if (variable("PMI_RANK") && variable("PMI_SIZE"))
    return of_mpi(variable, "PMI", "PMI_RANK", "PMI_SIZE", "MPI_LOCALRANKID", "MPI_LOCALNRANKS");
  if (is_slurm_step(variable)) return of_slurm(variable);
  return std::nullopt;
}

}  // namespace

std::optional<std::string> read_variable(const char* name) {
  const char* value = std::getenv(name);  // NOLINT(concurrency-mt-unsafe): nobody sets any
  if (value == nullptr) return std::nullopt;
  return std::string(value);
}

std::optional<RankPlace> find_rank_place(const ReadVariable& variable) {
  auto place = read_place(variable);
  if (place) check(*place);
  return place;
}

}  // namespace gradus::rl
