#include "service/http/head_check.h"

#include <algorithm>
#include <charconv>

#include "base/ascii.h"

namespace gradus::service {
namespace {

[[noreturn]] void refuse_head(const std::string& why, int status = 400) {
  throw HttpError(status, "The request is malformed: " + why + ".");
}

bool is_token_char(char c) {
  const auto byte = static_cast<unsigned char>(c);
  if (byte <= 0x20 || byte >= 0x7F) return false;
  return std::string_view("()<>@,;:\\\"/[]?={}").find(c) == std::string_view::npos;
}

bool is_token(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), is_token_char);
}

std::string_view without_blanks(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

std::string lower_case(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return out;
}

std::string_view take_line(std::string_view& rest) {
  const size_t end = rest.find("\r\n");
  if (end == std::string_view::npos) refuse_head("a line has no end");
  const std::string_view line = rest.substr(0, end);
  for (const char c : line) {
    const auto byte = static_cast<unsigned char>(c);
    if ((byte < 0x20 && c != '\t') || byte == 0x7F) refuse_head("a control character in its head");
  }
  rest.remove_prefix(end + 2);
  return line;
}

void read_target(std::string_view target, CheckedHead& head) {
  if (target.empty() || target.size() > 8192) refuse_head("its target is empty or too long");
  for (const char c : target) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte <= 0x20 || byte >= 0x7F) refuse_head("its target holds a byte that must be escaped");
  }
  if (target != "*" && target.front() != '/') refuse_head("its target is not a path");
  if (target.find('#') != std::string_view::npos) refuse_head("its target holds a fragment");
  const size_t question = std::min(target.find('?'), target.size());
  head.request.path = std::string(target.substr(0, question));
  if (question < target.size()) head.request.query = std::string(target.substr(question + 1));
  const std::string lower = lower_case(head.request.path);
  if (lower.find("%00") != std::string::npos) refuse_head("its path holds a NUL");
  if (has_dot_segments(head.request.path)) refuse_head("its path leaves its folder");
}

void read_request_line(std::string_view line, CheckedHead& head) {
  const size_t first = line.find(' ');
  const size_t last = line.rfind(' ');
  if (first == std::string_view::npos || first == last) refuse_head("its first line is no request");
  const std::string_view method = line.substr(0, first);
  const std::string_view version = line.substr(last + 1);
  if (!is_token(method) || method.size() > 32) refuse_head("its method is none");
  if (version != "HTTP/1.1" && version != "HTTP/1.0") {
    if (version.substr(0, 5) == "HTTP/") refuse_head("only HTTP/1.1 is spoken here", 505);
    refuse_head("its first line is no request");
  }
  head.is_http_1_0 = version == "HTTP/1.0";
  head.request.method = std::string(method);
  read_target(line.substr(first + 1, last - first - 1), head);
}

void read_field(std::string_view line, CheckedHead& head) {
  if (line.front() == ' ' || line.front() == '\t') refuse_head("a header goes on on the next line");
  const size_t colon = line.find(':');
  if (colon == std::string_view::npos) refuse_head("a header has no colon");
  if (!is_token(line.substr(0, colon))) refuse_head("a header's name is none");
  head.request.headers.emplace_back(lower_case(line.substr(0, colon)),
                                    std::string(without_blanks(line.substr(colon + 1))));
  if (head.request.headers.size() > 100) refuse_head("it has more than 100 headers", 431);
}

void read_length(const std::string& value, CheckedHead& head) {
  const bool is_number =
      !value.empty() && value.size() <= 18 && std::all_of(value.begin(), value.end(), is_digit);
  if (!is_number) refuse_head("Content-Length is no number");
  std::from_chars(value.data(), value.data() + value.size(), head.framing.length);
}

void read_framing(CheckedHead& head) {
  int lengths = 0;
  int codings = 0;
  int hosts = 0;
  for (const auto& [name, value] : head.request.headers) {
    if (name == "content-length") {
      ++lengths;
      read_length(value, head);
    } else if (name == "transfer-encoding") {
      ++codings;
      if (lower_case(value) != "chunked") refuse_head("Transfer-Encoding is not `chunked`", 501);
      head.framing.is_chunked = true;
    } else if (name == "host") {
      ++hosts;
      if (value.find_first_of(" \t,/@\\?#") != std::string::npos) refuse_head("Host is none");
    }
  }
  if (lengths > 1 || codings > 1) refuse_head("its length is given twice");
  if (lengths == 1 && codings == 1) {
    refuse_head("it has both Content-Length and Transfer-Encoding");
  }
  if (codings == 1 && head.is_http_1_0) refuse_head("HTTP/1.0 has no Transfer-Encoding");
  if (hosts > 1) refuse_head("it has two hosts");
  if (hosts == 0 && !head.is_http_1_0) refuse_head("it has no Host");
}

void read_wishes(CheckedHead& head) {
  const std::string connection = lower_case(head.request.header("connection"));
  head.wants_close = head.is_http_1_0 ? connection.find("keep-alive") == std::string::npos
                                      : connection.find("close") != std::string::npos;
  const std::string expect = lower_case(head.request.header("expect"));
  if (expect.empty()) return;
  if (expect != "100-continue") refuse_head("Expect is not `100-continue`", 417);
  head.expects_continue = !head.is_http_1_0;
}

}  // namespace

bool has_dot_segments(std::string_view path) {
  std::string decoded = percent_decoded(path);
  std::replace(decoded.begin(), decoded.end(), '\\', '/');
  size_t begin = 0;
  while (begin <= decoded.size()) {
    const size_t end = std::min(decoded.find('/', begin), decoded.size());
    const auto segment = std::string_view(decoded).substr(begin, end - begin);
    if (segment == "." || segment == "..") return true;
    begin = end + 1;
  }
  return false;
}

CheckedHead check_head(std::string_view head_text) {
  CheckedHead head;
  read_request_line(take_line(head_text), head);
  for (;;) {
    const std::string_view line = take_line(head_text);
    if (line.empty()) break;
    read_field(line, head);
  }
  if (!head_text.empty()) refuse_head("bytes behind its head");
  read_framing(head);
  read_wishes(head);
  return head;
}

}  // namespace gradus::service
