#pragma once

#include <string>
#include <string_view>

namespace gradus::runs {

/// Text as HTML shows it, in elements and in quoted attributes: & < > " ' are escaped, bytes that
/// are not UTF-8 and control characters become U+FFFD. Completions are hostile input here.
std::string html_text(std::string_view text);

}  // namespace gradus::runs
