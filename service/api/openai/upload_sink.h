#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <string_view>

#include "base/files/file_descriptor.h"
#include "service/http/exchange.h"
#include "service/http/multipart.h"

namespace gradus::service {

/// Writes the part `file` of a form to a path while it arrives; removes it unless it is taken.
class UploadSink final : public BodySink {
 public:
  /// @throws HttpError  400, 415: the body is no form.
  UploadSink(std::string_view content_type, std::filesystem::path path);
  ~UploadSink() override;

  /// @throws HttpError, FileError  kind "disk_full".
  void take(std::string_view bytes) override;
  void finish() override { reader_.finish(); }

  bool has_file() const { return file_.is_open(); }
  const std::string& filename() const { return filename_; }
  const std::filesystem::path& path() const { return path_; }
  /// The path, which is now the caller's.
  std::filesystem::path take_path();
  const std::map<std::string, std::string>& fields() const { return reader_.fields(); }

 private:
  void write(const FormPart& part, std::string_view bytes);

  std::filesystem::path path_;
  FileDescriptor file_;
  std::string filename_;
  bool is_taken_ = false;
  MultipartReader reader_;
};

}  // namespace gradus::service
