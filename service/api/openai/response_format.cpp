#include "service/api/openai/response_format.h"

namespace gradus::service {

std::shared_ptr<rollout::LogitEditor> read_response_format(Fields& fields,
                                                           const LoadedModel& /*model*/) {
  const auto* format = fields.find("response_format");
  if (format == nullptr) return nullptr;
  Fields inner(*format, "response_format");
  const std::string type = inner.text("type");
  if (type == "text") return nullptr;
  throw HttpError(400,
                  "Invalid 'response_format.type': only 'text' is supported; forms that are not "
                  "held to exactly are refused.",
                  "unsupported_parameter", "response_format");
}

}  // namespace gradus::service
