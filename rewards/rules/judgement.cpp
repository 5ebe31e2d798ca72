#include "rewards/rules/judgement.h"

#include "base/json.h"

namespace gradus::rewards {
namespace {

using nlohmann::json;

std::optional<std::string> gold_text(const json& value) {
  if (value.is_string()) return std::string(gold_of(value.get_ref<const std::string&>()));
  if (value.is_number()) return dump_json(value);
  return std::nullopt;
}

std::optional<std::string_view> answering_part(const RewardInput& input, Thinking thinking) {
  if (thinking == Thinking::keep) return input.completion;
  const auto behind = text_after_thinking(input.completion);
  if (behind || thinking == Thinking::required) return behind;
  return input.completion;
}

}  // namespace

Golds golds_of(const json* row, const std::string& column) {
  if (row == nullptr || !row->is_object() || !row->contains(column)) {
    return {{}, "the row has no column \"" + column + "\""};
  }
  const json& value = row->at(column);
  Golds golds;
  for (const json& entry : value.is_array() ? value : json::array({value})) {
    if (auto text = gold_text(entry)) golds.texts.push_back(std::move(*text));
  }
  if (golds.texts.empty()) golds.missing = "column \"" + column + "\" holds no answer";
  return golds;
}

Judgement judge(const RewardInput& input, const AnswerConfig& config) {
  Judgement judgement;
  const Golds golds = golds_of(input.row, config.reference);
  judgement.reason = golds.missing;
  if (golds.texts.empty()) return judgement;
  judgement.gold = golds.texts.front();
  const auto part = answering_part(input, config.thinking);
  if (part) judgement.answer = extract_answer(*part, config.extract);
  bool is_comparable = false;
  for (const std::string& gold : golds.texts) {
    const std::string_view answer = judgement.answer ? judgement.answer->text : "";
    const AnswerVerdict verdict = compare_answers(gold, answer, config.tolerance);
    if (verdict == AnswerVerdict::unparsable_gold) continue;
    is_comparable = true;
    if (verdict == AnswerVerdict::equal && judgement.answer) {
      judgement.kind = Judgement::Kind::right;
      judgement.gold = gold;
      return judgement;
    }
  }
  if (!is_comparable) {
    judgement.reason = "the reference in column \"" + config.reference + "\" cannot be read";
    return judgement;
  }
  judgement.kind = judgement.answer ? Judgement::Kind::wrong : Judgement::Kind::no_answer;
  return judgement;
}

}  // namespace gradus::rewards
