// Grader `endpoint`: what an HTTP server says.
//
//   POST {"sample": ..., "item": ...} as JSON to `url`; the reply is {"score": number}. The server
//   must be one that the operator allows. A reply of another form, an error status and a time-out
//   are errors.

#include <cmath>

#include "base/printable.h"
#include "rewards/graders/grader_record.h"
#include "rewards/outbound/url.h"

namespace gradus::rewards::graders {
namespace {

using nlohmann::json;

constexpr double kMaxTimeout_s = 600;

class EndpointGrader final : public Grader {
 public:
  EndpointGrader(std::string name, EndpointRequest request, GraderServices& services)
      : Grader(std::move(name), "endpoint"), request_(std::move(request)), services_(services) {}

  GraderScore grade(const TemplateValues& values) const override {
    EndpointRequest request = request_;
    request.body = {{"sample", values.sample}, {"item", values.item}};
    const EndpointReply reply = services_.call_endpoint(request);
    if (reply.outcome == AskOutcome::timed_out) {
      return error_score(&GraderErrors::unresponsive_reward_error, reply.details);
    }
    if (reply.outcome != AskOutcome::answered) {
      return error_score(&GraderErrors::other_error, reply.details);
    }
    const bool has_score = reply.body.is_object() && reply.body.contains("score") &&
                           reply.body.at("score").is_number();
    const double value = has_score ? reply.body.at("score").get<double>() : NAN;
    if (!std::isfinite(value)) {
      return error_score(&GraderErrors::other_error, "the reply is not {\"score\": number}: " +
                                                         printable(reply.body.dump(), 200));
    }
    return score_of(value);
  }

 private:
  EndpointRequest request_;
  GraderServices& services_;
};

bool is_header_name(const std::string& name) {
  for (const char c : name) {
    const bool is_token = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                          (c >= '0' && c <= '9') || c == '-' || c == '_';
    if (!is_token) return false;
  }
  return !name.empty();
}

// Those that frame the message or that the client sets itself.
bool is_reserved(std::string name) {
  for (char& c : name) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  for (const char* reserved :
       {"host", "content-length", "content-type", "transfer-encoding", "connection", "expect",
        "upgrade", "te", "trailer", "accept-encoding"}) {
    if (name == reserved) return true;
  }
  return false;
}

void read_headers(SpecReader& spec, EndpointRequest& request) {
  const json* headers = spec.optional_value("headers");
  if (headers == nullptr) return;
  const std::string where = spec.path("headers");
  if (!headers->is_object()) refuse_type(where, "an object", *headers);
  for (const auto& [name, value] : headers->items()) {
    const std::string param = where + "." + printable(name, 100);
    if (!value.is_string()) refuse_type(param, "a string", value);
    const auto& text = value.get_ref<const std::string&>();
    for (const char c : text) {
      if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) {
        refuse_value(param, "Invalid '" + param + "': a header value has no control characters.");
      }
    }
    if (!is_header_name(name) || is_reserved(name)) {
      refuse_value(param, "Invalid '" + param + "': this header cannot be set.");
    }
    request.headers.emplace_back(name, text);
  }
}

std::unique_ptr<Grader> make_endpoint_grader(SpecReader& spec, const std::string& name,
                                             GraderServices& services) {
  EndpointRequest request;
  request.url = spec.text("url");
  try {
    outbound::Url::parse(request.url);
  } catch (const ArgumentError& error) {
    refuse_value(spec.path("url"), "Invalid '" + spec.path("url") + "': " + error.what() + ".");
  }
  read_headers(spec, request);
  request.timeout_s = spec.optional_number("timeout_s", 0.001, kMaxTimeout_s).value_or(0.0);
  spec.finish();
  return std::make_unique<EndpointGrader>(name, std::move(request), services);
}

}  // namespace

extern const GraderRecord kEndpointGrader{"endpoint", make_endpoint_grader};

}  // namespace gradus::rewards::graders
