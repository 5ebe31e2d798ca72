#include "rewards/reply.h"

#include <algorithm>
#include <cstdint>
#include <utility>

#include "base/error.h"
#include "base/json.h"

namespace gradus::rewards {
namespace {

using nlohmann::json;

constexpr size_t kValueBytes = 16;  // what a value costs beside its text

/// Copies what fits; its recursion ends at kMaxDetailLevels, whatever the value is.
class DetailCopy {
 public:
  json copy(const json& value, int level) {
    if (value.is_string()) return text(value.get_ref<const std::string&>());
    if (!value.is_structured()) return take(0) ? value : json();
    if (level > kMaxDetailLevels || !take(0)) {
      is_cut_ = true;
      return nullptr;
    }
    json kept = value.is_array() ? json::array() : json::object();
    for (auto it = value.begin(); it != value.end() && bytes_left_ > 0; ++it) {
      if (value.is_array()) {
        kept.push_back(copy(*it, level + 1));
      } else if (take(it.key().size())) {
        kept[it.key()] = copy(*it, level + 1);
      }
    }
    if (kept.size() < value.size()) is_cut_ = true;
    return kept;
  }

  bool is_cut() const { return is_cut_; }

 private:
  // A text is kept up to what is left, whole characters or not: who writes it replaces halves.
  json text(const std::string& value) {
    const size_t size = std::min(value.size(), bytes_left_);
    take(value.size());
    return value.substr(0, size);
  }

  bool take(size_t bytes) {
    const bool fits = bytes + kValueBytes <= bytes_left_;
    bytes_left_ = fits ? bytes_left_ - bytes - kValueBytes : 0;
    if (!fits) is_cut_ = true;
    return fits;
  }

  size_t bytes_left_ = kMaxDetailBytes;
  bool is_cut_ = false;
};

}  // namespace

Reply read_reply(std::string_view text, size_t max_bytes) {
  try {
    return {parse_json(text, "the reply", {64, static_cast<int64_t>(max_bytes)}), ""};
  } catch (const FileError& error) {
    return {nullptr, error.what()};
  }
}

std::optional<json> json_in(std::string_view text, size_t max_bytes) {
  Reply reply = read_reply(text, max_bytes);
  if (!reply.fault.empty()) return std::nullopt;
  return std::move(reply.value);
}

json bounded_details(json details) {
  DetailCopy copier;
  json kept = copier.copy(details, 1);
  if (!copier.is_cut()) return details;
  if (!kept.is_object()) kept = {{"record", std::move(kept)}};
  kept["details_cut"] = "kept are " + std::to_string(kMaxDetailLevels) + " levels and " +
                        std::to_string(kMaxDetailBytes) + " bytes";
  return kept;
}

}  // namespace gradus::rewards
