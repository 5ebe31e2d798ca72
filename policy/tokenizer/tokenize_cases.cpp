#include "policy/tokenizer/tokenize_cases.h"

#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "base/error.h"
#include "base/files/atomic_file.h"
#include "policy/tokenizer/utf8.h"

namespace gradus::policy {
namespace {

constexpr int64_t kMaxCaseBytes = int64_t{1} << 30;

// The value of a \uXXXX escape at `at`, or -1.
int escape_at(const std::string& line, size_t at) {
  if (at + 6 > line.size() || line[at] != '\\' || line[at + 1] != 'u') return -1;
  int value = 0;
  for (size_t i = at + 2; i < at + 6; ++i) {
    const char c = line[i];
    const int digit = c >= '0' && c <= '9'   ? c - '0'
                      : c >= 'a' && c <= 'f' ? c - 'a' + 10
                      : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                             : -1;
    if (digit < 0) return -1;
    value = value * 16 + digit;
  }
  return value;
}

bool is_high(int unit) {
  return unit >= 0xD800 && unit < 0xDC00;
}
bool is_low(int unit) {
  return unit >= 0xDC00 && unit < 0xE000;
}

nlohmann::ordered_json parse_line(const std::string& line, const std::string& path,
                                  int64_t number) {
  const auto refuse = [&](const std::string& what) {
    throw FileError(path, "invalid_case", "line " + std::to_string(number) + " " + what);
  };
  nlohmann::ordered_json object;
  try {
    object = nlohmann::ordered_json::parse(without_lone_surrogates(to_valid_utf8(line)));
  } catch (const nlohmann::json::exception& error) {
    refuse(std::string("is not valid JSON: ") + error.what());
  }
  if (!object.is_object() || !object.contains("text") || !object["text"].is_string()) {
    refuse("must be an object with a string \"text\"");
  }
  return object;
}

}  // namespace

std::string without_lone_surrogates(const std::string& line) {
  std::string out;
  out.reserve(line.size());
  for (size_t at = 0; at < line.size();) {
    if (line[at] != '\\') {
      out += line[at++];
      continue;
    }
    const int unit = escape_at(line, at);
    if (is_high(unit) && is_low(escape_at(line, at + 6))) {
      out.append(line, at, 12);
      at += 12;
    } else if (is_high(unit) || is_low(unit)) {
      out += "\\ufffd";
      at += 6;
    } else {
      const size_t length = unit >= 0 ? 6 : 2;  // an escaped backslash must not start an escape
      out.append(line, at, length);
      at += length;
    }
  }
  return out;
}

int64_t tokenize_cases(const Tokenizer& tokenizer, const std::string& in_path,
                       const std::string& out_path) {
  std::istringstream in(read_file(in_path, kMaxCaseBytes));
  std::ofstream out(out_path, std::ios::binary);
  if (!out) throw FileError(out_path, "not_writable", "cannot be written");
  int64_t number = 0;
  int64_t written = 0;
  for (std::string line; std::getline(in, line);) {
    ++number;
    if (number == 1 && line.starts_with("\xEF\xBB\xBF")) line.erase(0, 3);
    if (line.find_first_not_of(" \t\r") == std::string::npos) continue;
    nlohmann::ordered_json object = parse_line(line, in_path, number);
    const std::vector<int32_t> ids = tokenizer.encode(object["text"].get<std::string>());
    object["ids"] = ids;
    object["decoded"] = tokenizer.decode(ids);
    out << object.dump() << '\n';
    ++written;
  }
  out.flush();
  if (!out) throw FileError(out_path, "not_writable", "could not be written to its end");
  return written;
}

}  // namespace gradus::policy
