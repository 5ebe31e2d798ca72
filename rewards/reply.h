#pragma once

#include <cstddef>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>

namespace gradus::rewards {

/// The largest reply of code or of a model that is not ours, in bytes; they are counted before
/// anything is parsed or copied.
inline constexpr size_t kMaxReplyBytes = size_t{1} << 20;

/// What others sent as JSON, or why it is none.
struct Reply {
  nlohmann::json value;
  std::string fault;  // empty: `value` was read
};

/// The one reader of what is not ours: plug-ins, programs of the model, judges, tests of a row.
/// Strict (base/json.h): at most 64 levels, no key twice, no NaN or Infinity, UTF-8 alone; so that
/// no reply makes a recursion deep, a number infinite or two readings of one text possible.
Reply read_reply(std::string_view text, size_t max_bytes = kMaxReplyBytes);

/// The same where a text need not be JSON: nothing where it is none.
std::optional<nlohmann::json> json_in(std::string_view text, size_t max_bytes = kMaxReplyBytes);

/// Bounds of a rule's own record (Grade::details): it is kept in memory and written to samples.
inline constexpr int kMaxDetailLevels = 16;
inline constexpr size_t kMaxDetailBytes = size_t{64} << 10;

/// Details as they are where they lie within the bounds; else what of them does, with the member
/// "details_cut" that says so.
nlohmann::json bounded_details(nlohmann::json details);

}  // namespace gradus::rewards
