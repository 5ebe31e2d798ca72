// GET / and the page's files.
#include "base/sha256.h"
#include "service/api/call.h"
#include "service/web/assets.h"

namespace gradus::service {
namespace {

// Nothing inline, nothing from elsewhere, no frame around it: what a model wrote can run nowhere.
constexpr const char* kContentPolicy =
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

Response asset_response(Call& call, std::string_view name) {
  const PageAsset* asset = find_asset(name);
  if (asset == nullptr) throw HttpError(404, "The page has no such file.", "not_found");
  Response response;
  response.content_type = std::string(asset->type);
  const std::string tag = "\"" + sha256(asset->bytes).substr(0, 32) + "\"";
  response.headers = {{"content-security-policy", kContentPolicy},
                      {"referrer-policy", "no-referrer"},
                      {"cross-origin-opener-policy", "same-origin"},
                      {"cross-origin-resource-policy", "same-origin"},
                      {"cache-control", "no-cache"},
                      {"etag", tag}};
  if (call.request().header("if-none-match") == tag) {
    response.status = 304;
  } else {
    response.body = std::string(asset->bytes);
  }
  return response;
}

Response show_page(Call& call) {
  return asset_response(call, "index.html");
}

Response show_asset(Call& call) {
  return asset_response(call, call.place("file"));
}

constexpr Route kPageRoutes[] = {
    {"GET", "/", Scope::open, "the page", answering<show_page>},
    {"GET", "/page/{file}", Scope::open, "a file of the page", answering<show_asset>},
};

}  // namespace

extern const Resource kPageResource{"page", kPageRoutes};

}  // namespace gradus::service
