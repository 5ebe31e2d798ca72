#pragma once

#include <span>
#include <string_view>

namespace gradus::service {

/// A file of the page, as it lies in web/assets and in the program.
struct PageAsset {
  std::string_view name;  ///< "app.js"
  std::string_view type;  ///< of its content
  std::string_view bytes;
};

std::span<const PageAsset> page_assets();
const PageAsset* find_asset(std::string_view name);

}  // namespace gradus::service
