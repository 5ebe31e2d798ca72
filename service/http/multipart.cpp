#include "service/http/multipart.h"

#include <algorithm>

#include "base/utf8.h"

namespace gradus::service {
namespace {

constexpr int kMaxParts = 64;
constexpr size_t kMaxHead = 8192;
constexpr size_t kMaxFields = size_t{1} << 20;

[[noreturn]] void refuse_form(const std::string& why) {
  throw HttpError(400, "Could not parse multipart form: " + why + ".", "invalid_multipart");
}

std::string lower_text(std::string_view text) {
  std::string out(text);
  std::ranges::transform(out, out.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  return out;
}

/// The value of `key` among `; key=value` parameters; quoted or not.
bool find_parameter(std::string_view text, std::string_view key, std::string& value) {
  const std::string lower = lower_text(text);
  size_t at = 0;
  while ((at = lower.find(';', at)) != std::string::npos) {
    ++at;
    while (at < lower.size() && (lower[at] == ' ' || lower[at] == '\t')) ++at;
    if (lower.compare(at, key.size(), key) != 0 || at + key.size() >= lower.size() ||
        lower[at + key.size()] != '=')
      continue;
    at += key.size() + 1;
    value.clear();
    if (at < text.size() && text[at] == '"') {
      for (++at; at < text.size() && text[at] != '"'; ++at) {
        // Browsers escape a quote as %22 and others by a backslash; either is undone.
        if (text[at] == '\\' && at + 1 < text.size() &&
            (text[at + 1] == '"' || text[at + 1] == '\\'))
          ++at;
        value.push_back(text[at]);
      }
      if (at >= text.size()) refuse_form("a quote is not closed");
    } else {
      while (at < text.size() && text[at] != ';' && text[at] != ' ') value.push_back(text[at++]);
    }
    return true;
  }
  return false;
}

}  // namespace

std::string display_name(std::string_view filename) {
  const size_t slash = filename.find_last_of("/\\");
  if (slash != std::string_view::npos) filename.remove_prefix(slash + 1);
  std::string name;
  for (const char c : filename) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= 0x20 && byte != 0x7F) name.push_back(c);
  }
  while (name.size() > 255) name.pop_back();
  while (!name.empty() && !is_valid_utf8(name)) name.pop_back();
  return name.empty() || name == "." || name == ".." ? "upload" : name;
}

MultipartReader::MultipartReader(std::string_view content_type, FileBytes on_file)
    : on_file_(std::move(on_file)) {
  if (lower_text(content_type).find("multipart/form-data") != 0) {
    throw HttpError(415, "The body's Content-Type must be multipart/form-data.",
                    "unsupported_media_type");
  }
  std::string boundary;
  if (!find_parameter(content_type, "boundary", boundary) || boundary.empty() ||
      boundary.size() > 70)
    refuse_form("its boundary must have 1 to 70 characters");
  delimiter_ = "\r\n--" + boundary;
}

void MultipartReader::take(std::string_view bytes) {
  if (state_ == State::done) return;  // the epilogue
  buffer_ += bytes;
  for (;;) {
    bool goes_on = false;
    switch (state_) {
      case State::preamble:
        goes_on = read_boundary();
        break;
      case State::head:
        goes_on = read_head();
        break;
      case State::body:
        goes_on = read_body();
        break;
      case State::done:
        return;
    }
    if (!goes_on) return;
  }
}

bool MultipartReader::read_boundary() {
  const size_t at = buffer_.find(delimiter_);
  if (at == std::string::npos) {
    if (buffer_.size() > kMaxHead) refuse_form("it does not begin with its boundary");
    return false;
  }
  const size_t end = at + delimiter_.size();
  if (buffer_.size() < end + 2) return false;
  if (buffer_.compare(end, 2, "--") == 0) {
    state_ = State::done;
    buffer_.clear();
    return true;
  }
  if (buffer_.compare(end, 2, "\r\n") != 0) refuse_form("a boundary is not alone on its line");
  buffer_.erase(0, end + 2);
  state_ = State::head;
  if (++num_parts_ > kMaxParts) refuse_form("it has more than 64 parts");
  return true;
}

bool MultipartReader::read_head() {
  const size_t end = buffer_.find("\r\n\r\n");
  if (end == std::string::npos || end > kMaxHead) {
    if (buffer_.size() > kMaxHead) refuse_form("a part's head is too long");
    return false;
  }
  part_ = {};
  std::string_view head = std::string_view(buffer_).substr(0, end);
  bool is_named = false;
  while (!head.empty()) {
    const size_t line_end = std::min(head.find("\r\n"), head.size());
    const std::string_view line = head.substr(0, line_end);
    head.remove_prefix(std::min(line_end + 2, head.size()));
    if (lower_text(line.substr(0, 20)) != "content-disposition:") continue;
    is_named = find_parameter(line, "name", part_.name);
    std::string filename;
    if (find_parameter(line, "filename*", filename) &&
        lower_text(filename.substr(0, 7)) == "utf-8''") {
      part_.filename = percent_decoded(filename.substr(7));
      part_.has_filename = true;
    } else if (find_parameter(line, "filename", filename)) {
      part_.filename = filename;
      part_.has_filename = true;
    }
  }
  if (!is_named || part_.name.empty()) refuse_form("a part has no name");
  // The line end before the body stays: behind it an empty body's boundary follows at once.
  buffer_.erase(0, end + 2);
  skipped_ = 2;
  state_ = State::body;
  if (!part_.has_filename) fields_[part_.name].clear();
  return true;
}

bool MultipartReader::read_body() {
  const std::string_view buffer = buffer_;
  const size_t at = buffer.find(delimiter_);
  if (at != std::string_view::npos) {
    if (at > skipped_) give(buffer.substr(skipped_, at - skipped_));
    if (part_.has_filename) on_file_(part_, {});
    buffer_.erase(0, at);
    state_ = State::preamble;
    return true;
  }
  // The beginning of a boundary may stand at the end.
  const size_t kept = delimiter_.size();
  if (buffer.size() <= skipped_ + kept) return false;
  const size_t end = buffer.size() - kept;
  give(buffer.substr(skipped_, end - skipped_));
  buffer_.erase(0, end);
  skipped_ = 0;
  return false;
}

void MultipartReader::give(std::string_view bytes) {
  if (part_.has_filename) {
    on_file_(part_, bytes);
    return;
  }
  field_bytes_ += bytes.size();
  if (field_bytes_ > kMaxFields) refuse_form("its fields are too long");
  fields_[part_.name] += bytes;
}

void MultipartReader::finish() {
  if (state_ != State::done) refuse_form("its last boundary is missing");
}

}  // namespace gradus::service
