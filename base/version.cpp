#include "base/version.h"

namespace gradus {

const char* const kVersion = GRADUS_VERSION;

}  // namespace gradus
