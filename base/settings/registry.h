#pragma once

#include <fmt/format.h>

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/settings/nearest_name.h"
#include "base/settings/setting.h"

namespace gradus {

/// The records of one kind (losses, optimizers, stages, ...), each with a `name` and a `text`, in
/// the order in which help lists them. A record lives in a file of its own; its folder's
/// records.inc names it in one line, which is all that a new one takes:
///
///   // records.inc                        // registry.cpp
///   GRADUS_RECORD(kGrpo)                  #define GRADUS_RECORD(record) extern const PolicyLoss
///   record; GRADUS_RECORD(kGspo)                  #include "rl/algorithms/losses/records.inc"
///                                         #undef GRADUS_RECORD
///                                         #define GRADUS_RECORD(record) &record,
///                                         const PolicyLoss* const kLosses[] = {
///                                         #include "rl/algorithms/losses/records.inc"
///                                         };
template <class Record>
class Registry {
 public:
  /// @param setting  what chooses among them, for errors: "rl.loss".
  constexpr Registry(const char* setting, std::span<const Record* const> records)
      : setting_(setting), records_(records) {}

  std::span<const Record* const> records() const { return records_; }

  /// Null: none has that name.
  const Record* find(std::string_view name) const {
    for (const Record* record : records_)
      if (name == record->name) return record;
    return nullptr;
  }

  /// @throws ConfigError  none has that name; says the nearest, or all.
  const Record& at(std::string_view name) const {
    if (const Record* record = find(name)) return *record;
    throw ConfigError(fmt::format("{}: is \"{}\", {}", setting_, name, advice(name)));
  }

  std::vector<std::string> names() const {
    std::vector<std::string> names;
    for (const Record* record : records_) names.emplace_back(record->name);
    return names;
  }

  /// For `describe`: the value must be one of the names.
  SettingConstraint names_constraint() const { return one_of(names()); }

  /// "text: grpo (what it is), gspo (...)", for `describe`.
  std::string described(const std::string& text) const {
    std::string all = text;
    for (const Record* record : records_)
      all += fmt::format("{}{} ({})", record == records_.front() ? ": " : ", ", record->name,
                         record->text);
    return all;
  }

 private:
  std::string advice(std::string_view name) const {
    const auto nearest = nearest_name(std::string(name), names());
    std::string all;
    for (const auto& known : names()) all += (all.empty() ? "" : ", ") + known;
    return nearest ? fmt::format("did you mean \"{}\"? There are {}", *nearest, all)
                   : fmt::format("must be one of {}", all);
  }

  const char* setting_;
  std::span<const Record* const> records_;
};

}  // namespace gradus
