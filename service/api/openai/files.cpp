// /v1/files: uploads go to the disk as they arrive.
#include "service/store/files.h"

#include <fcntl.h>
#include <fmt/format.h>

#include <charconv>
#include <filesystem>

#include "base/error.h"
#include "base/files/file_descriptor.h"
#include "base/files/jsonl.h"
#include "base/json.h"
#include "service/api/call.h"
#include "service/api/openai/upload_sink.h"
#include "service/api/parts.h"
#include "service/http/fields.h"
#include "service/jobs/job_store.h"

namespace gradus::service {
namespace {

constexpr const char* kPurposes[] = {"fine-tune", "evals", "user_data"};
constexpr int64_t kMinLife_s = 3600;
constexpr int64_t kMaxLife_s = 2592000;

nlohmann::json file_json(const StoredFile& file) {
  nlohmann::json json{{"id", file.id},
                      {"object", "file"},
                      {"bytes", file.bytes},
                      {"created_at", file.created},
                      {"filename", file.filename},
                      {"purpose", file.purpose},
                      {"status", "processed"},
                      {"status_details", nullptr}};
  if (file.expires > 0) json["expires_at"] = file.expires;
  return json;
}

HttpError no_such_file(const std::string& id) {
  return {404, "No such File object: " + id, "", "id"};
}

StoredFile file_of_call(Call& call) {
  const auto file = call.parts.files.find(call.place("file_id"), call.project());
  if (!file) throw no_such_file(call.place("file_id"));
  return *file;
}

int64_t life_of(const std::map<std::string, std::string>& fields) {
  const auto seconds = fields.find("expires_after[seconds]");
  const auto anchor = fields.find("expires_after[anchor]");
  if (seconds == fields.end() && anchor == fields.end()) return 0;
  if (anchor == fields.end() || anchor->second != "created_at")
    refuse_field("expires_after.anchor", "must be 'created_at'");
  int64_t life = 0;
  if (seconds != fields.end()) {
    const std::string& text = seconds->second;
    const auto read = std::from_chars(text.data(), text.data() + text.size(), life);
    if (read.ec != std::errc() || read.ptr != text.data() + text.size()) life = 0;
  }
  if (life < kMinLife_s || life > kMaxLife_s) {
    refuse_field("expires_after.seconds",
                 fmt::format("must be from {} to {}", kMinLife_s, kMaxLife_s));
  }
  return life;
}

std::string purpose_of(const std::map<std::string, std::string>& fields) {
  const auto purpose = fields.find("purpose");
  if (purpose == fields.end()) {
    throw HttpError(400, "Missing required parameter: 'purpose'.", "missing_required_parameter",
                    "purpose");
  }
  for (const char* known : kPurposes) {
    if (purpose->second == known) return known;
  }
  refuse_field("purpose", "must be one of 'fine-tune', 'evals', 'user_data'");
}

/// Refuses what is not JSONL at all, and names the line.
void check_rows(const std::filesystem::path& path) {
  LineReader reader(path);
  int64_t rows = 0;
  const auto refuse = [](int64_t line, const std::string& why) {
    throw HttpError(400,
                    fmt::format("Invalid file format. Expected file to have JSONL format, where "
                                "every line is a JSON object (line {}): {}.",
                                line, why),
                    "invalid_file_format", "file");
  };
  try {
    while (const auto line = reader.next()) {
      ++rows;
      try {
        if (!parse_json(line->text, "row").is_object()) refuse(line->number, "it is not an object");
      } catch (const FileError& error) {
        refuse(line->number, std::string(error.what()).substr(0, 200));
      }
    }
  } catch (const FileError& error) {
    refuse(rows + 1, error.kind());
  }
  if (rows == 0) throw HttpError(400, "The file is empty.", "invalid_file_format", "file");
}

Response create_file(Call& call) {
  auto* sink = dynamic_cast<UploadSink*>(call.exchange->sink());
  if (sink == nullptr || !sink->has_file()) {
    throw HttpError(400, "Missing required parameter: 'file'.", "missing_required_parameter",
                    "file");
  }
  const std::string purpose = purpose_of(sink->fields());
  const int64_t life = life_of(sink->fields());
  if (purpose != "user_data") check_rows(sink->path());
  return json_response(file_json(call.parts.files.adopt(
      sink->take_path(), call.project(), display_name(sink->filename()), purpose, life)));
}

Response list_files(Call& call) {
  const PageWish wish = read_page(call.request(), 10000, 10000);
  const std::string order = call.request().query_value("order");
  if (!order.empty() && order != "asc" && order != "desc")
    refuse_field("order", "must be 'asc' or 'desc'");
  const auto page = call.parts.files.list(call.project(), call.request().query_value("purpose"),
                                          wish.after, wish.limit, order == "asc");
  if (!page.knows_after) refuse_field("after", "no file of this id");
  auto data = nlohmann::json::array();
  for (const auto& file : page.files) data.push_back(file_json(file));
  return json_response(page_json(std::move(data), page.has_more));
}

Response get_file(Call& call) {
  return json_response(file_json(file_of_call(call)));
}

Response delete_file(Call& call) {
  const StoredFile file = file_of_call(call);
  if (call.parts.job_store.is_file_in_use(file.id)) {
    throw HttpError(400, "The file is used by a fine-tuning job that has not ended.", "file_in_use",
                    "id");
  }
  if (!call.parts.files.remove(file.id, call.project())) throw no_such_file(file.id);
  return json_response({{"id", file.id}, {"object", "file"}, {"deleted", true}});
}

/// bytes=a-b of one range; nothing where the header is none that is known.
bool read_range(std::string_view header, int64_t size, int64_t& begin, int64_t& count) {
  if (header.substr(0, 6) != "bytes=") return false;
  header.remove_prefix(6);
  const size_t dash = header.find('-');
  if (dash == std::string_view::npos || header.find(',') != std::string_view::npos) return false;
  const auto number = [](std::string_view text, int64_t& value) {
    const auto read = std::from_chars(text.data(), text.data() + text.size(), value);
    return read.ec == std::errc() && read.ptr == text.data() + text.size() && value >= 0;
  };
  int64_t last = size - 1;
  if (dash == 0) {
    if (!number(header.substr(1), count)) return false;
    begin = std::max<int64_t>(0, size - count);
  } else {
    if (!number(header.substr(0, dash), begin)) return false;
    if (dash + 1 < header.size() && !number(header.substr(dash + 1), last)) return false;
  }
  last = std::min(last, size - 1);
  count = last - begin + 1;
  return true;
}

Response file_content(Call& call) {
  const StoredFile file = file_of_call(call);
  Response response;
  response.content_type = "application/octet-stream";
  response.file = call.parts.files.path_of(file.id).string();
  response.file_bytes = file.bytes;
  std::string plain;
  for (const char c : file.filename)
    plain.push_back(static_cast<unsigned char>(c) < 0x80 && c != '"' && c != '\\' ? c : '_');
  response.headers = {{"content-disposition", "attachment; filename=\"" + plain + "\""},
                      {"accept-ranges", "bytes"}};
  int64_t begin = 0;
  int64_t count = 0;
  if (!read_range(call.request().header("range"), file.bytes, begin, count)) return response;
  if (begin >= file.bytes || count <= 0) {
    HttpError error(416, "The range lies outside the file.", "invalid_range", "range");
    error.headers = {{"content-range", fmt::format("bytes */{}", file.bytes)}};
    throw error;
  }
  response.status = 206;
  response.file_begin = begin;
  response.file_bytes = count;
  response.headers.emplace_back(
      "content-range", fmt::format("bytes {}-{}/{}", begin, begin + count - 1, file.bytes));
  return response;
}

constexpr Route kFileRoutes[] = {
    {"POST", "/v1/files", Scope::files, "upload a file", answering<create_file>, BodyKind::upload},
    {"GET", "/v1/files", Scope::files, "list files", answering<list_files>},
    {"GET", "/v1/files/{file_id}", Scope::files, "a file's record", answering<get_file>},
    {"DELETE", "/v1/files/{file_id}", Scope::files, "delete a file", answering<delete_file>},
    {"GET", "/v1/files/{file_id}/content", Scope::files, "a file's bytes", answering<file_content>},
};

}  // namespace

extern const Resource kFilesResource{"files", kFileRoutes};

}  // namespace gradus::service
