#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "policy/tokenizer/jinja/syntax/ast.h"
#include "policy/tokenizer/jinja/value.h"

namespace gradus::policy::jinja {

/// Names of one block. Shared, so that a macro sees what its block is given later.
struct Scope {
  std::vector<std::pair<std::string, Value>> names;

  /// nullptr: not here.
  Value* find(const std::string& name, Meter& meter) {
    size_t looked_at = 0;
    Value* found = nullptr;
    for (auto entry = names.rbegin(); entry != names.rend() && !found; ++entry, ++looked_at) {
      if (entry->first == name) found = &entry->second;
    }
    // Comparing a name costs about a quarter of a step.
    if (looked_at >= 4) meter.step(looked_at / 4);
    return found;
  }

  void set(const std::string& name, Value value, Meter& meter) {
    if (Value* old = find(name, meter)) {
      *old = std::move(value);
    } else {
      meter.charge(sizeof(Value) + name.size());
      names.emplace_back(name, std::move(value));
    }
  }
};

using Scopes = std::vector<std::shared_ptr<Scope>>;

/// A macro, or the body of a {% call %}, with the blocks around it. They are held weakly: a macro
/// that its own block names must not keep the block.
struct Macro {
  const Statement* statement = nullptr;
  std::vector<std::weak_ptr<Scope>> around;
};

/// The variable `loop`; called, where the loop is recursive.
struct Loop {
  std::shared_ptr<const List> items;
  size_t index0 = 0;
  int depth = 1;
  const Statement* recursive = nullptr;  ///< the loop's statement, if it may be called
  std::shared_ptr<Value> last_seen = std::make_shared<Value>();  ///< of changed(), a list

  Value attribute(const std::string& name) const;
  /// loop.changed(...): whether the values differ from those of the last call.
  bool changed(const std::vector<Value>& values, Meter& meter) const;
};

}  // namespace gradus::policy::jinja
