#include "rl/recipe/code_files.h"

#include <algorithm>
#include <cctype>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

#include "base/error.h"
#include "base/files/atomic_file.h"

namespace gradus::rl {
namespace {

namespace fs = std::filesystem;

constexpr int64_t kMaxScriptBytes = int64_t{1} << 20;
constexpr size_t kMaxFiles = 1000;
constexpr size_t kMaxNameBytes = 255;

bool is_file(const fs::path& path) {
  std::error_code ignored;
  return fs::is_regular_file(path, ignored);
}

bool is_python(const fs::path& path) {
  return path.extension() == ".py";
}

/// Letters of a dotted module name.
bool is_module_letter(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || c == '.';
}

/// Collects a script's files, each once.
class Closure {
 public:
  explicit Closure(std::vector<fs::path> search) : search_(std::move(search)) {}

  void add(const fs::path& path) {
    if (files_.size() >= kMaxFiles || !is_file(path)) return;
    const fs::path file = fs::weakly_canonical(path);
    if (!files_.insert(file).second) return;
    std::error_code ignored;
    if (fs::file_size(file, ignored) > static_cast<uintmax_t>(kMaxScriptBytes)) return;
    std::string text;
    try {
      text = read_file(file, kMaxScriptBytes);
    } catch (const FileError&) {
      return;  // its sum will say what is wrong with it
    }
    if (text.find('\0') != std::string::npos) return;  // a program
    const fs::path folder = file.parent_path();
    if (is_python(file)) add_imports(text, folder);
    add_quoted(text, folder);
    if (!is_python(file) && text.starts_with("#!")) add_words(text, folder);
  }

  std::set<fs::path> take() { return std::move(files_); }

 private:
  void add_imports(std::string_view text, const fs::path& folder) {
    for (size_t begin = 0; begin < text.size();) {
      const size_t end = std::min(text.find('\n', begin), text.size());
      add_import_line(text.substr(begin, end - begin), folder);
      begin = end + 1;
    }
  }

  /// `import a.b, c` and `from a.b import c, d`; a leading dot means the file's own folder.
  void add_import_line(std::string_view line, const fs::path& folder) {
    const auto words = words_of(line);
    if (words.size() < 2 || (words[0] != "import" && words[0] != "from")) return;
    if (words[0] == "import") {
      for (size_t i = 1; i < words.size(); ++i) add_module(words[i], folder);
      return;
    }
    add_module(words[1], folder);
    for (size_t i = 3; i < words.size(); ++i)
      add_module(words[1] + (words[1].ends_with('.') ? "" : ".") + words[i], folder);
  }

  static std::vector<std::string> words_of(std::string_view line) {
    std::vector<std::string> words;
    std::string word;
    for (const char c : line) {
      if (c == '#') break;
      if (is_module_letter(c)) {
        word += c;
      } else if (!word.empty()) {
        words.push_back(std::exchange(word, {}));
      }
    }
    if (!word.empty()) words.push_back(std::move(word));
    return words;
  }

  void add_module(std::string name, const fs::path& folder) {
    fs::path base = folder;
    if (name.starts_with('.')) {
      name.erase(0, 1);
      for (; name.starts_with('.'); name.erase(0, 1)) base = base.parent_path();
    }
    std::vector<fs::path> roots{base};
    roots.insert(roots.end(), search_.begin(), search_.end());
    for (const fs::path& root : roots) {
      fs::path at = root;
      for (size_t begin = 0; begin < name.size();) {
        const size_t end = std::min(name.find('.', begin), name.size());
        at /= name.substr(begin, end - begin);
        begin = end + 1;
        add(at / "__init__.py");
        add(fs::path(at.string() + ".py"));
      }
    }
  }

  void add_quoted(std::string_view text, const fs::path& folder) {
    for (const char quote : {'"', '\''}) {
      const char ends[] = {quote, '\n'};
      for (size_t begin = text.find(quote); begin != std::string_view::npos;) {
        const size_t end = text.find_first_of(std::string_view(ends, 2), begin + 1);
        if (end == std::string_view::npos) break;
        if (text[end] == quote) add_name(text.substr(begin + 1, end - begin - 1), folder);
        begin = text.find(quote, end + (text[end] == quote ? 1 : 0));
      }
    }
  }

  void add_words(std::string_view text, const fs::path& folder) {
    constexpr std::string_view kEnds = " \t\n;|&()<>\"'=";
    for (size_t begin = 0;
         (begin = text.find_first_not_of(kEnds, begin)) != std::string_view::npos;) {
      const size_t end = std::min(text.find_first_of(kEnds, begin), text.size());
      add_name(text.substr(begin, end - begin), folder);
      begin = end;
    }
  }

  void add_name(std::string_view name, const fs::path& folder) {
    if (name.empty() || name.size() > kMaxNameBytes || name.find('\n') != std::string_view::npos)
      return;
    const fs::path path(name);
    // System files are not the rule's, and an absolute path in a text need not be meant.
    if (!path.is_absolute()) add(folder / path);
  }

  std::vector<fs::path> search_;
  std::set<fs::path> files_;
};

}  // namespace

std::set<fs::path> code_files(const fs::path& script, const std::vector<fs::path>& search) {
  Closure closure(search);
  closure.add(script);
  return closure.take();
}

}  // namespace gradus::rl
