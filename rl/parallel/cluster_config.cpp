#include "rl/parallel/cluster_config.h"

namespace gradus::rl {

void describe(ClusterConfig& c, SettingFields& field) {
  field("leaves", c.leaves, at_least(1),
        "parts in which an update's gradient is summed, and so the most processes that share it; "
        "the result depends on it, never on the number of processes");
  field("reduction", c.reduction,
        one_of<GradientReduction>(
            {{"tree", GradientReduction::tree}, {"exact", GradientReduction::exact}}),
        "how these are added: in float32 up a fixed tree, or as whole numbers, rounded once");
  field("zero", c.zero, between(0, 1).speed_only(),
        "what processes share of the optimizer: 0: nothing, each has all moments; 1: each has its "
        "part of them (ZeRO stage 1)");
  field("timeout_s", c.timeout_s, positive().records_only(),
        "seconds that one exchange between processes may take");
  field("peer_timeout_s", c.peer_timeout_s, positive().records_only(),
        "seconds after which a process that is not heard of is given up");
  field("join_timeout_s", c.join_timeout_s, positive().records_only(),
        "seconds that processes wait for each other at the start");
  field("interface", c.interface, any().records_only(),
        "network interface to speak over, e.g. eth0; empty: that of the way to MASTER_ADDR");
}

}  // namespace gradus::rl
