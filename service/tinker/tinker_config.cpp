#include "service/tinker/tinker_config.h"

namespace gradus::service {

void describe(TinkerConfig& c, SettingFields& field) {
  field("workers", c.workers, between(1, 64), "training models that are worked on at once");
  field("models", c.models, at_least(1), "open training models of a project; more are refused");
  field("requests", c.requests, at_least(1),
        "requests of a training model that may wait; more are answered with 429");
  field("samples", c.samples, at_least(1),
        "sampling requests of a project that may wait; more are answered with 429");
  field("max_rank", c.max_rank, between(1, 4096), "largest rank of adapters");
  field("poll_s", c.poll_s, between(0.1, 40.0),
        "seconds that a question for a result waits before it is asked to try again");
  field("session_s", c.session_s, at_least(1.0),
        "seconds without a heartbeat after which a session is over");
  field("snapshot_s", c.snapshot_s, at_least(0.0),
        "seconds of training that a kill of the server may cost to do again");
  field("idle_s", c.idle_s, at_least(1.0),
        "seconds without a request after which a training model leaves memory for the disk");
  field("keep_s", c.keep_s, at_least(0.0), "seconds that a result stays once it was fetched");
}

}  // namespace gradus::service
