#include "rl/run/loggers/logger.h"

namespace gradus::rl {

#define GRADUS_RECORD(record) extern const LoggerKind record;
#include "rl/run/loggers/records.inc"
#undef GRADUS_RECORD

const Registry<LoggerKind>& loggers() {
#define GRADUS_RECORD(record) &record,
  static constexpr const LoggerKind* kAll[] = {
#include "rl/run/loggers/records.inc"
  };
#undef GRADUS_RECORD
  static constexpr Registry<LoggerKind> kRegistry("run.loggers", kAll);
  return kRegistry;
}

}  // namespace gradus::rl
