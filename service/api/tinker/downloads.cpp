// Files of exported weights, by links that need no key and expire.
#include <fmt/format.h>

#include <charconv>
#include <filesystem>

#include "service/api/tinker/tinker_call.h"

namespace gradus::service {
namespace {

constexpr int64_t kLinkLives_s = 3600;

HttpError no_such_file() {
  return {404, "There is no such file, or the link has expired; ask for new ones.",
          "file_not_found"};
}

Response external_urls(Call& call) {
  const auto checkpoint =
      checkpoint_of_call(call, {call.place("run"), call.place("kind"), call.place("name")});
  if (checkpoint.kind != "external_weights")
    throw HttpError(400, "Only what save_weights_external wrote can be downloaded.",
                    "invalid_value", "checkpoint_id");
  auto& tinker = call.parts.tinker;
  const int64_t expires = call.parts.store.now() + kLinkLives_s;
  const std::string root =
      fmt::format("{}://{}", call.parts.config.tls.certificate.empty() ? "http" : "https",
                  call.request().header("host"));
  auto urls = nlohmann::json::object();
  for (const auto& entry :
       std::filesystem::directory_iterator(tinker.checkpoints().folder_of(checkpoint.id))) {
    const std::string file = entry.path().filename().string();
    urls[file] =
        fmt::format("{}/api/v1/external_files/{}/{}?expires={}&signature={}", root, checkpoint.id,
                    file, expires, tinker.links().sign(checkpoint.id, file, expires));
  }
  return json_response({{"urls", std::move(urls)}, {"expires", time_text(expires)}});
}

Response external_file(Call& call) {
  auto& tinker = call.parts.tinker;
  const std::string text = call.request().query_value("expires");
  int64_t expires = 0;
  std::from_chars(text.data(), text.data() + text.size(), expires);
  const std::string id = call.place("checkpoint");
  const std::string file = call.place("file");
  const bool is_ours =
      tinker.links().is_ours(id, file, expires, call.request().query_value("signature"));
  if (!is_ours || expires < call.parts.store.now()) throw no_such_file();
  const auto path = tinker.checkpoints().folder_of(id) / file;
  if (!std::filesystem::is_regular_file(path)) throw no_such_file();
  Response response;
  response.content_type = "application/octet-stream";
  response.file = path.string();
  return response;
}

constexpr Route kTinkerDownloadRoutes[] = {
    {"GET", "/api/v1/training_runs/{run}/checkpoints/{kind}/{name}/external_weights_urls",
     Scope::infer, "links to exported weights", answering<external_urls>},
    {"GET", "/api/v1/external_files/{checkpoint}/{file}", Scope::open,
     "a file of exported weights, by its link", answering<external_file>},
};

}  // namespace

extern const Resource kTinkerDownloadsResource{"tinker downloads", kTinkerDownloadRoutes};

}  // namespace gradus::service
