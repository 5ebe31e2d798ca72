#pragma once

#include <array>
#include <unordered_map>

#include "rewards/profiles/python_text.h"

namespace gradus::rewards::profiles {

/// Entries of a table by their names, for tables whose entries list theirs in one text with spaces
/// between. Where two list the same name the first one has it. The table must outlive the index.
template <class Entry>
class NameIndex {
 public:
  template <size_t N>
  explicit NameIndex(const std::array<Entry, N>& entries) {
    for (const Entry& entry : entries) {
      for (TextView rest = entry.names; !rest.empty();) {
        const size_t end = std::min(rest.find(U' '), rest.size());
        if (end > 0) entries_.emplace(rest.substr(0, end), &entry);
        rest.remove_prefix(std::min(end + 1, rest.size()));
      }
    }
  }

  /// nullptr where no entry lists the name.
  const Entry* find(TextView name) const {
    const auto at = entries_.find(name);
    return at == entries_.end() ? nullptr : at->second;
  }

 private:
  std::unordered_map<TextView, const Entry*> entries_;
};

}  // namespace gradus::rewards::profiles
