// Scores of the reference functions of TRL and open-r1 on our inputs.

#include <filesystem>
#include <map>

#include "base/json.h"
#include "base/jsonl.h"
#include "rewards/scores/format_scores.h"
#include "rewards/scores/length_scores.h"
#include "tests/catch.h"

using namespace gradus;
using namespace gradus::rewards;
using nlohmann::json;

namespace {

CosineBounds bounds_of(const json& in) {
  CosineBounds bounds;
  bounds.min_wrong = in.value("min_value_wrong", bounds.min_wrong);
  bounds.max_wrong = in.value("max_value_wrong", bounds.max_wrong);
  bounds.min_right = in.value("min_value_correct", bounds.min_right);
  bounds.max_right = in.value("max_value_correct", bounds.max_right);
  return bounds;
}

json score(const std::string& reward, const json& in) {
  const std::string text = in.value("completion", "");
  const std::string language = in.value("language", "");
  if (reward == "r1_format") return r1_format_score(text);
  if (reward == "think_format") return think_format_score(text);
  if (reward == "tag_count") return tag_count_score(text);
  if (reward == "code_format") return code_format_score(text, language);
  if (reward == "extract_code") return fenced_code(text, language);
  if (reward == "reasoning_steps") return reasoning_steps_score(text);
  if (reward == "soft_overlong") {
    return soft_overlong_score(in.at("completion_length"), in.at("max_completion_len"),
                               in.at("soft_punish_cache"));
  }
  if (reward == "cosine_tokens" || reward == "cosine_chars") {
    return cosine_score(in.at("correct"), in.at("completion_length"), in.at("max_len"),
                        bounds_of(in), reward == "cosine_tokens");
  }
  if (reward == "length_kimi") {
    return length_scores(in.at("correct").get<std::vector<bool>>(),
                         in.at("lengths").get<std::vector<int64_t>>());
  }
  if (reward == "repetition_tokens") {
    return repetition_score(in.at("completion_ids").get<std::vector<int32_t>>(),
                            in.at("ngram_size"), in.at("max_penalty"));
  }
  if (reward == "repetition_words") {
    return word_repetition_score(text, in.at("ngram_size"), in.at("max_penalty"));
  }
  return nullptr;
}

bool is_near(const json& a, const json& b) {
  if (a.is_number() && b.is_number())
    return a.get<double>() == Approx(b.get<double>()).margin(1e-12);
  if (!a.is_array() || !b.is_array() || a.size() != b.size()) return a == b;
  for (size_t i = 0; i < a.size(); ++i) {
    if (!is_near(a[i], b[i])) return false;
  }
  return true;
}

}  // namespace

TEST_CASE("scores equal those of the reference functions", "[rewards][parity]") {
  const std::filesystem::path path = GRADUS_SHARED_DIR "/verify/reward_cases.jsonl";
  if (!std::filesystem::exists(path)) {
    WARN("no reference scores at " << path);
    return;
  }
  LineReader reader(path);
  int count = 0;
  while (const auto line = reader.next()) {
    const json item = parse_json(line->text, reader.where());
    const json given = score(item.at("reward"), item.at("input"));
    CAPTURE(item.dump(), given.dump());
    CHECK(is_near(given, item.at("expected")));
    ++count;
  }
  CHECK(count > 0);
}

TEST_CASE("format scores hold at their edges", "[rewards][format]") {
  const std::string good = "<think>\na\n</think>\n<answer>\nb\n</answer>";
  CHECK(r1_format_score(good) == 1.0);
  CHECK(r1_format_score(good + "\nmore") == 1.0);
  CHECK(r1_format_score(good + "\nmore", true) == 0.0);
  CHECK(r1_format_score(good + " ") == 0.0);
  CHECK(r1_format_score(" " + good) == 0.0);
  CHECK(r1_format_score("<think>\n\n</think>\n<answer>\n\n</answer>") == 1.0);
  CHECK(r1_format_score("<think>\n</think>\n<answer>\n</answer>") == 0.0);
  CHECK(r1_format_score("") == 0.0);
  CHECK(think_format_score("<think></think>") == 1.0);
  CHECK(think_format_score("<think>a<think></think>") == 0.0);
  CHECK(soft_overlong_score(100, 100, 0) == 0.0);
  CHECK(soft_overlong_score(101, 100, 0) == -1.0);
  CHECK_THROWS(soft_overlong_score(1, 10, 11));
}
