#include "service/api/openai/upload_sink.h"

#include <fcntl.h>

#include <span>

namespace gradus::service {

UploadSink::UploadSink(std::string_view content_type, std::filesystem::path path)
    : path_(std::move(path)),
      reader_(content_type,
              [this](const FormPart& part, std::string_view bytes) { write(part, bytes); }) {}

UploadSink::~UploadSink() {
  std::error_code ignored;
  if (has_file() && !is_taken_) std::filesystem::remove(path_, ignored);
}

void UploadSink::take(std::string_view bytes) {
  reader_.take(bytes);
}

void UploadSink::write(const FormPart& part, std::string_view bytes) {
  if (part.name != "file") return;
  if (!file_.is_open()) {
    file_ = open_file(path_, O_WRONLY | O_CREAT | O_EXCL);
    filename_ = part.filename;
  }
  write_all(file_.get(), std::as_bytes(std::span(bytes)), path_);
}

std::filesystem::path UploadSink::take_path() {
  is_taken_ = true;
  return path_;
}

}  // namespace gradus::service
