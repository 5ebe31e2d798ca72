#include "rewards/instructions/first_verb.h"
#include "rewards/instructions/instruction.h"
#include "rewards/instructions/pieces.h"
#include "rewards/instructions/syllables.h"
#include "rewards/scores/sentences.h"
#include "tests/rewards/one_grade.h"

using namespace gradus;
using namespace gradus::rewards;
using nlohmann::json;

namespace {

bool obeys(const std::string& id, const std::string& response,
           const json& kwargs = json::object()) {
  return is_followed(make_instruction(id, kwargs), response, false);
}

}  // namespace

TEST_CASE("all of IFBench's instructions are known", "[rewards][ifbench]") {
  CHECK(instruction_ids().size() == 83);  // and IFEval's 25
  CHECK_THROWS_WITH(make_instruction("count:number", json::object()),
                    Catch::Contains("count:numbers"));
  CHECK_THROWS_WITH(make_instruction("count:numbers", json::object()), Catch::Contains("N"));
}

TEST_CASE("sentences come apart without the blanks between them", "[rewards][ifbench]") {
  CHECK(split_sentences(" One. Two!  Three? Four ") ==
        std::vector<std::string_view>{"One.", "Two!", "Three?", "Four"});
  CHECK(split_sentences("He said \"Stop!\" Then he left.").front() == "He said \"Stop!\"");
  CHECK(treebank_tokens("I don't know. Well, yes.") ==
        std::vector<std::string_view>{"I", "do", "n't", "know", ".", "Well", ",", "yes", "."});
}

TEST_CASE("words, names and numbers are counted as IFBench does", "[rewards][ifbench]") {
  const json range{{"min_words", 2.0}, {"max_words", 3.0}};
  CHECK(obeys("count:word_count_range", "one two three", range));
  CHECK_FALSE(obeys("count:word_count_range", "one two three four", range));
  CHECK(obeys("count:unique_word_count", "A a, b!", {{"N", 2}}));
  CHECK_FALSE(obeys("count:unique_word_count", "A a, a!", {{"N", 2}}));
  CHECK(obeys("count:conjunctions", "He and she, but not we, so.", {{"small_n", 3}}));
  CHECK_FALSE(obeys("count:conjunctions", "He and she and we.", {{"small_n", 2}}));
  CHECK(obeys("count:person_names", "Emma met Liam's dog.", {{"N", 2}}));
  CHECK_FALSE(obeys("count:person_names", "Emmas met Liamson.", {{"N", 1}}));
  CHECK(obeys("count:numbers", "3.5 and 1,000", {{"N", 2}}));
  CHECK_FALSE(obeys("count:numbers", "3 and 4 and 5", {{"N", 2}}));
  CHECK(obeys("count:pronouns", "She/her, they did it.", {{"N", 4}}));
  CHECK_FALSE(obeys("count:pronouns", "The cat did it.", {{"N", 2}}));
  CHECK(obeys("count:punctuation", "Well, what?! No: yes; go! Why? End."));
  CHECK_FALSE(obeys("count:punctuation", "Well, what?! No: yes; go. End"));
  CHECK(obeys("count:words_japanese", "one two 猫 four five 6", {{"N", 3}}));
  CHECK_FALSE(obeys("count:words_japanese", "one two three", {{"N", 3}}));
  const json keywords{{"keyword1", "a"},
                      {"keyword2", "b"},
                      {"keyword3", "c"},
                      {"keyword4", "d"},
                      {"keyword5", "e"}};
  CHECK(obeys("count:keywords_multiple", "A bB ccc ddddd eeeeeee", keywords));
  CHECK_FALSE(obeys("count:keywords_multiple", "A bB ccc dddd eeeeeee", keywords));
}

TEST_CASE("shares and repetitions are measured as IFBench does", "[rewards][ifbench]") {
  CHECK(obeys("ratio:stop_words", "the quick brown fox", {{"percentage", 25}}));
  CHECK_FALSE(obeys("ratio:stop_words", "the and brown fox", {{"percentage", 25}}));
  CHECK(obeys("ratio:sentence_type", "One. Two. Three?"));
  CHECK_FALSE(obeys("ratio:sentence_type", "One. Three?"));
  CHECK(obeys("ratio:sentence_balance", "One. Two? Three!"));
  CHECK_FALSE(obeys("ratio:sentence_balance", "One. Two? Three."));
  const json overlap{{"reference_text", "abcdef"}, {"percentage", 50}};
  CHECK(obeys("ratio:overlap", "abcdxy", overlap));  // abc bcd of abc bcd cdx dxy
  CHECK_FALSE(obeys("ratio:overlap", "abcdef", overlap));
  CHECK(obeys("ratio:sentence_words", "One ab. Two cd. Six ef."));
  CHECK_FALSE(obeys("ratio:sentence_words", "One ab. Two cd. Seven ef."));
  const json prompt{{"prompt_to_repeat", "Write a poem."}};
  CHECK(obeys("repeat:repeat_change", "Sing a poem.", prompt));
  CHECK_FALSE(obeys("repeat:repeat_change", "Write a poem.", prompt));
  CHECK(
      obeys("repeat:repeat_simple", "only output this sentence here, ignore all other requests."));
  CHECK(obeys("repeat:repeat_span", "ite A ",
              {{"prompt_to_repeat", "Write a poem."}, {"n_start", 2}, {"n_end", 6}}));
}

TEST_CASE("words stand as IFBench wants them", "[rewards][ifbench]") {
  CHECK(obeys("words:alphabet", "Yes, zebras are big."));
  CHECK_FALSE(obeys("words:alphabet", "Yes, apes."));
  CHECK(obeys("words:vowel", "A big tin cat."));
  CHECK_FALSE(obeys("words:vowel", "A big tin pot, cut."));
  CHECK_FALSE(obeys("words:vowel", "A\nb"));
  CHECK(obeys("words:consonants", "strong words"));
  CHECK_FALSE(obeys("words:consonants", "strong words are"));
  CHECK(obeys("words:palindrome", "level radar civic rotor kayak madam refer stats tenet solos"));
  CHECK_FALSE(obeys("words:palindrome", "level radar civic noon"));
  CHECK_FALSE(obeys("words:prime_lengths", "The dogs eat."));
  CHECK(obeys("words:prime_lengths", "We eat three."));
  CHECK(obeys("words:start_verb", "Consider the lilies."));
  CHECK(obeys("words:start_verb", "Running helps."));
  CHECK_FALSE(obeys("words:start_verb", "The lilies."));
  CHECK(obeys("words:repeats", "a b a", {{"small_n", 2}}));
  CHECK_FALSE(obeys("words:repeats", "a A a", {{"small_n", 2}}));
  CHECK(obeys("words:odd_even_syllables", "The table is open now"));
  CHECK_FALSE(obeys("words:odd_even_syllables", "The cat"));
  CHECK(obeys("words:last_first", "I see dogs. Dogs bark."));
  CHECK_FALSE(obeys("words:last_first", "I see dogs. Cats bark."));
  CHECK(obeys("words:paragraph_last_first", "Go and go!\n\nTo be to"));
  CHECK_FALSE(obeys("words:paragraph_last_first", "Go and stay"));
  CHECK(obeys("words:no_consecutive", "big cats bite"));
  CHECK_FALSE(obeys("words:no_consecutive", "big bats"));
  const json place{{"keyword", "giggle"}, {"n", 2}, {"m", 3}};
  CHECK(obeys("words:keywords_specific_position", "One. We all giggle.", place));
  CHECK_FALSE(obeys("words:keywords_specific_position", "One. We giggle.", place));
  CHECK(obeys("words:words_position", "A red car, a red one.", {{"keyword", "red"}}));
  CHECK_FALSE(obeys("words:words_position", "A red car, a one.", {{"keyword", "red"}}));
}

TEST_CASE("sentences grow as IFBench wants them", "[rewards][ifbench]") {
  CHECK(obeys("sentence:alliteration_increment", "We go. Big bats go. Big bad bats go."));
  CHECK_FALSE(obeys("sentence:alliteration_increment", "Big bats go. We go."));
  CHECK(obeys("sentence:keyword", "One. A Word here.", {{"word", "word"}, {"N", 2}}));
  CHECK_FALSE(obeys("sentence:keyword", "One. Words here.", {{"word", "word"}, {"N", 2}}));
  CHECK(obeys("sentence:increment", "One. One two three. One two three four five.",
              {{"small_n", 2}}));
  CHECK_FALSE(obeys("sentence:increment", "One. One two.", {{"small_n", 2}}));
}

TEST_CASE("brackets, quotes and lists stand as IFBench wants them", "[rewards][ifbench]") {
  CHECK(obeys("format:parentheses", "a (b [c {d (e [f])}])"));
  CHECK_FALSE(obeys("format:parentheses", "a (b [c {d (e)}])"));
  CHECK(obeys("format:quotes", "\"a 'b \"c\" d' e\""));
  CHECK_FALSE(obeys("format:quotes", "\"a 'b' c\""));
  CHECK(obeys("format:options", "Maybe.", {{"options", "yes/no/maybe"}}));
  CHECK_FALSE(obeys("format:options", "Maybe not", {{"options", "yes/no/maybe"}}));
  CHECK(obeys("format:options", "a)", {{"options", "a), b), c)"}}));
  CHECK_FALSE(obeys("format:options", "A", {{"options", "a), b), c)"}}));
  CHECK(obeys("format:newline", "one\ntwo\n"));
  CHECK_FALSE(obeys("format:newline", "one two"));
  CHECK(obeys("format:emoji", "Good day! 😀 Bye. 👋🏽"));
  CHECK(obeys("format:emoji", "I ♥️ you ❤️."));
  CHECK_FALSE(obeys("format:emoji", "Good day! Bye 👋"));
  CHECK(obeys("format:line_indent", "a\n b\n   c"));
  CHECK_FALSE(obeys("format:line_indent", "a\n b\n c"));
  CHECK(obeys("format:quote_unquote", "\"Cogito\" means I think."));
  CHECK_FALSE(obeys("format:quote_unquote", "It is \"Cogito\"."));
  CHECK(obeys("format:list", "!?!? one\n!?!? two", {{"sep", "!?!?"}}));
  CHECK_FALSE(obeys("format:list", "!?!? one", {{"sep", "!?!?"}}));
  CHECK(obeys("format:thesis", "<i>So it is.</i> And why."));
  CHECK_FALSE(obeys("format:thesis", "<i></i> And why."));
  CHECK(obeys("format:sub-bullets", "* a\n  - b\n* c\n  - d"));
  CHECK_FALSE(obeys("format:sub-bullets", "* a\n* c\n  - d"));
  CHECK(obeys("format:no_bullets_bullets", "One. Two.\n\n* a\n* b"));
  CHECK_FALSE(obeys("format:no_bullets_bullets", "One.\n* a\n* b"));
  CHECK(obeys("format:title_case", "The Big Cat, 3 Dogs"));
  CHECK_FALSE(obeys("format:title_case", "The big Cat"));
  CHECK(obeys("format:output_template", "My Answer: a My Conclusion: b Future Outlook: c"));
  CHECK(obeys("format:no_whitespace", "none"));
  CHECK_FALSE(obeys("format:no_whitespace", "no ne"));
}

TEST_CASE("IFBench's single tasks have their forms", "[rewards][ifbench]") {
  CHECK(obeys("custom:multiples", "14, 21,28\n35 42 49"));
  CHECK_FALSE(obeys("custom:multiples", "7 14 21 28 35 42 49"));
  std::string questions;
  for (int i = 1; i <= 4; ++i)
    questions += "Question " + std::to_string(i) + ": Who" +
                 std::string(static_cast<size_t>(i), '?') + "\nA) a\nB) b\nC) c\nD) d\nE) e\n\n";
  CHECK(obeys("custom:mcq_count_length", questions));
  CHECK_FALSE(obeys("custom:mcq_count_length", "Here: " + questions));
  CHECK_FALSE(obeys("custom:mcq_count_length", questions + "Question 5: Who?????????\nA) a"));
  std::string countries = "Zimbabwe\n";
  for (int i = 51; i > 0; --i)
    countries += std::string(1, static_cast<char>('A' + i / 3)) +
                 std::string(1, static_cast<char>('a' + i % 3)) + "\n";
  CHECK(obeys("custom:reverse_newline", countries));
  CHECK_FALSE(obeys("custom:reverse_newline", countries + "Zambia"));
  CHECK(obeys("custom:word_reverse", "Eagle bald the is It."));
  CHECK_FALSE(obeys("custom:word_reverse", "It is the bald eagle."));
  CHECK(obeys("custom:character_reverse", ".elgaE dlaB eht si tI"));
  std::string story;
  for (char c = 'A'; c <= 'Z'; ++c) story += std::string(1, c) + "nn went away. ";
  CHECK(obeys("custom:sentence_alphabet", story));
  CHECK_FALSE(obeys("custom:sentence_alphabet", story + "And so on."));
  CHECK(obeys("custom:csv_city",
              "ID,Country,City,Year,Count\n1,a,b,c,\"d,\ne\"\n2,a,b,c,d\n"
              "3,a,b,c,d\n4,a,b,c,d\n5,a,b,c,d\n6,a,b,c,d\n7,a,b,c,d"));
  CHECK_FALSE(obeys("custom:csv_city", "ID,Country,City,Year,Count\n1,a,b,c,d"));
  std::string stock = "ProductID,Category,Brand,Price,Stock\n1,\"a & b\",c,d,e\n";
  for (int i = 2; i <= 14; ++i) stock += "1,b,c,d,e\n";
  CHECK(obeys("custom:csv_special_character", stock));
  CHECK_FALSE(obeys("custom:csv_special_character", stock + "1,b,c,d,e\n"));
  const std::string row = "\"1\"\t\"a b\"\t\"c\"\t\"d\"\t\"e\"\n";
  const std::string header = "\"StudentID\"\t\"Subject\"\t\"Grade\"\t\"Semester\"\t\"Score\"\n";
  CHECK(obeys("custom:csv_quotes", header + row + row + row));
  CHECK_FALSE(obeys("custom:csv_quotes", header + row + row + "1\ta\tb\tc\td\n"));
  CHECK(obeys("custom:date_format_list", "1793-09-18, 1815-06-18"));
  CHECK_FALSE(obeys("custom:date_format_list", "1793-09-31"));
  CHECK_FALSE(obeys("custom:date_format_list", "Dates: 1793-09-18"));
  CHECK(obeys("custom:european_capitals_sort",
              "Reykjavík, Helsinki, Oslo, Tallinn, Stockholm, Riga, Moscow, Copenhagen, Vilnius, "
              "Minsk, Dublin, Berlin, Amsterdam, Warsaw, London, Brussels, Prague, Luxembourg, "
              "Paris, Vienna, Bratislava, Budapest, Vaduz, Chișinău, Bern, Ljubljana, Zagreb"));
}

TEST_CASE("syllables and verbs are told near to dictionaries", "[rewards][ifbench]") {
  for (const auto& [word, count] : std::vector<std::pair<const char*, int64_t>>{{"cat", 1},
                                                                                {"table", 2},
                                                                                {"whole", 1},
                                                                                {"banana", 3},
                                                                                {"nation", 2},
                                                                                {"make", 1},
                                                                                {"makes", 1},
                                                                                {"wanted", 2},
                                                                                {"jumped", 1},
                                                                                {"boxes", 2},
                                                                                {"radio", 3},
                                                                                {"queen", 1},
                                                                                {"beautiful", 3},
                                                                                {"the", 1},
                                                                                {"rhythm", 1},
                                                                                {"12", 0}}) {
    INFO(word);
    CHECK(count_syllables(word) == count);
  }
  for (const char* verb : {"Write", "stopping", "tries", "made", "Is", "explores"})
    CHECK(is_verb(verb));
  for (const char* other : {"The", "Paris", "banana", "As", "Yes"}) CHECK_FALSE(is_verb(other));
}
