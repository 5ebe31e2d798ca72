#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "policy/tokenizer/tokenizer.h"

namespace gradus::rollout {

/// The text of one completion as its tokens arrive, cut at the first stop string.
///
/// Stop strings are found across token edges. Only whole characters enter the text: what a token
/// leaves unfinished waits for the next one, and is left out when the completion ends there (the
/// tokens keep it). Special tokens stand in the text with their own names; the token that ends a
/// completion is not pushed.
class CompletionText {
 public:
  /// @param tokenizer, stops  outlive this. Stops are not empty.
  CompletionText(const policy::Tokenizer& tokenizer, const std::vector<std::string>& stops);

  /// @return true when a stop string is now complete; the text is cut before it.
  bool push(int32_t id);

  const std::string& text() const { return text_; }

  /// Text that no later token can take back and that was not taken before: all but a tail that may
  /// begin a stop string, or all when the completion is over. Valid until the next push.
  std::string_view take_settled(bool is_over);

 private:
  policy::StreamDecoder decoder_;
  const std::vector<std::string>* stops_;
  std::string text_;
  size_t taken_ = 0;
};

}  // namespace gradus::rollout
