#include "rewards/scores/bounded_regex.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include <algorithm>
#include <array>
#include <string>

#include "base/error.h"
#include "base/utf8.h"

namespace gradus::rewards {
namespace {

constexpr uint32_t kMaxHeapKib = 64 * 1024;  // of backtracking frames
constexpr size_t kMaxPatternBytes = 64 * 1024;

struct Budget {
  int64_t steps_left;
  size_t last_position = 0;
};

// PCRE2's own limit starts anew at every place of the text; callouts before each item (compiled in
// by PCRE2_AUTO_CALLOUT) let us count over the whole search.
int count_step(pcre2_callout_block* block, void* data) {
  auto& budget = *static_cast<Budget*>(data);
  const size_t at = block->current_position;
  const size_t passed =
      at > budget.last_position ? at - budget.last_position : budget.last_position - at;
  budget.last_position = at;
  budget.steps_left -= 1 + static_cast<int64_t>(passed / 16);
  return budget.steps_left < 0 ? PCRE2_ERROR_CALLOUT : 0;
}

bool is_limit(int result) {
  return result == PCRE2_ERROR_CALLOUT || result == PCRE2_ERROR_MATCHLIMIT ||
         result == PCRE2_ERROR_DEPTHLIMIT || result == PCRE2_ERROR_HEAPLIMIT ||
         result == PCRE2_ERROR_NOMEMORY || result == PCRE2_ERROR_RECURSELOOP;
}

uint32_t flags_of(const RegexOptions& options) {
  uint32_t flags = PCRE2_UTF | PCRE2_AUTO_CALLOUT | PCRE2_NEVER_BACKSLASH_C;
  flags |= options.is_javascript ? PCRE2_DOLLAR_ENDONLY : PCRE2_UCP;
  if (options.ignore_case) flags |= PCRE2_CASELESS;
  if (options.multi_line) flags |= PCRE2_MULTILINE;
  if (options.dot_all) flags |= PCRE2_DOTALL;
  return flags;
}

struct FreeMatchData {
  void operator()(pcre2_match_data* data) const { pcre2_match_data_free(data); }
};
struct FreeMatchContext {
  void operator()(pcre2_match_context* context) const { pcre2_match_context_free(context); }
};
struct FreeCompileContext {
  void operator()(pcre2_compile_context* context) const { pcre2_compile_context_free(context); }
};
struct FreeCode {
  void operator()(pcre2_code* code) const { pcre2_code_free(code); }
};
using CodePointer = std::unique_ptr<pcre2_code, FreeCode>;

CodePointer compile(std::string_view pattern, const RegexOptions& options, uint32_t more_flags) {
  const std::unique_ptr<pcre2_compile_context, FreeCompileContext> context(
      pcre2_compile_context_create(nullptr));
  if (!context) throw std::bad_alloc();
  if (options.is_javascript) {
    pcre2_set_compile_extra_options(context.get(), PCRE2_EXTRA_ALT_BSUX);
  }
  int error = 0;
  size_t offset = 0;
  CodePointer code(pcre2_compile(reinterpret_cast<PCRE2_SPTR>(pattern.data()), pattern.size(),
                                 flags_of(options) | more_flags, &error, &offset, context.get()));
  if (code) return code;
  std::array<PCRE2_UCHAR, 256> message{};
  pcre2_get_error_message(error, message.data(), message.size());
  throw ArgumentError("at character " + std::to_string(offset) + ": " +
                      reinterpret_cast<const char*>(message.data()));
}

}  // namespace

// PCRE2 validates the rest of the text at every call unless it is told that the text is valid, and
// a pattern that may meet invalid text cannot be told: hence two forms of one pattern.
struct BoundedRegex::Code {
  CodePointer for_valid_text;
  CodePointer for_any_text;

  RegexMatches search(std::string_view text, size_t max_matches, uint32_t options,
                      int64_t max_steps) const;
};

namespace {

RegexMatch groups_of(std::string_view text, pcre2_match_data* data) {
  const size_t* offsets = pcre2_get_ovector_pointer(data);
  const uint32_t count = pcre2_get_ovector_count(data);
  RegexMatch match(count);
  for (uint32_t i = 0; i < count; ++i) {
    const size_t begin = offsets[2 * i];
    const size_t end = offsets[2 * i + 1];
    // \K can put the start behind the end.
    if (begin == PCRE2_UNSET) continue;
    match[i] = text.substr(begin, end < begin ? 0 : end - begin);
  }
  return match;
}

}  // namespace

RegexMatches BoundedRegex::Code::search(std::string_view text, size_t max_matches, uint32_t options,
                                        int64_t max_steps) const {
  const bool is_valid = is_valid_utf8(text);
  const pcre2_code* const compiled = is_valid ? for_valid_text.get() : for_any_text.get();
  if (is_valid) options |= PCRE2_NO_UTF_CHECK;
  const std::unique_ptr<pcre2_match_data, FreeMatchData> data(
      pcre2_match_data_create_from_pattern(compiled, nullptr));
  const std::unique_ptr<pcre2_match_context, FreeMatchContext> context(
      pcre2_match_context_create(nullptr));
  if (!data || !context) throw std::bad_alloc();
  Budget budget{max_steps};
  pcre2_set_callout(context.get(), count_step, &budget);
  pcre2_set_heap_limit(context.get(), kMaxHeapKib);
  const char* const begin = text.empty() ? "" : text.data();
  RegexMatches found;
  size_t at = 0;
  uint32_t extra = 0;
  while (found.matches.size() < max_matches && at <= text.size()) {
    // The validation of the rest, which comes with every call.
    if (!is_valid) budget.steps_left -= static_cast<int64_t>((text.size() - at) / 16);
    const int result = pcre2_match(compiled, reinterpret_cast<PCRE2_SPTR>(begin), text.size(), at,
                                   options | extra, data.get(), context.get());
    if (is_limit(result)) {
      found.is_over_budget = true;
      break;
    }
    if (result < 0 && extra == 0) break;
    if (result < 0) {
      // Nothing but the empty match here: one character on.
      at += at < text.size() ? code_point_at(text, at).num_bytes : 1;
      extra = 0;
      continue;
    }
    found.matches.push_back(groups_of(text, data.get()));
    const size_t* offsets = pcre2_get_ovector_pointer(data.get());
    // \K inside a look-ahead may leave the end where the search began, or before it.
    const bool is_empty = offsets[1] <= offsets[0] || offsets[1] <= at;
    at = std::max(at, offsets[1]);
    extra = is_empty ? PCRE2_NOTEMPTY_ATSTART | PCRE2_ANCHORED : 0;
  }
  found.num_steps = max_steps - std::max<int64_t>(budget.steps_left, 0);
  return found;
}

BoundedRegex::BoundedRegex(std::string_view pattern, const RegexOptions& options)
    : code_(std::make_unique<Code>()) {
  if (pattern.size() > kMaxPatternBytes) throw ArgumentError("longer than 64 KiB");
  code_->for_valid_text = compile(pattern, options, 0);
  code_->for_any_text = compile(pattern, options, PCRE2_MATCH_INVALID_UTF);
}

BoundedRegex::~BoundedRegex() = default;
BoundedRegex::BoundedRegex(BoundedRegex&& other) noexcept = default;
BoundedRegex& BoundedRegex::operator=(BoundedRegex&& other) noexcept = default;

RegexMatches BoundedRegex::find(std::string_view text, size_t max_matches,
                                int64_t max_steps) const {
  return code_->search(text, max_matches, 0, max_steps);
}

RegexMatches BoundedRegex::match_whole(std::string_view text, int64_t max_steps) const {
  return code_->search(text, 1, PCRE2_ANCHORED | PCRE2_ENDANCHORED, max_steps);
}

size_t BoundedRegex::num_groups() const {
  uint32_t count = 0;
  pcre2_pattern_info(code_->for_valid_text.get(), PCRE2_INFO_CAPTURECOUNT, &count);
  return count;
}

}  // namespace gradus::rewards
