#include "rl/plan/cluster.h"

#include <fmt/format.h>

#include "base/error.h"
#include "rl/plan/device_kind.h"

namespace gradus::rl {

void describe(Cluster& c, SettingFields& field) {
  auto kinds = device_kinds().names();
  kinds.emplace_back(kThisMachine);
  field("kind", c.kind, one_of(kinds), "device; this: the machine that plans, as it was measured");
  field("devices", c.devices, at_least(1), "devices that are held");
  field("per_node", c.per_node, at_least(1), "devices of one node");
  field("pp", c.pp, at_least(1), "pipeline stages");
  field("ep", c.ep, at_least(1), "devices that share a layer's experts");
  field("tp", c.tp, at_least(1), "devices that share a layer's matrices");
  field("zero", c.zero, between(0, 3),
        "what replicas share (ZeRO): 0 nothing, 1 moments, 2 gradients as well, 3 weights as well");
  field("dualpipe", c.dualpipe, any(), "DeepSeek-V3's pipeline schedule; else 1F1B");
  field("price", c.price, any(),
        "of one device for one hour; below 0: ledger.device_price_per_hour, else the kind's");
}

Cluster parse_cluster(std::string_view text) {
  Cluster cluster;
  for (size_t begin = 0; begin < text.size();) {
    const size_t end = std::min(text.find(',', begin), text.size());
    apply_set(cluster, text.substr(begin, end - begin));
    begin = end + 1;
  }
  check_settings(cluster, "--cluster");
  const int64_t model = cluster.pp * cluster.tp;
  if (cluster.devices % model != 0 || cluster.devices % (cluster.pp * cluster.ep) != 0)
    throw ConfigError(fmt::format(
        "--cluster: {} devices cannot be cut into pp {} x tp {} and pp {} x ep {}; take "
        "parts that divide them",
        cluster.devices, cluster.pp, cluster.tp, cluster.pp, cluster.ep));
  return cluster;
}

void describe(PlanAssumptions& c, SettingFields& field) {
  const auto share = [] { return between(1e-6, 1.0); };
  field("mfu", c.mfu, share(), "training on up to 8,192 tokens, of the BF16 peak (V3: 0.391)");
  field("mfu_long", c.mfu_long, share(),
        "training on longer texts (V3's context extension: 0.248)");
  field("mfu_post", c.mfu_post, share(), "fine-tuning, updates and scoring of RL");
  field("mfu_decode", c.mfu_decode, share(),
        "decoding where computing limits it (V3 in production: 1,850 tokens/s a device: 0.14)");
  field("tokens_per_s_user", c.tokens_per_s_user, positive(),
        "of one completion alone: its longest sets a rollout's pace (V3: 20 to 22, drafts 1.8 "
        "times)");
  field("tail", c.tail, at_least(1.0), "longest completion of a rollout over the mean one");
  field("decode_bandwidth", c.decode_bandwidth, share(), "of the memory's rate, in decoding");
  field("sync_s", c.sync_s, at_least(0.0), "to bring new weights to the samplers, per rollout");
  field("rewards_s", c.rewards_s, at_least(0.0), "of grading that overlaps nothing, per rollout");
  field("activation_factor", c.activation_factor, positive(),
        "numbers of 2 bytes kept per token, layer and width (V3's selective recomputation: 10)");
  field("optimizer_bytes", c.optimizer_bytes, positive(),
        "per parameter: 8 is a float32 master and BF16 moments, 12 float32 moments");
  field("gradient_bytes", c.gradient_bytes, positive(), "per parameter");
  field("overhead", c.overhead, at_least(0.0), "workspace and fragments, of the memory's rest");
  field("micro_batch_tokens", c.micro_batch_tokens, positive(), "tokens of one micro-batch");
  field("remote_share", c.remote_share, between(0.0, 1.0),
        "of expert traffic that leaves the node");
  field("nodes_per_token", c.nodes_per_token, positive(), "to which a token is sent at most");
  field("length_share", c.length_share, share(),
        "mean completion over the most tokens, where it was not measured");
  field("prompt_tokens", c.prompt_tokens, positive(), "mean prompt, where it was not measured");
  field("update_efficiency", c.update_efficiency, share(),
        "of this machine's measured peak, where the stage was not measured");
  field("rollout_efficiency", c.rollout_efficiency, share(), "the same in decoding");
}

}  // namespace gradus::rl
