// The parser of answers: any text is read or refused with a reason.

#include "fuzz/target.h"
#include "rewards/math/prepare.h"
#include "rewards/math/reading/parser.h"

using gradus::fuzz::require;
using namespace gradus::rewards::math;  // NOLINT(google-build-using-namespace): the target

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string text(gradus::fuzz::text_of(data, size));
  for (const bool comma_is_decimal : {false, true}) {
    ParseOptions options;
    options.style.comma_is_decimal = comma_is_decimal;
    ParsedMath parsed = parse_math(text, options);
    if (!parsed.ok()) {
      require(!parsed.reason.empty(), "a refusal says why");
      continue;
    }
    const auto num_nodes = static_cast<int32_t>(parsed.tree.nodes.size());
    require(parsed.tree.root >= 0 && parsed.tree.root < num_nodes, "the root is a node");
    for (const Node& node : parsed.tree.nodes) {
      for (const int32_t kid : node.kids) require(kid >= 0 && kid < num_nodes, "kids are nodes");
    }
    prepared(parsed.tree, parsed.tree.root);
  }
  return 0;
}
