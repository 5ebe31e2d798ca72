#include "rewards/code/fenced_block.h"

#include <algorithm>

namespace gradus::rewards::code {
namespace {

struct Fence {
  size_t indent = 0;
  char kind = 0;
  size_t length = 0;
  std::string_view info;  // what stands behind it, trimmed
};

std::string_view trim(std::string_view text) {
  const auto begin = text.find_first_not_of(" \t\r");
  if (begin == std::string_view::npos) return "";
  return text.substr(begin, text.find_last_not_of(" \t\r") - begin + 1);
}

std::optional<Fence> fence_of(std::string_view line) {
  const size_t indent = std::min(line.find_first_not_of(' '), line.size());
  if (indent > 3 || indent == line.size()) return std::nullopt;
  line.remove_prefix(indent);
  const char kind = line.front();
  if (kind != '`' && kind != '~') return std::nullopt;
  const size_t length = std::min(line.find_first_not_of(kind), line.size());
  const std::string_view info = trim(line.substr(length));
  // A backtick behind it: inline code, not a fence.
  if (length < 3 || (kind == '`' && info.find('`') != std::string_view::npos)) return std::nullopt;
  return Fence{indent, kind, length, info};
}

char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

/// "python" of "python title=x" or "{.python}".
std::string language_of(std::string_view info) {
  const size_t begin = std::min(info.find_first_not_of("{."), info.size());
  info.remove_prefix(begin);
  std::string word(info.substr(0, info.find_first_of(" \t{},:")));
  std::transform(word.begin(), word.end(), word.begin(), lower);
  return word;
}

/// The lines without the blanks that the fence, in a list say, has before it (CommonMark 4.5).
std::string dedented(std::string_view block, size_t indent) {
  std::string text;
  for (size_t at = 0; at < block.size();) {
    const size_t end = std::min(block.find('\n', at), block.size() - 1) + 1;
    std::string_view line = block.substr(at, end - at);
    line.remove_prefix(std::min({indent, line.find_first_not_of(' '), line.size()}));
    text += line;
    at = end;
  }
  return text;
}

}  // namespace

std::optional<std::string> last_fenced_block(std::string_view text,
                                             std::span<const std::string> languages) {
  std::optional<std::string> named;
  std::optional<std::string> nameless;
  std::optional<Fence> open;
  size_t content = 0;
  for (size_t at = 0; at < text.size();) {
    const size_t end = std::min(text.find('\n', at), text.size());
    const auto fence = fence_of(text.substr(at, end - at));
    if (fence && !open) {
      open = fence;
      content = std::min(end + 1, text.size());
    } else if (fence && fence->kind == open->kind && fence->length >= open->length &&
               fence->info.empty()) {
      const std::string language = language_of(open->info);
      const std::string block =
          dedented(text.substr(content, at > content ? at - content : 0), open->indent);
      if (language.empty()) nameless = block;
      if (std::find(languages.begin(), languages.end(), language) != languages.end()) named = block;
      open.reset();
    }
    at = end + 1;
  }
  return named ? named : nameless;
}

}  // namespace gradus::rewards::code
