// The page's files lie in the program: one binary shows it, and nothing is built for it.
#include "service/web/assets.h"

#include <algorithm>

#include "base/bundled_file.h"

GRADUS_BUNDLED_FILE(gradus_web_api_js, GRADUS_WEB_ASSETS "/api.js");
GRADUS_BUNDLED_FILE(gradus_web_app_js, GRADUS_WEB_ASSETS "/app.js");
GRADUS_BUNDLED_FILE(gradus_web_charts_js, GRADUS_WEB_ASSETS "/charts.js");
GRADUS_BUNDLED_FILE(gradus_web_chat_js, GRADUS_WEB_ASSETS "/chat.js");
GRADUS_BUNDLED_FILE(gradus_web_dom_js, GRADUS_WEB_ASSETS "/dom.js");
GRADUS_BUNDLED_FILE(gradus_web_evaluations_js, GRADUS_WEB_ASSETS "/evaluations.js");
GRADUS_BUNDLED_FILE(gradus_web_graders_js, GRADUS_WEB_ASSETS "/graders.js");
GRADUS_BUNDLED_FILE(gradus_web_groups_js, GRADUS_WEB_ASSETS "/groups.js");
GRADUS_BUNDLED_FILE(gradus_web_icon_svg, GRADUS_WEB_ASSETS "/icon.svg");
GRADUS_BUNDLED_FILE(gradus_web_index_html, GRADUS_WEB_ASSETS "/index.html");
GRADUS_BUNDLED_FILE(gradus_web_run_js, GRADUS_WEB_ASSETS "/run.js");
GRADUS_BUNDLED_FILE(gradus_web_runs_js, GRADUS_WEB_ASSETS "/runs.js");
GRADUS_BUNDLED_FILE(gradus_web_shelves_js, GRADUS_WEB_ASSETS "/shelves.js");
GRADUS_BUNDLED_FILE(gradus_web_strip_js, GRADUS_WEB_ASSETS "/strip.js");
GRADUS_BUNDLED_FILE(gradus_web_style_css, GRADUS_WEB_ASSETS "/style.css");
GRADUS_BUNDLED_FILE(gradus_web_timeline_js, GRADUS_WEB_ASSETS "/timeline.js");
GRADUS_BUNDLED_FILE(gradus_web_uplot_css, GRADUS_WEB_ASSETS "/uplot.css");
GRADUS_BUNDLED_FILE(gradus_web_uplot_js, GRADUS_WEB_ASSETS "/uplot.js");
GRADUS_BUNDLED_FILE(gradus_web_uplot_license, GRADUS_WEB_ASSETS "/uplot_license.txt");

namespace gradus::service {
namespace {

constexpr const char* kHtml = "text/html; charset=utf-8";
constexpr const char* kStyle = "text/css; charset=utf-8";
constexpr const char* kScript = "text/javascript; charset=utf-8";
constexpr const char* kText = "text/plain; charset=utf-8";
constexpr const char* kPicture = "image/svg+xml";

}  // namespace

std::span<const PageAsset> page_assets() {
  static const PageAsset assets[] = {
      {"api.js", kScript, bundled(gradus_web_api_js, gradus_web_api_js_end)},
      {"app.js", kScript, bundled(gradus_web_app_js, gradus_web_app_js_end)},
      {"charts.js", kScript, bundled(gradus_web_charts_js, gradus_web_charts_js_end)},
      {"chat.js", kScript, bundled(gradus_web_chat_js, gradus_web_chat_js_end)},
      {"dom.js", kScript, bundled(gradus_web_dom_js, gradus_web_dom_js_end)},
      {"evaluations.js", kScript,
       bundled(gradus_web_evaluations_js, gradus_web_evaluations_js_end)},
      {"graders.js", kScript, bundled(gradus_web_graders_js, gradus_web_graders_js_end)},
      {"groups.js", kScript, bundled(gradus_web_groups_js, gradus_web_groups_js_end)},
      {"icon.svg", kPicture, bundled(gradus_web_icon_svg, gradus_web_icon_svg_end)},
      {"index.html", kHtml, bundled(gradus_web_index_html, gradus_web_index_html_end)},
      {"run.js", kScript, bundled(gradus_web_run_js, gradus_web_run_js_end)},
      {"runs.js", kScript, bundled(gradus_web_runs_js, gradus_web_runs_js_end)},
      {"shelves.js", kScript, bundled(gradus_web_shelves_js, gradus_web_shelves_js_end)},
      {"strip.js", kScript, bundled(gradus_web_strip_js, gradus_web_strip_js_end)},
      {"style.css", kStyle, bundled(gradus_web_style_css, gradus_web_style_css_end)},
      {"timeline.js", kScript, bundled(gradus_web_timeline_js, gradus_web_timeline_js_end)},
      {"uplot.css", kStyle, bundled(gradus_web_uplot_css, gradus_web_uplot_css_end)},
      {"uplot.js", kScript, bundled(gradus_web_uplot_js, gradus_web_uplot_js_end)},
      {"uplot_license.txt", kText, bundled(gradus_web_uplot_license, gradus_web_uplot_license_end)},
  };
  return assets;
}

const PageAsset* find_asset(std::string_view name) {
  const auto found = std::ranges::find(page_assets(), name, &PageAsset::name);
  return found == page_assets().end() ? nullptr : &*found;
}

}  // namespace gradus::service
