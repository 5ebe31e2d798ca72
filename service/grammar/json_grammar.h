#pragma once

#include <nlohmann/json.hpp>

#include "service/grammar/grammar.h"

namespace gradus::service {

/// Any JSON object (response_format json_object).
Grammar grammar_of_json_object();

/// The JSON texts that a schema allows, keys in the schema's order, white space free.
///
/// type (also a list), properties, required, additionalProperties, items, minItems, maxItems,
/// minLength, maxLength, enum, const, anyOf, oneOf of forms that exclude each other by type, $ref
/// and $defs, also recursive. Titles, descriptions, defaults and examples say nothing.
/// @throws GrammarError  names a keyword that cannot be held to.
Grammar grammar_of_json_schema(const nlohmann::ordered_json& schema);

}  // namespace gradus::service
