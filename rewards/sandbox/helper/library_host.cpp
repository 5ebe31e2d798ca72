// Hosts a shared library (rewards/plugins/gradus_reward.h).

#include <dlfcn.h>

#include <algorithm>
#include <string>

#include "rewards/plugins/gradus_reward.h"
#include "rewards/sandbox/helper/plugin_host.h"

namespace gradus::rewards::sandbox {
namespace {

using nlohmann::json;

/// The texts that a gradus_sample points into.
struct SampleTexts {
  std::string prompt;
  std::string messages;
  std::string completion;
  std::string row;
  std::vector<int32_t> ids;

  explicit SampleTexts(const HostSample& sample)
      : prompt(sample.context->value("prompt", "")),
        messages(sample.context->value("messages", json()).dump()),
        completion(sample.sample->value("completion", "")),
        row(sample.context->value("row", json()).dump()),
        ids(sample.sample->value("completion_ids", std::vector<int32_t>{})) {}
};

gradus_text view(const std::string& text) {
  return {text.c_str(), text.size()};
}

gradus_sample view(const SampleTexts& texts, bool is_truncated) {
  gradus_sample sample{};
  sample.prompt = view(texts.prompt);
  sample.messages = view(texts.messages);
  sample.completion = view(texts.completion);
  sample.row = view(texts.row);
  sample.token_ids = texts.ids.data();
  sample.num_tokens = texts.ids.size();
  sample.is_truncated = is_truncated ? 1 : 0;
  return sample;
}

std::string text_of(const char (&reason)[GRADUS_REASON_BYTES]) {
  return std::string(reason, std::find(reason, reason + GRADUS_REASON_BYTES, '\0'));
}

json score_of(const gradus_grade& grade) {
  const std::string reason = text_of(grade.reason);
  if (grade.outcome == GRADUS_SKIPPED) return {{"score", nullptr}, {"reason", reason}};
  if (grade.outcome == GRADUS_SCORED) {
    json score = finite_score(grade.value);
    if (reason.empty() || !score.is_number()) return score;
    return {{"score", score}, {"reason", reason}};
  }
  return {{"error", reason.empty() ? "the library left the sample ungraded" : reason}};
}

class LibraryHost final : public PluginHost {
 public:
  void load(const json& request) override {
    const std::string path = request.at("path").get<std::string>();
    library_ = ::dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
    if (library_ == nullptr) throw std::runtime_error(::dlerror());
    const auto abi = find<int (*)()>("gradus_reward_abi", true);
    if (const int version = abi(); version != GRADUS_REWARD_ABI) {
      throw std::runtime_error("was built for version " + std::to_string(version) +
                               " of gradus_reward.h, must be " + std::to_string(GRADUS_REWARD_ABI) +
                               ": build it anew");
    }
    grade_ = find<Grade>("gradus_reward_grade", true);
    const auto open = find<int (*)(const char*, char*)>("gradus_reward_open", false);
    char reason[GRADUS_REASON_BYTES]{};
    const std::string options = request.value("options", json::object()).dump();
    if (open != nullptr && open(options.c_str(), reason) != 0) {
      throw std::runtime_error("gradus_reward_open refused: " + text_of(reason));
    }
  }

  std::vector<json> grade(const std::vector<HostSample>& samples) override {
    std::vector<SampleTexts> texts(samples.begin(), samples.end());
    std::vector<gradus_sample> views;
    for (size_t i = 0; i < samples.size(); ++i) {
      views.push_back(view(texts[i], samples[i].sample->value("truncated", false)));
    }
    gradus_grade ungraded{};
    ungraded.outcome = GRADUS_FAILED;
    std::vector<gradus_grade> grades(samples.size(), ungraded);
    grade_(views.data(), views.size(), grades.data());
    std::vector<json> scores;
    for (const gradus_grade& grade : grades) scores.push_back(score_of(grade));
    return scores;
  }

 private:
  using Grade = void (*)(const gradus_sample*, size_t, gradus_grade*);

  template <class Function>
  Function find(const char* name, bool is_needed) {
    void* symbol = ::dlsym(library_, name);
    if (symbol == nullptr && is_needed) {
      throw std::runtime_error(std::string("does not export ") + name + " (see gradus_reward.h)");
    }
    return reinterpret_cast<Function>(symbol);
  }

  void* library_ = nullptr;
  Grade grade_ = nullptr;
};

}  // namespace

int serve_library() {
  LibraryHost host;
  return serve_plugin(host);
}

}  // namespace gradus::rewards::sandbox
