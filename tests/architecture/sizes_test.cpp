#include <algorithm>
#include <cctype>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <string>
#include <vector>

#include "tests/catch.h"

namespace {

namespace fs = std::filesystem;

constexpr int kMostLinesOfFile = 400;
constexpr int kMostFilesOfFolder = 30;
constexpr int kMostLinesOfFunction = 60;

const char* const kRooms[] = {"base", "rewards", "policy",  "rollout",
                              "rl",   "runs",    "service", "cli"};

// What is larger, with its size: it may shrink, and leaves this list when it is small enough.
const std::map<std::string, int> kLargeFiles{};
const std::map<std::string, int> kLargeFolders{};
const std::map<std::string, int> kLargeFunctions{
    {"policy/formats/families/common_stem.cpp common_stem", 73},

};

std::string text_of(const fs::path& path) {
  std::ifstream in(path);
  return {std::istreambuf_iterator<char>(in), {}};
}

/// The text with spaces in place of comments, preprocessor lines and what stands between quotes.
class Blanked {
 public:
  explicit Blanked(std::string text) : text_(std::move(text)) {
    while (at_ < text_.size()) step();
  }
  const std::string& text() const { return text_; }

 private:
  bool here(const char* start) const {
    return text_.compare(at_, std::string(start).size(), start) == 0;
  }

  void blank_until(size_t end) {
    for (end = std::min(end, text_.size()); at_ < end; ++at_) {
      if (text_[at_] != '\n') text_[at_] = ' ';
    }
  }

  size_t end_of_line() const {
    size_t end = text_.find('\n', at_);
    while (end != std::string::npos && text_[end - 1] == '\\') end = text_.find('\n', end + 1);
    return end;
  }

  size_t end_of_quoted(char quote) const {
    size_t end = at_ + 1;
    while (end < text_.size() && text_[end] != quote) end += text_[end] == '\\' ? 2 : 1;
    return end + 1;
  }

  void step() {
    const bool in_number =
        at_ > 0 && std::isxdigit(static_cast<unsigned char>(text_[at_ - 1])) != 0;
    if (here("//")) {
      blank_until(text_.find('\n', at_));
    } else if (here("/*")) {
      blank_until(text_.find("*/", at_) + 2);
    } else if (text_[at_] == '#' &&
               text_.find_last_not_of(' ', at_ - 1) == text_.rfind('\n', at_)) {
      blank_until(end_of_line());
    } else if (here("R\"")) {
      const std::string name = text_.substr(at_ + 2, text_.find('(', at_) - at_ - 2);
      const std::string end = ")" + name + "\"";
      blank_until(text_.find(end, at_) + end.size());
    } else if (text_[at_] == '"' || (text_[at_] == '\'' && !in_number)) {
      blank_until(end_of_quoted(text_[at_]));
    } else {
      ++at_;
    }
  }

  std::string text_;
  size_t at_ = 0;
};

struct Function {
  std::string name;
  int lines = 0;  // from its head to its last brace, less those within lists of data
};

bool begins_with(const std::string& text, const std::string& start) {
  return text.compare(0, start.size(), start) == 0;
}

bool ends_with(const std::string& text, const std::string& end) {
  return text.size() >= end.size() && text.compare(text.size() - end.size(), end.size(), end) == 0;
}

/// Without the words that may stand between a function's arguments and its body.
std::string without_qualifiers(std::string head) {
  const size_t arrow = head.rfind(" -> ");
  if (arrow != std::string::npos && arrow > 0 &&
      head.find_first_of(";=?", arrow) == std::string::npos) {
    head.resize(arrow);
  }
  for (bool found = true; found;) {
    found = false;
    for (const std::string word : {" const", " noexcept", " override", " final", " mutable"}) {
      if (!ends_with(head, word)) continue;
      head.resize(head.size() - word.size());
      found = true;
    }
  }
  return head;
}

/// The functions of a file, told by their braces. Lambdas count where they stand.
class FunctionScan {
 public:
  explicit FunctionScan(const std::string& text) : text_(Blanked(text).text()) {
    for (at_ = 0; at_ < text_.size(); ++at_) step();
  }
  const std::vector<Function>& functions() const { return functions_; }

 private:
  enum class Kind { scope, function, block, data };
  struct Brace {
    Kind kind;
    std::string name;
    size_t head;  // where the text before the brace begins
    size_t open;
  };

  int lines_between(size_t begin, size_t end) const {
    return static_cast<int>(std::count(text_.begin() + begin, text_.begin() + end, '\n'));
  }

  bool is_inside(Kind kind) const {
    return std::any_of(braces_.begin(), braces_.end(),
                       [&](const Brace& brace) { return brace.kind == kind; });
  }

  static bool opens_scope(std::string head) {
    if (begins_with(head, "template")) head.erase(0, head.find("> ") + 2);
    for (const char* word :
         {"namespace", "inline namespace", "extern", "class ", "struct ", "union ", "enum "}) {
      if (begins_with(head, word)) return head.find_first_of("(=") == std::string::npos;
    }
    return false;
  }

  Kind kind_of(const std::string& head) const {
    if (opens_scope(head)) return Kind::scope;
    const std::string start = without_qualifiers(head);
    const bool is_body =
        ends_with(start, ")") || ends_with(start, "]") || start.find(") : ") != std::string::npos;
    if (!is_inside(Kind::function)) return is_body ? Kind::function : Kind::data;
    const bool is_block = is_body || start.empty() || ends_with(start, "else") ||
                          ends_with(start, "do") || ends_with(start, "try") ||
                          ends_with(start, ":");
    return is_block ? Kind::block : Kind::data;
  }

  // The text before a brace, on one line.
  std::string head_before(size_t brace) const {
    std::string head;
    for (size_t i = head_; i < brace; ++i) {
      const bool is_space = text_[i] == ' ' || text_[i] == '\n';
      if (!is_space) head += text_[i];
      if (is_space && !head.empty() && head.back() != ' ') head += ' ';
    }
    if (!head.empty() && head.back() == ' ') head.pop_back();
    return head;
  }

  static bool is_label(const std::string& head) {
    return head == "public" || head == "protected" || head == "private";
  }

  static std::string name_in(const std::string& head) {
    const std::string before = head.substr(0, head.find('('));
    return before.substr(before.rfind(' ') + 1);
  }

  void step() {
    const char c = text_[at_];
    if (c == '{') {
      const std::string head = head_before(at_);
      const size_t first = std::min(text_.find_first_not_of(" \n", head_), at_);
      braces_.push_back({kind_of(head), name_in(head), first, at_});
    } else if (c == '}' && !braces_.empty()) {
      close();
    }
    if (c == '{' || c == '}' || c == ';' || (c == ':' && is_label(head_before(at_))))
      head_ = at_ + 1;
  }

  void close() {
    const Brace brace = braces_.back();
    braces_.pop_back();
    if (brace.kind == Kind::data && is_inside(Kind::function) && !is_inside(Kind::data)) {
      data_lines_ += std::max(lines_between(brace.open, at_) - 1, 0);
    }
    if (brace.kind != Kind::function) return;
    functions_.push_back({brace.name, lines_between(brace.head, at_) + 1 - data_lines_});
    data_lines_ = 0;
  }

  std::string text_;
  size_t at_ = 0;
  size_t head_ = 0;
  int data_lines_ = 0;
  std::vector<Brace> braces_;
  std::vector<Function> functions_;
};

std::vector<Function> functions_of(const std::string& text) {
  return FunctionScan(text).functions();
}

fs::path root() {
  return GRADUS_SOURCE_DIR;
}

std::string name_of(const fs::path& path) {
  return path.lexically_relative(root()).generic_string();
}

int num_lines(const std::string& text) {
  return static_cast<int>(std::count(text.begin(), text.end(), '\n'));
}

/// Every .h and .cpp of the rooms.
std::vector<fs::path> sources() {
  std::vector<fs::path> files;
  for (const char* room : kRooms) {
    if (!fs::is_directory(root() / room)) continue;
    for (const auto& entry : fs::recursive_directory_iterator(root() / room)) {
      const auto suffix = entry.path().extension();
      if (suffix == ".h" || suffix == ".cpp") files.push_back(entry.path());
    }
  }
  return files;
}

/// Files right in each folder from `folder` down, but in those of data.
void count_files(const fs::path& folder, std::map<std::string, int>& counts) {
  const auto name = folder.filename();
  if (name == "cases" || name == "corpus" || name == "fixtures" || name == "__pycache__") return;
  if (!fs::is_directory(root() / folder)) return;
  for (const auto& entry : fs::directory_iterator(root() / folder)) {
    if (entry.is_directory()) count_files(folder / entry.path().filename(), counts);
    if (entry.is_regular_file()) ++counts[folder.generic_string()];
  }
}

/// What is too large must be known, and no larger than it was; what is known must be too large.
void check_sizes(const std::map<std::string, int>& sizes, int most,
                 const std::map<std::string, int>& known, const std::string& remedy) {
  for (const auto& [name, size] : sizes) {
    const auto allowed = known.count(name) != 0 ? known.at(name) : most;
    if (size > allowed) {
      FAIL_CHECK(name << " has " << size << ", at most " << allowed << " " << remedy);
    }
  }
  for (const auto& [name, size] : known) {
    const auto found = sizes.find(name);
    if (found == sizes.end() || found->second <= most) {
      FAIL_CHECK(name << " is no longer too large: take it off the list in this file");
    }
  }
}

}  // namespace

TEST_CASE("no file of the rooms is longer than 400 lines", "[architecture]") {
  std::map<std::string, int> sizes;
  for (const auto& path : sources()) sizes[name_of(path)] = num_lines(text_of(path));
  REQUIRE(sizes.size() > 100);
  check_sizes(sizes, kMostLinesOfFile, kLargeFiles, "lines: a second concept wants a file");
}

TEST_CASE("no folder of the rooms and tests holds more than 30 files", "[architecture]") {
  std::map<std::string, int> sizes;
  for (const char* room : kRooms) count_files(room, sizes);
  count_files("tests", sizes);
  check_sizes(sizes, kMostFilesOfFolder, kLargeFolders, "files: a group of them wants a folder");
}

TEST_CASE("no function is longer than 60 lines, lists of data aside", "[architecture]") {
  std::map<std::string, int> sizes;
  for (const auto& path : sources()) {
    for (const Function& function : functions_of(text_of(path))) {
      int& lines =
          sizes[name_of(path) + " " + function.name];  // of functions with one name: the longest
      lines = std::max(lines, function.lines);
    }
  }
  REQUIRE(sizes.size() > 1000);
  check_sizes(sizes, kMostLinesOfFunction, kLargeFunctions, "lines: it holds a second function");
}

TEST_CASE("functions are told from scopes, lambdas and lists of data", "[architecture]") {
  const auto functions = functions_of(R"cpp(
    namespace a {
    const Row kRows[] = {
        {1, "}"},  // no {
    };
    class B : public C {
     public:
      explicit B(int x) : x_(x) {}
      bool is_open() const override {
        if (x_ == '{') {
          return true;
        }
        return sorted(rows_, [](int a, int b) { return a < b; });
      }
    };
    template <class T>
    auto table() -> std::vector<T> {
      return {
          1'000,
          2,
      };
    }
    }  // namespace a
  )cpp");
  REQUIRE(functions.size() == 3);
  CHECK(functions[0].name == "B");
  CHECK(functions[0].lines == 1);
  CHECK(functions[1].name == "is_open");
  CHECK(functions[1].lines == 6);
  CHECK(functions[2].name == "table");
  CHECK(functions[2].lines == 5);  // the two rows do not count
}
