#include "rewards/instructions/instruction.h"
#include "rewards/instructions/python_json.h"
#include "rewards/scores/sentences.h"
#include "tests/rewards/one_grade.h"

using namespace gradus;
using namespace gradus::rewards;
using nlohmann::json;

namespace {

bool follows(const std::string& id, const json& kwargs, const std::string& response,
             bool is_loose = false) {
  return is_followed(make_instruction(id, kwargs), response, is_loose);
}

std::string complaint(const std::string& id, const json& kwargs) {
  try {
    make_instruction(id, kwargs);
  } catch (const ArgumentError& error) {
    return error.what();
  }
  return "none";
}

}  // namespace

TEST_CASE("keywords are looked for as IFEval does", "[rewards][ifeval]") {
  CHECK(follows("keywords:existence", {{"keywords", {"cat", "Dog"}}}, "CATS and dogs"));
  CHECK_FALSE(follows("keywords:existence", {{"keywords", {"cat", "dog"}}}, "cats"));
  CHECK(follows("keywords:existence", {{"keywords", {"C++"}}}, "I like c++."));
  const json twice{{"keyword", "go"}, {"frequency", 2}, {"relation", "at least"}};
  CHECK(follows("keywords:frequency", twice, "Going, going"));
  CHECK_FALSE(follows("keywords:frequency", twice, "going"));
  CHECK(follows("keywords:frequency",
                {{"keyword", "go"}, {"frequency", 2}, {"relation", "less than"}}, "going"));
  CHECK(follows("keywords:forbidden_words", {{"forbidden_words", {"bad"}}}, "badly"));
  CHECK_FALSE(follows("keywords:forbidden_words", {{"forbidden_words", {"bad"}}}, "so BAD!"));
  const json letters{{"letter", "L"}, {"let_frequency", 3}, {"let_relation", "at least"}};
  CHECK(follows("keywords:letter_frequency", letters, "Lull"));
  CHECK_FALSE(follows("keywords:letter_frequency", letters, "lul"));
}

TEST_CASE("sentences are counted near to Punkt", "[rewards][ifeval]") {
  CHECK(count_sentences("") == 0);
  CHECK(count_sentences("One. Two! Three? Four") == 4);
  CHECK(count_sentences("Dr. Smith met Mr. Jones at 5 p.m. on Main St. yesterday.") == 1);
  CHECK(count_sentences("He said \"Stop!\" Then he left.") == 2);
  CHECK(count_sentences("Use e.g. apples, i.e. fruit. Done.") == 2);
  CHECK(count_sentences("It costs 3.50 dollars. Really?!") == 2);
  CHECK(count_sentences("Well... maybe. But no... Then yes.") == 3);
  CHECK(count_sentences("J. K. Rowling wrote it.") == 1);
  CHECK(count_sentences("I live in the U.S. It is large.") == 2);
  CHECK(count_sentences("今天天气很好。我们去公园吧！好吗？") == 3);
  CHECK(count_sentences("यह अच्छा है। वह बुरा है।") == 2);
  CHECK(count_sentences("a.b.c") == 1);
  CHECK(count_sentences(std::string(200'000, '.')) == 1);
  std::string many;
  for (int i = 0; i < 66'000; ++i) many += "a. ";
  CHECK(count_sentences(many) == 66'000);
}

TEST_CASE("JSON is what Python takes for it", "[rewards][ifeval]") {
  for (const char* text : {"1", " [ ] ", "{}", "[1, {\"a\": [null, true]}, \"\\ud800\"]", "NaN",
                           "[-Infinity, 1e999]", "{\"a\": 1, \"a\": 2}", "-0.5e-3"}) {
    CAPTURE(text);
    CHECK(is_json_to_python(text));
  }
  for (const char* text : {"", "[1,]", "{\"a\"}", "{1: 2}", "01", "1.", "+1", "[1 2]", "[1", "]",
                           "\"a\nb\"", "\"\\x\"", "nan", "{} {}", "{\"a\": 1,}", "[}"}) {
    CAPTURE(text);
    CHECK_FALSE(is_json_to_python(text));
  }
  CHECK_FALSE(is_json_to_python(std::string(1'000'000, '[')));
}

TEST_CASE("words and paragraphs are counted as IFEval does", "[rewards][ifeval]") {
  CHECK(count_word_runs("It's well-known, 3.5 x_y naïve") == 8);
  CHECK(follows("length_constraints:number_words", {{"num_words", 3}, {"relation", "at least"}},
                "one two three"));
  CHECK_FALSE(follows("length_constraints:number_words",
                      {{"num_words", 3}, {"relation", "less than"}}, "one two three"));
  CHECK(follows("length_constraints:number_sentences",
                {{"num_sentences", 2.0}, {"relation", "at least"}}, "One. Two."));
  const json two{{"num_paragraphs", 2}};
  CHECK(follows("length_constraints:number_paragraphs", two, "a\n***\nb"));
  CHECK(follows("length_constraints:number_paragraphs", two, "***\na *** b\n***\n"));
  CHECK_FALSE(follows("length_constraints:number_paragraphs", two, "a *** *** b"));
  const json nth{{"num_paragraphs", 3}, {"nth_paragraph", 2}, {"first_word", "However"}};
  CHECK(follows("length_constraints:nth_paragraph_first_word", nth, "a\n\n\"however, b\n\nc"));
  CHECK_FALSE(follows("length_constraints:nth_paragraph_first_word", nth, "a\n\nb however\n\nc"));
  CHECK_FALSE(follows("length_constraints:nth_paragraph_first_word", nth, "a\n\nhowever"));
}

TEST_CASE("marks of format are found as IFEval does", "[rewards][ifeval]") {
  CHECK(follows("detectable_content:number_placeholders", {{"num_placeholders", 2}}, "[a] [b]"));
  CHECK_FALSE(
      follows("detectable_content:number_placeholders", {{"num_placeholders", 2}}, "[a\nb]"));
  CHECK(follows("detectable_content:postscript", {{"postscript_marker", "P.S."}}, "x\np. s. y"));
  CHECK(follows("detectable_content:postscript", {{"postscript_marker", "P.P.S"}}, "P.P.S. y"));
  CHECK_FALSE(follows("detectable_content:postscript", {{"postscript_marker", "P.S."}}, "PS y"));
  const json bullets{{"num_bullets", 2}};
  CHECK(follows("detectable_format:number_bullet_lists", bullets, "x\n* a\n  - b"));
  CHECK_FALSE(follows("detectable_format:number_bullet_lists", bullets, "* a\n** b"));
  CHECK_FALSE(follows("detectable_format:number_bullet_lists", bullets, "* a\n* b\n* c"));
  CHECK(follows("detectable_format:constrained_response", {}, "Well. My answer is no."));
  const json highlights{{"num_highlights", 2}};
  CHECK(follows("detectable_format:number_highlighted_sections", highlights, "*a* and *b*"));
  CHECK_FALSE(follows("detectable_format:number_highlighted_sections", highlights, "*a* and * *"));
  CHECK(follows("detectable_format:multiple_sections",
                {{"section_spliter", "Section"}, {"num_sections", 2}},
                "Section 1\na\nSection 2\nb"));
  CHECK(follows("detectable_format:json_format", {}, "```json\n{\"a\": [1]}\n```"));
  CHECK_FALSE(follows("detectable_format:json_format", {}, "{'a': 1}"));
  CHECK(follows("detectable_format:title", {}, "<<poem of joy>>\n..."));
  CHECK_FALSE(follows("detectable_format:title", {}, "<<  >>"));
}

TEST_CASE("the response as a whole is judged as IFEval does", "[rewards][ifeval]") {
  CHECK(follows("combination:two_responses", {}, "a ****** b"));
  CHECK_FALSE(follows("combination:two_responses", {}, "a ****** a"));
  CHECK_FALSE(follows("combination:two_responses", {}, "a ****** ****** b"));
  CHECK(follows("combination:repeat_prompt", {{"prompt_to_repeat", "Say it."}}, "say it. Yes."));
  CHECK(follows("startend:end_checker", {{"end_phrase", "Any more?"}}, "x \"any more?\" "));
  CHECK_FALSE(follows("startend:end_checker", {{"end_phrase", "Any more?"}}, "any more? no"));
  CHECK(follows("startend:quotation", {}, " \"all of it\" "));
  CHECK_FALSE(follows("startend:quotation", {}, "\""));
  CHECK_FALSE(follows("punctuation:no_comma", {}, "a, b"));
  CHECK(
      follows("language:response_language", {{"language", "hi"}}, "यह एक अच्छा दिन है और हम खुश हैं।"));
  CHECK_FALSE(
      follows("language:response_language", {{"language", "de"}}, "This is the English of it."));
  CHECK(follows("change_case:english_capital", {}, "THIS IS ALL OF IT, 1 TO 5."));
  CHECK_FALSE(follows("change_case:english_capital", {}, "THIS IS Not."));
  CHECK(follows("change_case:english_lowercase", {}, "this is all of it"));
  CHECK_FALSE(follows("change_case:english_lowercase", {}, "это все не то, что мы хотели"));
  const json capitals{{"capital_frequency", 3}, {"capital_relation", "at least"}};
  CHECK(follows("change_case:capital_word_frequency", capitals, "I DON'T"));
  CHECK(follows("change_case:capital_word_frequency", capitals, "AT&T and WELL-KNOWN"));
  CHECK_FALSE(follows("change_case:capital_word_frequency", capitals, "I AM mcDONALD"));
}

TEST_CASE("loose forgives first and last lines and asterisks", "[rewards][ifeval]") {
  const json none{};
  CHECK_FALSE(follows("startend:quotation", none, "Sure:\n\"text\"\nBye"));
  CHECK(follows("startend:quotation", none, "Sure:\n\"text\"\nBye", true));
  CHECK(follows("startend:quotation", none, "*\"text\"*", true));
  CHECK_FALSE(follows("punctuation:no_comma", none, "", true));
  CHECK_FALSE(follows("punctuation:no_comma", none, " \n ", false));
}

TEST_CASE("instructions that cannot be checked are refused by name", "[rewards][ifeval]") {
  CHECK_THAT(complaint("keywords:existance", {}),
             Catch::Contains("did you mean \"keywords:existence\""));
  CHECK(complaint("length_constraints:number_words", {{"num_words", 3}}) ==
        "length_constraints:number_words: relation: must be given");
  CHECK_THAT(
      complaint("length_constraints:number_words", {{"num_words", 3}, {"relation", "at most"}}),
      Catch::Contains("must be \"less than\" or \"at least\""));
  CHECK_THAT(
      complaint("length_constraints:number_words", {{"num_words", -1}, {"relation", "at least"}}),
      Catch::Contains("whole number"));
  CHECK_THAT(complaint("keywords:existence", {{"keywords", nullptr}}),
             Catch::Contains("must be given"));
}

TEST_CASE("the rule reads IFEval's columns, or its own options", "[rewards][ifeval]") {
  const std::string rule = "type = \"ifeval\"\n";
  const json row{
      {"instruction_id_list", {"punctuation:no_comma", "length_constraints:number_words"}},
      {"kwargs", {json{{"num_words", nullptr}}, {{"num_words", 3}, {"relation", "at least"}}}}};
  CHECK(one_value(rule, "one two three", row) == 1.0);
  CHECK(one_value(rule, "one two", row) == 0.0);
  CHECK(one_value(rule + "score = \"share\"", "one two", row) == 0.5);
  CHECK(one_value(rule, "<think>a, b</think>one two three", row) == 1.0);
  CHECK(one_value(rule, "", row) == 0.0);
  CHECK(one_grade(rule, "x", json::object()).outcome == GradeOutcome::skipped);
  const Grade broken = one_grade(rule, "x", json{{"instruction_id_list", {"a:b"}}});
  CHECK(broken.outcome == GradeOutcome::failed);
  CHECK_THAT(broken.reason, Catch::Contains("\"a:b\" is not an instruction"));
  const std::string fixed = rule +
                            "instructions = [\"keywords:existence\"]\n"
                            "kwargs = [{keywords = [\"x\"]}]";
  CHECK(one_value(fixed, "x") == 1.0);
  CHECK_THAT(rule_error(rule + "instructions = [\"keywords:existence\"]"),
             Catch::Contains("recipe.toml:1: rewards[0]: instructions: keywords:existence: "
                             "keywords: must be given"));
}

TEST_CASE("hostile responses end soon under every instruction", "[rewards][ifeval][hostile]") {
  const json kwargs{{"keywords", {"(a+)+b|c$"}},
                    {"keyword", "(a+)+b|c$"},
                    {"frequency", 1},
                    {"relation", "at least"},
                    {"forbidden_words", {"(a+)+[bc]$"}},
                    {"letter", "a"},
                    {"let_frequency", 1},
                    {"let_relation", "at least"},
                    {"num_words", 1},
                    {"num_sentences", 1},
                    {"num_paragraphs", 1},
                    {"nth_paragraph", 1},
                    {"first_word", "a"},
                    {"num_placeholders", 1},
                    {"postscript_marker", "P.S."},
                    {"num_bullets", 1},
                    {"num_highlights", 1},
                    {"section_spliter", "Section"},
                    {"num_sections", 1},
                    {"prompt_to_repeat", "a"},
                    {"end_phrase", "a"},
                    {"language", "en"},
                    {"capital_frequency", 1},
                    {"capital_relation", "at least"},
                    {"min_words", 1},
                    {"max_words", 1},
                    {"N", 1},
                    {"n", 1},
                    {"m", 1},
                    {"small_n", 1},
                    {"percentage", 1},
                    {"reference_text", "a.a"},
                    {"keyword1", "a"},
                    {"keyword2", "aa"},
                    {"keyword3", "b"},
                    {"keyword4", "c"},
                    {"keyword5", "d"},
                    {"options", "a/b"},
                    {"sep", "aa"},
                    {"word", "a"},
                    {"n_start", 0},
                    {"n_end", 1}};
  for (const auto& id : instruction_ids()) {
    const auto check = make_instruction(id, kwargs);
    for (const char* piece :
         {"[", "*", "<", " ", "a", "\n", "***", ".", "\"", "a.", "'\"'", "a ", "\xFF"}) {
      std::string text;
      while (text.size() < 10'000) text += piece;
      is_followed(check, text + "!", true);
    }
  }
}
