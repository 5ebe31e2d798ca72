#pragma once

#include <functional>

#include "service/store/sqlite.h"

namespace gradus::service {

/// Brings the store to the newest schema, step by step, each step in one transaction that also
/// writes its number (PRAGMA user_version).
/// @param keep_copy  called before the first step where there is something to lose.
/// @throws FileError  kind "newer_schema": a later Gradus has written it.
void migrate(Database& database, const std::function<void()>& keep_copy);

}  // namespace gradus::service
