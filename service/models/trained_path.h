#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace gradus::service {

/// What a training session saved, by name: tinker://MODEL/KIND/NAME.
struct TrainedPath {
  std::string model;
  std::string kind;  ///< weights, sampler_weights or external_weights
  std::string name;

  std::string text() const;
};

/// Nothing: the text is no such path.
std::optional<TrainedPath> trained_path(std::string_view text);

}  // namespace gradus::service
