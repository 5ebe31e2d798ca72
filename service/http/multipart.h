#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>

#include "service/http/message.h"

namespace gradus::service {

/// A part of a form, by its header.
struct FormPart {
  std::string name;
  std::string filename;  ///< for display; empty: a field
  bool has_filename = false;
};

/// Reads multipart/form-data (RFC 7578) as it arrives, in memory of one piece. Fields are kept, the
/// bytes of files go to a callback. Bounded: 64 parts, 8 KiB of head each, 1 MiB of fields
/// together.
class MultipartReader {
 public:
  using FileBytes = std::function<void(const FormPart& part, std::string_view bytes)>;

  /// @param content_type  with its boundary. @throws HttpError  400, 415.
  MultipartReader(std::string_view content_type, FileBytes on_file);

  /// @throws HttpError  400: it is not of that form.
  void take(std::string_view bytes);
  /// @throws HttpError  400: the last boundary is missing.
  void finish();

  /// Values of the fields by name; of two of one name, the last.
  const std::map<std::string, std::string>& fields() const { return fields_; }

 private:
  enum class State { preamble, head, body, done };

  bool read_boundary();
  bool read_head();
  bool read_body();
  void give(std::string_view bytes);

  std::string delimiter_;  ///< "\r\n--boundary"
  FileBytes on_file_;
  State state_ = State::preamble;
  std::string buffer_ = "\r\n";  ///< a boundary at the very beginning has no line end before it
  size_t skipped_ = 0;           ///< bytes at the buffer's begin that belong to the head
  FormPart part_;
  int num_parts_ = 0;
  size_t field_bytes_ = 0;
  std::map<std::string, std::string> fields_;
};

/// "../../x/y.jsonl" as "y.jsonl", without control characters, at most 255 bytes of UTF-8.
std::string display_name(std::string_view filename);

}  // namespace gradus::service
