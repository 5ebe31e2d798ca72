// Replies of plug-ins and of the model's programs: any bytes are read strictly or refused with a
// reason, and what is recorded of them is bounded.

#include "base/json.h"
#include "fuzz/target.h"
#include "rewards/reply.h"

using gradus::fuzz::require;
using nlohmann::json;

namespace {

int depth_of(const json& value) {
  int deepest = 0;
  if (value.is_structured()) {
    for (const json& member : value) deepest = std::max(deepest, depth_of(member));
  }
  return value.is_structured() ? deepest + 1 : 0;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace gradus::rewards;  // NOLINT(google-build-using-namespace): the target
  const std::string_view text = gradus::fuzz::text_of(data, size);
  const Reply reply = read_reply(text, 4096);
  require(json_in(text, 4096).has_value() == reply.fault.empty(), "both forms agree");
  require(size <= 4096 || !reply.fault.empty(), "a longer text is refused");
  if (!reply.fault.empty()) {
    require(reply.value.is_null(), "nothing of a refused reply is used");
    return 0;
  }
  require(depth_of(reply.value) <= 64, "no reply is deeper than 64");
  require(read_reply(gradus::dump_json(reply.value)).value == reply.value, "what was read is JSON");
  const json kept = bounded_details(reply.value);
  require(depth_of(kept) <= kMaxDetailLevels + 1, "details are not deep");
  require(kept == reply.value || kept.contains("details_cut"), "a cut is told");
  return 0;
}
