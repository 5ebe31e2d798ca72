#include <algorithm>
#include <array>

#include "base/error.h"
#include "rollout/tasks/task.h"

namespace gradus::rollout {
namespace {

constexpr const char* kTwoAlphabetsName = "two_alphabets";
constexpr size_t kDigits = 10;

/// Digits as two languages: the same sums, written with one or the other.
struct Alphabet {
  const char* name;
  std::array<const char*, kDigits> digits;
};

constexpr std::array<Alphabet, 2> kAlphabets{{
    {"arabic", {"0", "1", "2", "3", "4", "5", "6", "7", "8", "9"}},
    {"devanagari", {"०", "१", "२", "३", "४", "५", "६", "७", "८", "९"}},
}};

struct TwoAlphabetsConfig {
  int digits = 2;
  std::string alphabet = "both";
  std::string question = "sum";
  double right = 0.4;
  double careless = 0.4;
  double mixed = 0.5;
};

template <class Field>
void describe(TwoAlphabetsConfig& c, Field&& field) {
  field("digits", c.digits, between(1, 9), "numbers have at most this many digits");
  field("alphabet", c.alphabet, one_of({"arabic", "devanagari", "both"}),
        "digits of the question: 0-9, ०-९, or either");
  field("question", c.question, one_of({"sum", "larger", "either"}),
        "a sum, the larger of two numbers, or either");
  field("right", c.right, between(0.0, 1.0), "share of responses that are right throughout");
  field("careless", c.careless, between(0.0, 1.0),
        "share that forgets every carry; the rest answers without a trace");
  field("mixed", c.mixed, between(0.0, 1.0),
        "share of traces whose lines change the alphabet as they please");
}

std::string spelled(int64_t number, const Alphabet& alphabet) {
  std::string text;
  for (const char digit : std::to_string(number))
    text += alphabet.digits[static_cast<size_t>(digit - '0')];
  return text;
}

/// Who answers: in the question's alphabet, or in any.
class Writer {
 public:
  Writer(const Alphabet& own, bool is_mixed, RandomStream& random)
      : own_(own), is_mixed_(is_mixed), random_(random) {}

  /// The alphabet of the next line.
  const Alphabet& next() {
    return is_mixed_ ? kAlphabets[static_cast<size_t>(random_.below(2))] : own_;
  }

 private:
  const Alphabet& own_;
  bool is_mixed_;
  RandomStream& random_;
};

/// The columns of a sum from the right, "7+6=13", and what they say together.
std::string sum_in_columns(int64_t left, int64_t right, bool carries, Writer& writer) {
  std::string lines;
  int64_t answer = 0;
  int64_t place = 1;
  int64_t carry = 0;
  for (; left > 0 || right > 0 || place == 1; left /= 10, right /= 10, place *= 10) {
    const Alphabet& alphabet = writer.next();
    const int64_t sum = left % 10 + right % 10 + carry;
    lines += spelled(left % 10, alphabet) + "+" + spelled(right % 10, alphabet) +
             (carry > 0 ? "+" + spelled(1, alphabet) : "") + "=" + spelled(sum, alphabet) + "\n";
    answer += sum % 10 * place;
    carry = carries && sum >= 10 ? 1 : 0;
  }
  answer += carry * place;
  return "<think>\n" + lines + "</think>\n<answer>\n" + spelled(answer, writer.next()) +
         "\n</answer>";
}

struct Question {
  std::string text;
  std::string response;
  int64_t answer = 0;
};

Question ask_for_sum(const TwoAlphabetsConfig& config, const Alphabet& alphabet,
                     RandomStream& random) {
  const int64_t largest = largest_with_digits(config.digits);
  const int64_t left = draw_between(random, 0, largest);
  const int64_t right = draw_between(random, 0, largest);
  const double manner = random.uniform_double();
  Writer writer(alphabet, random.uniform_double() < config.mixed, random);
  Question question;
  question.text = "What is " + spelled(left, alphabet) + " + " + spelled(right, alphabet) + "?";
  question.answer = left + right;
  if (manner < config.right + config.careless) {
    question.response = sum_in_columns(left, right, manner < config.right, writer);
  } else {
    const int64_t guess = draw_between(random, std::max(left, right), 2 * largest);
    question.response = "<answer>\n" + spelled(guess, writer.next()) + "\n</answer>";
  }
  return question;
}

Question ask_for_larger(const TwoAlphabetsConfig& config, const Alphabet& alphabet,
                        RandomStream& random) {
  const int64_t largest = largest_with_digits(config.digits);
  const int64_t left = draw_between(random, 0, largest);
  int64_t right = draw_between(random, 0, largest - 1);
  right += right >= left ? 1 : 0;  // another number
  Writer writer(alphabet, random.uniform_double() < config.mixed, random);
  const bool is_right = random.uniform_double() < config.right + config.careless / 2.0;
  Question question;
  question.text =
      "Which is larger, " + spelled(left, alphabet) + " or " + spelled(right, alphabet) + "?";
  question.answer = std::max(left, right);
  const int64_t said = is_right ? question.answer : std::min(left, right);
  question.response = "<answer>\n" + spelled(said, writer.next()) + "\n</answer>";
  return question;
}

nlohmann::json generate_two_alphabets(const nlohmann::json& options, RandomStream& random) {
  const auto config = read_task_options<TwoAlphabetsConfig>(options, kTwoAlphabetsName);
  if (config.right + config.careless > 1.0 + 1e-9)
    throw ConfigError("data.options of two_alphabets: right and careless add up to more than 1");
  const bool is_second =
      config.alphabet == "both" ? random.below(2) == 1 : config.alphabet == "devanagari";
  const Alphabet& alphabet = kAlphabets[is_second ? 1 : 0];
  const bool is_sum = config.question == "either" ? random.below(2) == 0 : config.question == "sum";
  const Question question =
      is_sum ? ask_for_sum(config, alphabet, random) : ask_for_larger(config, alphabet, random);
  return {{"question", question.text},     {"answer", spelled(question.answer, alphabet)},
          {"language", alphabet.name},     {"source", is_sum ? "reasoning" : "general"},
          {"response", question.response}, {"text", question.text + "\n" + question.response}};
}

}  // namespace

extern const Task kTwoAlphabetsTask = {
    kTwoAlphabetsName,
    "sums, and the larger of two numbers, in one of two alphabets of digits, with traces that may "
    "mix them: a nano model's two languages",
    generate_two_alphabets, [] { return list_settings(TwoAlphabetsConfig{}); }};

}  // namespace gradus::rollout
