#include "service/models/trained_path.h"

#include <algorithm>

namespace gradus::service {
namespace {

constexpr std::string_view kTrainedScheme = "tinker://";

}  // namespace

std::string TrainedPath::text() const {
  return std::string(kTrainedScheme) + model + "/" + kind + "/" + name;
}

std::optional<TrainedPath> trained_path(std::string_view text) {
  if (!text.starts_with(kTrainedScheme) || std::ranges::count(text, '/') != 4) return std::nullopt;
  const size_t first = text.find('/', kTrainedScheme.size());
  const size_t second = text.find('/', first + 1);
  TrainedPath path{std::string(text.substr(kTrainedScheme.size(), first - kTrainedScheme.size())),
                   std::string(text.substr(first + 1, second - first - 1)),
                   std::string(text.substr(second + 1))};
  const bool is_kind =
      path.kind == "weights" || path.kind == "sampler_weights" || path.kind == "external_weights";
  if (path.model.empty() || path.name.empty() || !is_kind) return std::nullopt;
  return path;
}

}  // namespace gradus::service
