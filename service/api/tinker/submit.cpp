#include "service/api/tinker/submit.h"

#include <optional>

#include "base/error.h"
#include "base/json.h"
#include "base/sha256.h"
#include "service/training/messages.h"
#include "service/training/protobuf.h"

namespace gradus::service {
namespace {

/// Whose request it is and when its turn comes.
struct Numbered {
  std::string model;
  int64_t number = 0;
  std::optional<HttpError> refusal;
};

/// Python writes numbers that are not finite as NaN and Infinity, which JSON does not have: with
/// null in their place the text tells at least whose number is used up.
std::string without_nonfinite(std::string_view text) {
  std::string out;
  bool is_string = false;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\' && is_string && i + 1 < text.size()) {
      out += text.substr(i++, 2);
      continue;
    }
    if (text[i] == '"') is_string = !is_string;
    bool is_replaced = false;
    for (const std::string_view word : {"NaN", "-Infinity", "Infinity"}) {
      if (is_string || is_replaced || !text.substr(i).starts_with(word)) continue;
      out += "null";
      i += word.size() - 1;
      is_replaced = true;
    }
    if (!is_replaced) out.push_back(text[i]);
  }
  return out;
}

Numbered numbered_of_json(const nlohmann::json& body) {
  Fields fields(body, "");
  return {fields.text("model_id", 512), fields.integer("seq_id", 0, INT32_MAX).value_or(0), {}};
}

Numbered read_numbered_json(const Call& call) {
  try {
    return numbered_of_json(call.body());
  } catch (const HttpError& error) {
    if (error.code != "invalid_json") throw;
    try {
      const auto body = parse_json(without_nonfinite(call.request().body), "body");
      Numbered numbered = numbered_of_json(body);
      numbered.refusal = HttpError(422, "A number of the body is NaN or infinite.", "not_finite");
      return numbered;
    } catch (const Error&) {
      throw error;
    }
  }
}

Numbered read_numbered_protobuf(const Call& call) {
  const auto type = call.request().header("content-type");
  if (type.find("protobuf") == std::string_view::npos)
    throw HttpError(415, "The body's Content-Type must be application/x-protobuf.",
                    "unsupported_media_type");
  if (!call.request().header("content-encoding").empty())
    throw HttpError(415, "Bodies with a Content-Encoding are not taken.", "unsupported_media_type");
  try {
    const auto wire = read_forward_backward(call.request().body);
    return {wire.model_id, wire.seq_id, {}};
  } catch (const WireError& error) {
    throw HttpError(400,
                    std::string("The body is no ForwardBackwardRequest: ") + error.what() + ".",
                    "invalid_protobuf");
  }
}

std::optional<HttpError> check_command(const TrainingCommand& command, const std::string& body,
                                       const ModelFacts& facts) {
  try {
    command.check(body, facts);
  } catch (const RequestError& error) {
    return HttpError(422, error.what(), "invalid_value");
  } catch (const HttpError& error) {
    if (error.status >= 500) throw;
    return error;
  }
  return std::nullopt;
}

}  // namespace

Response submit_command(Call& call, const TrainingCommand& command) {
  auto& tinker = call.parts.tinker;
  const std::string& body = call.request().body;
  Numbered numbered = command.is_protobuf ? read_numbered_protobuf(call) : read_numbered_json(call);
  const TrainingModel model = training_model_of_call(call, numbered.model);
  if (numbered.number < 1)
    throw HttpError(400, "The seq_id is missing; a model's requests are numbered from 1.",
                    "missing_required_parameter", "seq_id");
  Promise promise = new_promise(call, std::string(command.name));
  promise.session = model.session;
  promise.owner = model.id;
  promise.number = numbered.number;
  promise.hash = sha256(numbered.refusal ? body : command.plain(body));
  if (!numbered.refusal && !model.is_closed)
    numbered.refusal =
        check_command(command, body, call.parts.models.facts(base_of_call(call, model.base)));
  if (numbered.refusal) {
    promise.state = "refused";
    promise.status = numbered.refusal->status;
    promise.error = numbered.refusal->what();
    promise.category = "user";
  } else {
    promise.body = body;
  }
  const Promise kept = tinker.models().accept(promise, tinker.config().requests);
  if (kept.id == promise.id) tinker.training().wake(model.id);
  if (kept.state == "refused") throw HttpError(kept.status, kept.error, "invalid_value");
  return json_response(promise_json(kept));
}

}  // namespace gradus::service
