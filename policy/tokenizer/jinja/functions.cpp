// The functions of the language: range, dict, namespace, raise_exception, strftime_now.
#include <algorithm>
#include <ctime>

#include "base/error.h"
#include "base/printable.h"
#include "policy/tokenizer/jinja/builtins.h"

namespace gradus::policy::jinja {
namespace {

constexpr std::string_view kFunctions[] = {"range", "dict", "namespace", "raise_exception",
                                           "strftime_now"};
constexpr int64_t kMaxRange = 1'000'000;
constexpr size_t kMostOfMessage = 1000;

Value range(const Arguments& args, const Context& context) {
  int64_t bounds[3] = {0, 0, 1};
  const size_t given = args.positional.size();
  if (given < 1 || given > 3) throw Error("range() takes one to three numbers");
  for (size_t i = 0; i < given; ++i) {
    if (!args.positional[i].to_integer(&bounds[given == 1 ? 1 : i])) {
      throw Error("range() takes whole numbers");
    }
  }
  const int64_t step = bounds[2];
  if (step == 0) throw Error("range() with step 0");
  std::vector<Value> out;
  for (int64_t i = bounds[0]; step > 0 ? i < bounds[1] : i > bounds[1];) {
    if (static_cast<int64_t>(out.size()) >= kMaxRange) {
      throw Error("range() of more than 1,000,000 numbers");
    }
    context.charge(sizeof(Value));
    out.push_back(Value::integer(i));
    if (__builtin_add_overflow(i, step, &i)) break;
  }
  return Value::list(std::move(out));
}

std::vector<std::pair<std::string, Value>> named_and_positional(const Arguments& args,
                                                                const Context& context) {
  std::vector<std::pair<std::string, Value>> out;
  for (const Value& value : args.positional) {
    const Dict* dict = value.entries();
    if (dict == nullptr) throw Error("dict() and namespace() take a dict and named values");
    context.charge(dict->values.size() * 4 * sizeof(Value));
    out.insert(out.end(), dict->values.begin(), dict->values.end());
  }
  out.insert(out.end(), args.named.begin(), args.named.end());
  return out;
}

Value now_as(const std::string& format, const Context& context) {
  const std::time_t seconds = std::chrono::system_clock::to_time_t(context.now);
  std::tm local{};
  localtime_r(&seconds, &local);
  context.charge(format.size() * 256);
  std::string out(format.size() * 16 + 256, '\0');
  out.resize(std::strftime(out.data(), out.size(), format.c_str(), &local));
  return Value::text(out);
}

}  // namespace

bool is_function(std::string_view name) {
  return std::find(std::begin(kFunctions), std::end(kFunctions), name) != std::end(kFunctions);
}

Value call_function(const std::string& name, const Arguments& args, const Context& context) {
  if (name == "range") return range(args, context);
  if (name == "dict") return Value::dict(named_and_positional(args, context));
  if (name == "namespace") {
    auto space = std::make_shared<Namespace>();
    for (auto& [key, value] : named_and_positional(args, context)) {
      space->set(key, std::move(value), context.meter);
    }
    return Value(Value::Data(std::move(space)));
  }
  if (name == "strftime_now") return now_as(args.text(0, "format"), context);
  if (name != "raise_exception") throw Error("\"" + name + "\" cannot be called by itself");
  const Value* message = args.find(0, "message");
  const std::string text = message ? message->str(context.meter) : "";
  throw Error("the template refuses these messages: " + printable(text, kMostOfMessage));
}

}  // namespace gradus::policy::jinja
