#include <chrono>

#include "rewards/scores/bounded_regex.h"
#include "rewards/scores/text_part.h"
#include "rewards/scores/text_scores.h"
#include "rewards/scores/words.h"
#include "tests/rewards/one_grade.h"

using namespace gradus;
using namespace gradus::rewards;
using nlohmann::json;

namespace {

std::string part(std::string_view text, TextPart which) {
  return std::string(part_of(text, which).value_or("(absent)"));
}

size_t count(const std::string& pattern, const std::string& text) {
  return BoundedRegex(pattern).find(text, 1000).matches.size();
}

}  // namespace

TEST_CASE("the parts of a completion are found by their marks", "[rewards][text]") {
  const std::string text = "<think> 1 </think>\nso <answer> 2 </answer> end";
  CHECK(part(text, TextPart::thinking) == "1");
  CHECK(part(text, TextPart::answer) == "so <answer> 2 </answer> end");
  CHECK(part(text, TextPart::answer_tag) == "2");
  CHECK(part("1 </think> 2", TextPart::thinking) == "1");
  CHECK(part("just text", TextPart::thinking) == "just text");
  CHECK(part("just text", TextPart::answer) == "just text");
  CHECK(part("<think> no end", TextPart::answer) == "(absent)");
  CHECK(part("<answer>1</answer><answer>2</answer><answer>3", TextPart::answer_tag) == "2");
  CHECK(part("</answer><answer>", TextPart::answer_tag) == "(absent)");
  CHECK(part("\\boxed{1} \\boxed{\\frac{1}{\\}}}", TextPart::boxed) == "\\frac{1}{\\}}");
  CHECK(part("\\boxed{1", TextPart::boxed) == "(absent)");
  CHECK(part("```json\n{}\n```\nand ```\nb\n```", TextPart::fence) == "b");
  CHECK(part("```json\n{}", TextPart::fence) == "(absent)");
  CHECK(part("a\n b \n\n", TextPart::last_line) == "b");
  CHECK(part("<think>\\boxed{1}</think> none", TextPart::boxed) == "(absent)");
}

TEST_CASE("words stand between white space of any script", "[rewards][text]") {
  CHECK(split_words(" a\tb\u3000c\u00A0 ").size() == 3);
  CHECK(split_words_and_characters("我爱 you 東京").size() == 5);
  CHECK(stripped("\u2003 x \u00A0") == "x");
  CHECK(stripped("\xC3").size() == 1);
}

TEST_CASE("lower case is Python's", "[rewards][text]") {
  CHECK(lower_case("ÀÉЖ I") == "àéж i");
  CHECK(lower_case("ΟΔΟΣ ΣΟΣ. Σ 1Σ Α'Σ' ΑΣ'Α ΣΣ") == "οδος σος. σ 1σ α'ς' ασ'α σς");
  CHECK(lower_case("İ") == "i\u0307");
  CHECK(lower_case("\xFFΣ") == "\xFFσ");
}

TEST_CASE("exact match forgives what it is told to and nothing else", "[rewards][exact_match]") {
  const std::string rule = "type = \"exact_match\"\n";
  const json row{{"answer", "The  Eiffel Tower"}};
  CHECK(one_value(rule, " The Eiffel\nTower ", row) == 1.0);
  CHECK(one_value(rule, "the Eiffel Tower", row) == 0.0);
  CHECK(one_value(rule + "ignore_case = true", "the EIFFEL tower", row) == 1.0);
  CHECK(one_value(rule + "ignore_space = false", "The Eiffel Tower", row) == 0.0);
  CHECK(one_value(rule + "ignore_punctuation = true", "The Eiffel Tower.", row) == 1.0);
  CHECK(one_value(rule + "ignore_articles = true", "Eiffel Tower", row) == 1.0);
  CHECK(one_value(rule, "<think>x</think>The Eiffel Tower", row) == 1.0);
  CHECK(one_value(rule, "It is The Eiffel Tower", row) == 0.0);
  CHECK(one_value(rule + "part = \"answer_tag\"", "It is <answer>The Eiffel Tower</answer>", row) ==
        1.0);
  CHECK(one_value(rule + "wrong = -1.0\npart = \"boxed\"", "none", row) == -1.0);
  CHECK(one_value(rule, "Cafe\u0301", json{{"answer", "Caf\u00E9"}}) == 1.0);
  CHECK(one_value(rule, "b", json{{"answer", {"a", "b"}}}) == 1.0);
  CHECK(one_value(rule + "reference = \"meta.gold\"", "7", json{{"meta", {{"gold", 7}}}}) == 1.0);
  CHECK(one_value(rule, "true", json{{"answer", true}}) == 1.0);
  CHECK(one_value(rule, "", json{{"answer", ""}}) == 1.0);
  CHECK(one_grade(rule, "x", json::object()).outcome == GradeOutcome::skipped);
  CHECK(one_grade(rule, "x", json{{"answer", nullptr}}).outcome == GradeOutcome::skipped);
}

TEST_CASE("word overlap is SQuAD's f1, the best over the golds", "[rewards][word_overlap]") {
  const std::string rule = "type = \"word_overlap\"\n";
  CHECK(one_value(rule, "The cat sat.", json{{"answer", "a cat sat down"}}) == Approx(0.8));
  CHECK(one_value(rule + "score = \"recall\"", "cat", json{{"answer", "cat sat"}}) == 0.5);
  CHECK(one_value(rule + "score = \"precision\"", "cat dog", json{{"answer", "cat"}}) == 0.5);
  CHECK(one_value(rule, "cat cat cat", json{{"answer", "cat"}}) == Approx(0.5));
  CHECK(one_value(rule, "dog", json{{"answer", {"cat", "dog"}}}) == 1.0);
  CHECK(one_value(rule, "", json{{"answer", "cat"}}) == 0.0);
  CHECK(one_value(rule, "the", json{{"answer", ""}}) == 1.0);
  CHECK(one_value(rule, "我爱北京", json{{"answer", "我爱上海"}}) == 0.5);
}

TEST_CASE("a regular expression is counted, anchored and grouped", "[rewards][regex]") {
  const std::string rule = "type = \"regex\"\n";
  CHECK(one_value(rule + "pattern = 'x\\d+'", "ab x12") == 1.0);
  CHECK(one_value(rule + "pattern = 'x\\d+'\nwhole = true", "ab x12") == 0.0);
  CHECK(one_value(rule + "pattern = 'x\\d+'\nwhole = true", "x12") == 1.0);
  CHECK(one_value(rule + "pattern = 'X'\nignore_case = true", "x") == 1.0);
  CHECK(one_value(rule + "pattern = '^b$'\nmulti_line = true", "a\nb\nc") == 1.0);
  CHECK(one_value(rule + "pattern = 'a.c'\ndot_all = true", "a\nc") == 1.0);
  CHECK(one_value(rule + "pattern = 'a'\nmin_count = 2\nmax_count = 3", "aaa") == 1.0);
  CHECK(one_value(rule + "pattern = 'a'\nmin_count = 2\nmax_count = 3", "aaaa") == 0.0);
  CHECK(one_value(rule + "pattern = 'a'\nmin_count = 0\nmax_count = 1", "b") == 1.0);
  const std::string grouped = rule + "pattern = 'answer: (\\w+)'\ngroup = 1";
  CHECK(one_value(grouped, "answer: 5, no, answer: 7", json{{"answer", 7}}) == 1.0);
  CHECK(one_value(grouped, "answer: 7, no, answer: 5", json{{"answer", 7}}) == 0.0);
  CHECK(one_grade(grouped, "answer: 7", json::object()).outcome == GradeOutcome::skipped);
  CHECK(one_value(rule + "pattern = '^\\p{Han}+$'", "東京") == 1.0);
  CHECK(one_value(rule + "pattern = 'a'",
                  "\xFF"
                  "a\xC3") == 1.0);
}

TEST_CASE("a pattern that is none is refused where it stands", "[rewards][regex]") {
  CHECK(rule_error("type = \"regex\"\npattern = 'a(b'") ==
        "recipe.toml:1: rewards[0]: pattern: \"a(b\" is not a regular expression: at character 3: "
        "missing closing parenthesis");
  CHECK_THAT(rule_error("type = \"regex\"\npattern = 'a'\ngroup = 1"),
             Catch::Contains("group: is 1, the pattern has 0 groups"));
  CHECK_THAT(rule_error("type = \"regex\"\npattern = 'a'\nmin_count = 0"),
             Catch::Contains("swap right and wrong"));
  CHECK_THAT(rule_error("type = \"regex\""), Catch::Contains("pattern"));
}

TEST_CASE("matches that are empty are counted once a place", "[rewards][regex]") {
  CHECK(count("x*", "axb") == 4);
  CHECK(count("", "") == 1);
  CHECK(count("(?=a)", "aa") == 2);
  CHECK(count("a\\K", "aa") == 2);
  CHECK(count("é", "ééé") == 3);
}

TEST_CASE("no pattern and no text make a search long", "[rewards][regex][hostile]") {
  const std::string many_a(100'000, 'a');
  for (const char* pattern :
       {"(a+)+$b", "(a|a)*b", "(a*)*b", "a*a*a*a*a*b", "[^x]*+y", ".*?.*?x", "(?:a?){50}a{50}b",
        "(a*)\\1+b", "(?=(a+))a*b\\1", "(?R)?a(?R)?b", "((?:a|b)*?){3,}c"}) {
    CAPTURE(pattern);
    const auto found = BoundedRegex(pattern).find(many_a, 10);
    CHECK(found.matches.empty());
  }
  const Grade grade = one_grade("type = \"regex\"\npattern = '(a+)+[bc]$'\nwrong = -1.0", many_a);
  CHECK(grade.outcome == GradeOutcome::scored);
  CHECK(grade.value == -1.0);
  CHECK_THAT(grade.reason, Catch::Contains("max_steps"));
}

TEST_CASE("counting matches is linear in the text", "[rewards][regex][hostile]") {
  const std::string many_a(200'000, 'a');
  const auto start = std::chrono::steady_clock::now();
  CHECK(BoundedRegex("a").find(many_a, many_a.size()).matches.size() == many_a.size());
  // Invalid text is validated again for every match, which the budget pays.
  CHECK(BoundedRegex("a").find(many_a + "\xFF", many_a.size()).is_over_budget);
  CHECK(count("a", "a\xFF" + std::string(100, 'a')) == 101);
  const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - start;
  CHECK(taken.count() < 5.0);
}

TEST_CASE("steps are numbered in any script's digits", "[rewards][reasoning_steps]") {
  const std::string rule = "type = \"reasoning_steps\"";
  CHECK(one_value(rule, "１. a\nStep ١: b\nStep १२: c") == 1.0);
  CHECK(one_value(rule, "Step ²: a\nStep: b") == 0.0);
}
