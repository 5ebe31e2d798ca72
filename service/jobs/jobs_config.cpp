#include "service/jobs/jobs_config.h"

namespace gradus::service {

void describe(JobsConfig& c, SettingFields& field) {
  field("running", c.running, between(1, 64), "jobs that train at once");
  field("queued", c.queued, at_least(1), "jobs that may wait; more are refused with 429");
  field("threads", c.threads, at_least(0), "compute threads of a job; 0: all cores");
  field("priority", c.priority, between(0, 19),
        "nice value of jobs' processes: requests come first where cores are short");
  field("checkpoints", c.checkpoints, at_least(1), "checkpoints that a job of known length makes");
  field("keep_checkpoints", c.keep_checkpoints, at_least(1), "newest checkpoints kept as models");
  field("attempts", c.attempts, at_least(1),
        "times that a job's process may die without a new checkpoint before the job fails");
  field("stop_s", c.stop_s, positive(), "seconds that a job has to save itself when it is stopped");
  field("python_may_be_weak", c.python_may_be_weak, any(),
        "run Python graders also where the machine cannot isolate them fully");
}

}  // namespace gradus::service
