#include "base/failure_text.h"

#include <algorithm>
#include <array>
#include <new>
#include <string_view>

#include "base/error.h"

namespace gradus {
namespace {

// Where LibTorch's call stack begins, in its several forms.
constexpr std::array<std::string_view, 4> kStackBegins{
    "\nException raised from", "\nC++ CapturedTraceback", "\nframe #", "\nCUDA kernel errors"};

// Of LibTorch's allocators on the CPU (by new, by posix_memalign) and on a device.
constexpr std::array<std::string_view, 4> kNoMemory{"can't allocate memory", "not enough memory",
                                                    "out of memory", "Cannot allocate memory"};

std::string first_paragraph(std::string_view what) {
  size_t end = what.size();
  for (const auto begin : kStackBegins) end = std::min(end, what.find(begin));
  std::string text(what.substr(0, end));
  while (!text.empty() && text.back() == '\n') text.pop_back();
  return text;
}

}  // namespace

bool is_out_of_memory(const std::exception& error) {
  if (dynamic_cast<const std::bad_alloc*>(&error) != nullptr) return true;
  if (dynamic_cast<const Error*>(&error) != nullptr) return false;  // ours says where and what
  const std::string what = first_paragraph(error.what());
  for (const auto sign : kNoMemory)
    if (what.find(sign) != std::string::npos) return true;
  return false;
}

std::string failure_text(const std::exception& error) {
  if (is_out_of_memory(error)) {
    return "out of memory; lower rl.microbatch_tokens (or text.microbatch_tokens) and "
           "rollout.kv_cache_mb, set model.activation_checkpointing = true, or train adapters "
           "(model.lora.rank); `gradus train --dry-run` says what a recipe needs";
  }
  return first_paragraph(error.what());
}

}  // namespace gradus
