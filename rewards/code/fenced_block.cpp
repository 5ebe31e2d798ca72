#include "rewards/code/fenced_block.h"

#include <algorithm>
#include <vector>

#include "base/ascii.h"

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

struct Block {
  std::string text;
  bool is_named = false;  // with one of the languages; else with none
};

/// Blocks of these languages or of none, in order.
std::vector<Block> blocks_of(std::string_view text, std::span<const std::string> languages) {
  std::vector<Block> blocks;
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
      const bool is_named =
          std::find(languages.begin(), languages.end(), language) != languages.end();
      if (is_named || language.empty()) {
        blocks.push_back(
            {dedented(text.substr(content, at > content ? at - content : 0), open->indent),
             is_named});
      }
      open.reset();
    }
    at = end + 1;
  }
  return blocks;
}

bool is_name_byte(char c) {
  return is_letter_or_digit(c) || c == '_';
}

/// "def f(", "async def f(", "f = lambda", at any indentation.
bool defines(std::string_view program, std::string_view function) {
  for (size_t at = 0; (at = program.find(function, at)) != std::string_view::npos; ++at) {
    const size_t end = at + function.size();
    const bool is_whole = (at == 0 || !is_name_byte(program[at - 1])) &&
                          (end == program.size() || !is_name_byte(program[end]));
    if (!is_whole) continue;
    const std::string_view before = program.substr(0, at);
    const std::string_view behind = trim(program.substr(end, 16));
    const bool begins_line = before.empty() || before.ends_with('\n');
    const bool is_given = begins_line && behind.starts_with('=') && !behind.starts_with("==");
    if (before.ends_with("def ") || is_given) return true;
  }
  return false;
}

}  // namespace

std::optional<std::string> last_fenced_block(std::string_view text,
                                             std::span<const std::string> languages) {
  return block_defining(text, languages, "");
}

std::optional<std::string> block_defining(std::string_view text,
                                          std::span<const std::string> languages,
                                          std::string_view function) {
  std::vector<Block> blocks = blocks_of(text, languages);
  Block* chosen = nullptr;
  for (const bool is_asked : {true, false}) {
    for (const bool is_named : {true, false}) {
      for (Block& block : blocks) {
        if (chosen != nullptr && chosen->is_named != is_named) continue;
        const bool fits = !is_asked || (!function.empty() && defines(block.text, function));
        if (block.is_named == is_named && fits) chosen = &block;
      }
      if (chosen != nullptr) return std::move(chosen->text);
    }
  }
  return std::nullopt;
}

std::string imports_of(std::string_view text) {
  std::string imports;
  for (size_t at = 0; at < text.size();) {
    const size_t end = std::min(text.find('\n', at), text.size());
    const std::string_view line = text.substr(at, end - at);
    at = end + 1;
    if (line.starts_with("from __future__")) return "";
    const bool imports_module =
        line.starts_with("import ") ||
        (line.starts_with("from ") && line.find(" import ") != std::string_view::npos);
    const bool is_whole = !line.ends_with('\\') && !line.ends_with('(');
    // A sentence of a prompt may begin with these words as well.
    const bool is_code = line.find_first_of(".?!:;") == std::string_view::npos ||
                         line.find(". ") == std::string_view::npos;
    if (imports_module && is_whole && is_code && !line.ends_with('.')) {
      imports += std::string(line) + "\n";
    }
  }
  return imports;
}

}  // namespace gradus::rewards::code
