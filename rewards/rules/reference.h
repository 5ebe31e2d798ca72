#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace gradus::rewards {

/// What a row holds under a column, as the texts a completion may equal: a text, a number, a truth
/// value, or a list of those (several golds). A name with dots that is no column itself leads into
/// objects: `metadata.answer`. A worked solution of GSM8K is not cut at its `####`.
/// Without any, `missing` says why.
struct References {
  std::vector<std::string> texts;
  std::string missing;
};

References references_of(const nlohmann::json* row, const std::string& column);

/// The value under a column or a dotted path, or null.
const nlohmann::json* value_at(const nlohmann::json* row, const std::string& column);

}  // namespace gradus::rewards
