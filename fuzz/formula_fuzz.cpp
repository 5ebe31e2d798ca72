// The formulas of multi graders: any text is read or refused, and what is read computes.

#include <cmath>
#include <vector>

#include "fuzz/target.h"
#include "rewards/graders/formula.h"

using gradus::fuzz::require;
using gradus::rewards::graders::Formula;
using gradus::rewards::graders::FormulaError;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  try {
    const Formula formula(gradus::fuzz::text_of(data, size));
    for (const double score : {0.0, 1.0, -2.5, 1e300}) {
      const std::vector<double> values(formula.names().size(), score);
      const auto result = formula.evaluate(values);
      require(std::isfinite(result.value), "a formula's value is finite");
      require(result.fault.empty() || result.value == 0, "without a value it counts as 0");
    }
  } catch (const FormulaError& error) {
    require(error.what()[0] != '\0', "a refusal says why");
  }
  return 0;
}
