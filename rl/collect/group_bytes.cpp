#include "rl/collect/group_bytes.h"

#include <nlohmann/json.hpp>

namespace gradus::rl {
namespace {

void write_json(const nlohmann::json& value, ByteWriter& out) {
  out.list(value.is_null() ? std::vector<uint8_t>() : nlohmann::json::to_cbor(value));
}

nlohmann::json read_json_bytes(ByteReader& in) {
  const auto bytes = in.list<uint8_t>();
  return bytes.empty() ? nlohmann::json(nullptr) : nlohmann::json::from_cbor(bytes);
}

void write_completion(const rollout::Completion& c, ByteWriter& out) {
  out.list(c.tokens);
  out.list(c.logprobs);
  out.list(c.policy_logprobs);
  out.list(c.experts);
  out.text(c.text);
  out.number(c.finish);
  out.text(c.error);
  out.number(c.policy_version);
  out.number(c.turns.size());
  for (const auto& turn : c.turns) {
    out.number(turn.begin);
    out.number(turn.end);
    out.number(turn.is_trained);
    out.text(turn.reason);
    out.number(turn.policy_version);
  }
  out.number(c.index);
  out.number(c.seconds);
}

rollout::Completion read_completion(ByteReader& in) {
  rollout::Completion c;
  c.tokens = in.list<int32_t>();
  c.logprobs = in.list<float>();
  c.policy_logprobs = in.list<float>();
  c.experts = in.list<uint16_t>();
  c.text = in.text();
  c.finish = in.number<rollout::FinishReason>();
  c.error = in.text();
  c.policy_version = in.number<int64_t>();
  const auto turns = in.number<size_t>();
  for (size_t i = 0; i < turns; ++i) {
    rollout::Turn& turn = c.turns.emplace_back();
    turn.begin = in.number<int64_t>();
    turn.end = in.number<int64_t>();
    turn.is_trained = in.number<bool>();
    turn.reason = in.text();
    turn.policy_version = in.number<int64_t>();
  }
  c.index = in.number<int>();
  c.seconds = in.number<double>();
  return c;
}

void write_grade(const rewards::Grade& grade, ByteWriter& out) {
  out.number(grade.value);
  out.number(grade.outcome);
  out.text(grade.reason);
  write_json(grade.details, out);
}

rewards::Grade read_grade(ByteReader& in) {
  rewards::Grade grade;
  grade.value = in.number<double>();
  grade.outcome = in.number<rewards::GradeOutcome>();
  grade.reason = in.text();
  grade.details = read_json_bytes(in);
  return grade;
}

}  // namespace

void write(const Group& group, ByteWriter& out) {
  out.list(group.prompt.experts);
  out.number(group.completions.size());
  for (const auto& completion : group.completions) write_completion(completion, out);
  out.number(group.grades.size());
  for (const auto& grades : group.grades) {
    out.number(grades.size());
    for (const auto& grade : grades) write_grade(grade, out);
  }
  out.number(group.contributions.size());
  for (const auto& contributions : group.contributions) out.list(contributions);
  out.list(group.rewards);
  out.list(group.advantages);
}

void read(Group& group, ByteReader& in) {
  group.prompt.experts = in.list<uint16_t>();
  const auto completions = in.number<size_t>();
  for (size_t i = 0; i < completions; ++i) group.completions.push_back(read_completion(in));
  const auto rules = in.number<size_t>();
  for (size_t rule = 0; rule < rules; ++rule) {
    auto& grades = group.grades.emplace_back();
    const auto count = in.number<size_t>();
    for (size_t i = 0; i < count; ++i) grades.push_back(read_grade(in));
  }
  const auto contributions = in.number<size_t>();
  for (size_t i = 0; i < contributions; ++i)
    group.contributions.push_back(in.list<rewards::Contribution>());
  group.rewards = in.list<double>();
  group.advantages = in.list<double>();
}

}  // namespace gradus::rl
