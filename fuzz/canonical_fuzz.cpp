// Exact forms and comparison: what parses equals itself, and order makes no difference to
// expressions. The input is two answers with a line end between them.

#include "fuzz/target.h"
#include "rewards/math/compare.h"
#include "rewards/math/prepare.h"
#include "rewards/math/reading/parser.h"

using gradus::fuzz::require;
using namespace gradus::rewards::math;  // NOLINT(google-build-using-namespace): the target

namespace {

bool is_expression(const Tree& tree) {
  for (const Node& node : tree.nodes) {
    switch (node.kind) {
      case NodeKind::number:
      case NodeKind::symbol:
      case NodeKind::add:
      case NodeKind::multiply:
      case NodeKind::divide:
      case NodeKind::negate:
      case NodeKind::power:
      case NodeKind::root:
        break;
      default:
        return false;
    }
    if (node.is_decimal) return false;
  }
  return true;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string text(gradus::fuzz::text_of(data, size));
  const size_t cut = text.find('\n');
  const ParsedMath a = parse_math(text.substr(0, cut), {});
  const ParsedMath b = parse_math(cut == std::string::npos ? "1" : text.substr(cut + 1), {});
  if (!a.ok() || !b.ok()) return 0;
  Comparison forward(a.tree, b.tree, {});
  const bool is_equal = forward.equal();
  forward.gold_text();
  forward.answer_text();
  if (!is_expression(a.tree) || !is_expression(b.tree) || forward.is_spent()) return 0;
  Comparison backward(b.tree, a.tree, {});
  const bool is_equal_back = backward.equal();
  require(backward.is_spent() || is_equal == is_equal_back, "comparison is symmetric");
  return 0;
}
