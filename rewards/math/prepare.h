#pragma once

#include <set>
#include <string>

#include "rewards/math/reading/syntax.h"

namespace gradus::rewards::math {

/// Brings a parsed answer into the shape that comparison expects; returns the new root.
///
/// Plus-minus becomes a list of both cases; nested lists one list; matrices' products, transposes
/// and determinants their entries; chains of equations their first and last side, without what
/// follows an "approximately".
int32_t prepared(Tree& tree, int32_t id);

/// Copies a subtree of another tree; returns its root's id here.
int32_t copied(const Tree& from, int32_t id, Tree& to);

/// Names of the symbols in a subtree, functions' names left out.
std::set<std::string> symbols_in(const Tree& tree, int32_t id);

/// Whether any node of the subtree is of this kind.
bool contains(const Tree& tree, int32_t id, NodeKind kind);

/// Whether a number with decimals is in the subtree.
bool has_decimal(const Tree& tree, int32_t id);

/// What a family of answers says of its parameters: "k" from \mathbb{Z}.
using Domains = std::vector<std::pair<std::string, std::string>>;

/// `id` without the items of a list that only say where a parameter comes from (k \in \mathbb{Z}
/// behind \pi/4 + k\pi); those go to `domains`.
int32_t without_domains(Tree& tree, int32_t id, Domains& domains);

}  // namespace gradus::rewards::math
