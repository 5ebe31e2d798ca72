#pragma once

#include <cstdint>
#include <string>

namespace gradus {

/// Quantities as people read them; JSON output carries the plain numbers.

std::string bytes_text(double bytes);       ///< "912 B", "1.3 GB" (powers of 1000)
std::string count_text(double count);       ///< "412", "1,234", "134.5 M"
std::string exact_text(int64_t count);      ///< "671,026,419,200"
std::string duration_text(double seconds);  ///< "0.8 s", "3 m 12 s", "2 h 05 m"
std::string share_text(double share);       ///< "61.5 %"
std::string flops_text(double flops);       ///< "3.2 PFLOP"
std::string short_number(double value);     ///< at most 4 significant digits: "0.4123", "1.2e-06"

}  // namespace gradus
