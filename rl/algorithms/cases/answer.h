#pragma once

#include <nlohmann/json.hpp>

namespace gradus::rl {

/// The type in which cases are computed; training's losses are float32.
enum class CasePrecision { float32, float64 };

/// The line of a case with its answer: `id`, `family`, `algorithm`, `variant`, and the answer's
/// fields or `unsupported`, the reason why there is none. Never NaN or infinity: an answer that
/// holds one is unsupported. Answers come from the code that trains.
nlohmann::json answer_case(const nlohmann::json& line, CasePrecision precision);

}  // namespace gradus::rl
