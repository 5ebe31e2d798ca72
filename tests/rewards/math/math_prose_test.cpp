// What prose says of an answer: denials, bounds, hedges and corrections, in the languages whose
// "the answer is" is known. Each has its neighbour that must stay right.

#include "rewards/math/math_grader.h"
#include "tests/catch.h"

using namespace gradus;
using namespace gradus::rewards::math;

namespace {

Reason reason_of(const std::string& gold, const std::string& completion) {
  return grade_math(gold, completion, {}).reason;
}

bool is_right(const std::string& gold, const std::string& completion) {
  return reason_of(gold, completion) == Reason::equal;
}

}  // namespace

TEST_CASE("an answer that prose denies is not paid", "[rewards][math][prose]") {
  for (const char* completion : {"The answer isn't 5.",
                                 "The answer can't be 5.",
                                 "The answer cannot be 5",
                                 "The answer is definitely not 5.",
                                 "The answer is not equal to 5.",
                                 "The answer is never 5.",
                                 "The answer should not be 5.",
                                 "The answer is neither 5 nor 6.",
                                 "The answer is neither 6 nor 5.",
                                 "The answer doesn’t equal 5.",
                                 "The wrong answer is 5.",
                                 "The answer 5 is wrong. It should be 6.",
                                 "The answer is not $5$.",
                                 "The answer to 2 + 3 is not 5.",
                                 "It is not 6 or 5.",
                                 "The answer is far from 5.",
                                 "The answer isn't 5, since 5 is too small.",
                                 "We get 6 instead of 5.",
                                 "The answer is no longer 5.",
                                 "I doubt the answer is 5.",
                                 "It would be wrong to say that the answer is 5.",
                                 "I don't think the answer is 5.",
                                 "Is the answer 5? No.",
                                 "Step 5: think."}) {
    CAPTURE(completion);
    CHECK_FALSE(is_right("5", completion));
  }
}

TEST_CASE("a denial of something else leaves the answer right", "[rewards][math][prose]") {
  for (const char* completion : {"The answer is 5, not 6.",
                                 "It is not 4, so the answer is 5.",
                                 "The answer is 5 (not 6).",
                                 "The answer is not 6, but 5.",
                                 "The answer is not 6; it is 5.",
                                 "It isn't 6. It's 5.",
                                 "The answer is 5, which is not 6.",
                                 "The answer 6 is wrong. It should be 5.",
                                 "The answer does not depend on x and is 5.",
                                 "If x is not zero, the answer is 5.",
                                 "A wrong answer costs 2 points, so the total is 5.",
                                 "Not only that, the answer is 5.",
                                 "No problem. The answer is 5",
                                 "The wrong answer is 6, the right answer is 5.",
                                 "We rule out 4 and get 5 rather than 6.",
                                 "I am not sure, but the answer is 5.",
                                 "If I am not wrong the answer is 5.",
                                 "Is the answer 6? No, it is 5.",
                                 "Is the answer 5? Yes.",
                                 "I guessed wrong. The answer is 5."}) {
    CAPTURE(completion);
    CHECK(is_right("5", completion));
  }
}

TEST_CASE("the end of a range is not the answer", "[rewards][math][prose]") {
  for (const char* completion :
       {"The answer is less than 5.", "The answer is at least 5.", "The answer is at most 5.",
        "The answer is more than 5.", "The answer is >5", "The answer is ≥ 5", "The answer is <5.",
        "The answer != 5", "The answer \\neq 5", "The answer is 5 or more.", "So x ≠ 5 here."}) {
    CAPTURE(completion);
    CHECK_FALSE(is_right("5", completion));
  }
  for (const char* completion :
       {"There are at least two ways; the answer is 5.", "There are more than 3, namely 5.",
        "We need at least 5 coins.", "The answer is 5 (>4).", "2 + 3 -> 5", "> 5", "It is <b>5</b>",
        "2 + 3 => 5"}) {
    CAPTURE(completion);
    CHECK(is_right("5", completion));
  }
  CHECK(is_right("$x > 5$", "The answer is x > 5."));
  CHECK(is_right("$x \\neq 5$", "The answer is $x \\neq 5$."));
  CHECK(is_right("$x \\geq 5$", "The answer is x ≥ 5"));
}

TEST_CASE("words and signs that change a number change the answer", "[rewards][math][prose]") {
  for (const char* completion :
       {"The answer is minus 5.", "It is negative 5.", "The answer is -5"}) {
    CAPTURE(completion);
    CHECK(is_right("-5", completion));
    CHECK_FALSE(is_right("5", completion));
  }
  CHECK(is_right("$\\sqrt{5}$", "The answer is √5"));
  CHECK(is_right("$\\sqrt{5}$", "So the length is √5 here"));
  CHECK(is_right("$\\sqrt{5}$", "The answer is x√5 with x = 1, so √5"));
  CHECK_FALSE(is_right("5", "x√5 it is"));
  CHECK(is_right("1024", "So there are 2^{10} of them"));
  CHECK_FALSE(is_right("2", "So there are 2^{10} of them"));
  CHECK(is_right("25", "The answer is 5 squared."));
  CHECK(is_right("125", "The answer is 5 cubed."));
  CHECK(is_right("25", "So we have 5² in total"));
  CHECK(is_right("$5\\pi$", "So the area comes to 5π in total"));
  CHECK_FALSE(is_right("5", "The answer is √5"));
  CHECK(is_right("120", "The answer is 5 factorial."));
  CHECK_FALSE(is_right("5", "The answer is 5 factorial."));
  CHECK_FALSE(is_right("5", "The answer is 5 squared."));
  CHECK_FALSE(is_right("5", "So we have 5² in total"));
}

TEST_CASE("a second answer offered in prose is a hedge", "[rewards][math][prose]") {
  for (const char* completion :
       {"The answer is 5, or maybe 6.", "The answer is 5 (or 6).",
        "The answer is 5. Alternatively, 6.", "The answer might be 5 or it might be 6.",
        "Answer: 5 or so; maybe 6.", "The answer is 5, but could be 6.", "The answer is 5. Or 6.",
        "答案是5或6", "Die Antwort ist 5 oder vielleicht 6.", "La respuesta es 5 o 6.",
        "Cevap 5 veya 6", "Ответ: 5 или 6", "答えは5または6です", "정답은 5 또는 6"}) {
    CAPTURE(completion);
    CHECK(reason_of("5", completion) == Reason::hedged);
    CHECK(reason_of("6", completion) == Reason::hedged);
  }
  CHECK(is_right("5, 6", "The answer is 5 or maybe 6"));
  CHECK(is_right("1/2", "The answer is 0.5 (or 1/2)"));
  for (const char* completion :
       {"The answer is 5, or equivalently 5/1.",
        "The answer is 5. Alternatively, count the 3 reds.", "The answer is 5 (3 of them red).",
        "The answer is 5. Or you may say that 3 are red."}) {
    CAPTURE(completion);
    CHECK(is_right("5", completion));
  }
}

TEST_CASE("a correction in prose is the answer", "[rewards][math][prose]") {
  for (const char* completion :
       {"The answer is 6. No wait, 5.", "The answer is 6. Actually, no: it is 5.",
        "Final answer: 6. Correction: 5.", "The answer is 6, no wait, 5.",
        "The answer is 6. No, 7. No, 5.", "The answer is 6, 7. No wait, 5.",
        "Final answer: 6\nCorrection: 5",
        "The answer is 6. Wait, that's wrong. So we add again and find 5."}) {
    CAPTURE(completion);
    CHECK(is_right("5", completion));
    CHECK_FALSE(is_right("6", completion));
  }
  for (const char* completion :
       {"The answer is 5. Wait, let me check: 2 + 4 = 6, no. Fine.",
        "The answer is 5. Actually, 3 of them are red.", "La respuesta es 5, no 6.",
        "La risposta è 5, non 6.", "Ответ: 5, а не 6", "答案是5，不是6",
        "The answer is 5. No units are needed."}) {
    CAPTURE(completion);
    CHECK(is_right("5", completion));
  }
}

TEST_CASE("denials are known in the languages of answers", "[rewards][math][prose]") {
  for (const char* completion : {"Die Antwort ist nicht 5.",
                                 "La réponse n'est pas 5.",
                                 "La respuesta no es 5.",
                                 "La risposta non è 5.",
                                 "A resposta não é 5.",
                                 "Ответ не 5.",
                                 "Ответ: не 5",
                                 "Відповідь не 5.",
                                 "答案不是5",
                                 "答案不等于5",
                                 "答えは5ではない",
                                 "答えは5ではありません",
                                 "정답은 5가 아니다",
                                 "उत्तर 5 नहीं है",
                                 "الجواب ليس 5",
                                 "Cevap 5 değil",
                                 "Odpowiedź to nie 5",
                                 "Đáp án không phải là 5",
                                 "Svaret är inte 5",
                                 "Het antwoord is niet 5",
                                 "Vastaus ei ole 5",
                                 "Jawabannya bukan 5",
                                 "คำตอบไม่ใช่ 5"}) {
    CAPTURE(completion);
    CHECK_FALSE(is_right("5", completion));
  }
}

TEST_CASE("what a language puts in place of a denied answer is the answer",
          "[rewards][math][prose]") {
  for (const char* completion :
       {"Die Antwort ist nicht 4, sondern 3.", "La réponse n'est pas 4 mais 3.",
        "La respuesta no es 4, sino 3.", "La risposta non è 4, ma 3.", "A resposta não é 4, mas 3.",
        "Ответ не 4, а 3.", "Відповідь не 4, а 3.", "答案不是4，而是3", "答えは4ではなく3です",
        "정답은 4가 아니라 3입니다", "उत्तर 4 नहीं बल्कि 3 है", "الجواب ليس 4 بل 3", "Cevap 4 değil 3",
        "Odpowiedź to nie 4, lecz 3", "Đáp án không phải 4 mà là 3", "Svaret är inte 4 utan 3",
        "Het antwoord is niet 4 maar 3", "Vastaus ei ole 4 vaan 3",
        "Jawabannya bukan 4 melainkan 3"}) {
    CAPTURE(completion);
    CHECK(is_right("3", completion));
    CHECK_FALSE(is_right("4", completion));
  }
}

TEST_CASE("plain numbers are no answer where mathematics is asked for in LaTeX",
          "[rewards][math][prose]") {
  MathOptions options;
  options.targets = options.gold_targets = {true, false, false};
  CHECK_FALSE(grade_math("$1$", "1", options).is_right());
  CHECK_FALSE(grade_math("$1$", "The answer is 1.", options).is_right());
  CHECK(grade_math("$1$", "The answer is $1$.", options).is_right());
  CHECK(grade_math("$1$", "\\boxed{1}", options).is_right());
}

TEST_CASE("money, labels, dashes and workings around a number are no part of it",
          "[rewards][math][prose]") {
  CHECK(is_right("70000", "He made a profit of $200,000 - $130,000 = $70,000."));
  CHECK(is_right("146", "The answer: The bags cost $2.00 each, so 73 are $2*73 = $146.00 in all"));
  CHECK(is_right("5", "The answer: he buys 5 because 10 - 5 = 5, and 7 = 7."));
  CHECK(is_right("54", "The answer: she gets $6.00 off so her order will cost 60-6=$54.00"));
  CHECK(is_right("12", "The answer is 12 (a dozen)."));
  CHECK(is_right("33", "The answer: we get 9 / 27 * 100% = 33.333%, which rounds down to 33%"));
  CHECK(is_right("6", "It was between $5 and $6"));
  CHECK(is_right("7", "A: 7"));
  CHECK(is_right("7", "Answer - 7"));
  CHECK(is_right("7", "Answer -> 7"));
  CHECK(is_right("-7", "Answer: -7"));
  CHECK(is_right("-7", "Answer: - 7"));
  CHECK(is_right("5", "The answer is 5: 2 + 3."));
  CHECK(is_right("5:2", "The answer is 5:2."));
  CHECK(is_right("5:2", "The answer is 5 : 2."));
}

TEST_CASE("signs and digits of Unicode are read", "[rewards][math][prose]") {
  CHECK(is_right("$45^\\circ$", "\\boxed{45º}"));
  CHECK(is_right("$45^\\circ$", "\\boxed{45˚}"));
  CHECK(is_right("$x \\ge 3$", "\\boxed{x≧3}"));
  CHECK(is_right("$x \\le 3$", "\\boxed{x≦3}"));
  CHECK(is_right("12", "\\boxed{\u206012}"));
  CHECK(is_right("12", "\\boxed{\u202A12\u202C}"));
  CHECK(is_right("1234567", "1’234’567"));
  CHECK(is_right("42", "उत्तर ४२ है।"));
  CHECK(is_right("42", "คำตอบ: ๔๒"));
  CHECK(is_right("42", "উত্তর হল ৪২"));
  CHECK(is_right("42", "پاسخ: ۴۲"));
  CHECK(is_right("3.5", "الجواب هو ٣٫٥"));
}

TEST_CASE("choices are denied, hedged and corrected in prose", "[rewards][math][prose]") {
  MathOptions options;
  options.targets = options.gold_targets = {false, false, true};
  const auto reason = [&](const char* gold, const char* completion) {
    return grade_math(gold, completion, options).reason;
  };
  for (const char* completion :
       {"B or C", "The answer is probably B, but could be C.", "The answer is B (or C).",
        "I think it is B or maybe C", "The answer is (B) or (C)."}) {
    CAPTURE(completion);
    CHECK(reason("B", completion) == Reason::hedged);
    CHECK(reason("C", completion) == Reason::hedged);
  }
  for (const char* completion :
       {"The answer is B. Wait, no, C.", "The answer is B. Correction: C.",
        "The answer is not B but C.", "C, not B", "It isn't B, so the answer is C.",
        "Yet another reason to choose C", "(C) 12 or 13 cm"}) {
    CAPTURE(completion);
    CHECK(reason("C", completion) == Reason::equal);
    CHECK(reason("B", completion) == Reason::different);
  }
  CHECK(reason("B", "Neither A nor B") == Reason::no_answer);
}

TEST_CASE("an answer in words is found in prose", "[rewards][math][prose]") {
  for (const char* completion : {"The answer is Monday.", "The answer is Monday because it rains.",
                                 "<answer>Monday</answer>", "#### Monday", "\\boxed{Monday}"}) {
    CAPTURE(completion);
    CHECK(is_right("Monday", completion));
    CHECK(is_right("$\\text{Monday}$", completion));
    CHECK_FALSE(is_right("Sunday", completion));
  }
  for (const char* completion :
       {"The answer is not Monday.", "The answer is Monday or Sunday.",
        "The wrong answer is Monday.", "The answer is Monday. No wait, Sunday."}) {
    CAPTURE(completion);
    CHECK_FALSE(is_right("Monday", completion));
  }
  CHECK(is_right("$\\text{No solution}$", "\\boxed{\\text{There is no solution}}"));
  CHECK(is_right("no solution", "The answer is: there are no solutions."));
  CHECK(is_right("$\\text{DNE}$", "\\boxed{\\text{does not exist}}"));
  CHECK(is_right("$\\text{ellipse}$", "\\boxed{\\text{an ellipse}}"));
  CHECK_FALSE(is_right("$\\text{No solution}$", "\\boxed{\\text{one solution}}"));
}

TEST_CASE("words around mathematics in a box are passed over", "[rewards][math][prose]") {
  CHECK(is_right("7", "\\boxed{\\text{The answer is }7}"));
  CHECK(is_right("5", "\\boxed{\\text{Answer: }5}"));
  CHECK(is_right("5", "\\boxed{\\text{exactly }5}"));
  CHECK_FALSE(is_right("5", "\\boxed{\\text{not }5}"));
  CHECK_FALSE(is_right("5", "\\boxed{\\text{at least }5}"));
  CHECK(is_right("$\\infty$", "\\boxed{\\text{infinity}}"));
  CHECK(is_right("$-\\infty$", "\\boxed{\\text{negative infinity}}"));
  CHECK(is_right("$\\mathbb{R}$", "\\boxed{\\text{all real numbers}}"));
  CHECK(is_right("$\\text{13 cm}$", "\\boxed{13}"));
  CHECK(is_right("C", "The answer is \\boxed{\\text{(C) } 12}"));
  CHECK(is_right("C", "\\boxed{\\textbf{(C)}\\ 12}"));
  CHECK_FALSE(is_right("B", "The answer is \\boxed{\\text{(C) } 12}"));
  CHECK(is_right("1.5", "La réponse est 1,5 km environ."));
}
