// Templates of graders: any text is read or refused; values are never expanded again.

#include <nlohmann/json.hpp>
#include <string>

#include "fuzz/target.h"
#include "rewards/graders/template.h"

using gradus::fuzz::require;
using namespace gradus::rewards::graders;  // NOLINT(google-build-using-namespace): the target

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const nlohmann::json item = {
      {"a", "{{ sample.output_text }}"}, {"b", {1, {{"c", nullptr}}}}, {"", 2.5}};
  const std::string_view text = gradus::fuzz::text_of(data, size);
  const nlohmann::json sample = make_sample(text);
  try {
    const Template whole(text);
    const auto rendered = whole.render({item, sample});
    require(rendered.fault.empty() || rendered.text.empty(), "a text with a fault is not used");
    require(whole.paths().empty() ? rendered.text == text : true, "text without paths stays");
  } catch (const TemplateError& error) {
    require(error.what()[0] != '\0', "a refusal says why");
  }
  // Whatever the sample says goes in as it is.
  const auto rendered = Template("<{{sample.output_text}}>").render({item, sample});
  require(rendered.text == "<" + sample.at("output_text").get<std::string>() + ">",
          "a value is put in as it is");
  return 0;
}
