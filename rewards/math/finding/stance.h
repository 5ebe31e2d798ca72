#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace gradus::rewards::math {

// What prose says of an answer that it names. Read are the words next to it, in the languages whose
// "the answer is" is known: a denial elsewhere in the sentence is about something else ("It is not
// 4, so the answer is 5"). Every call looks at a fixed number of bytes.

enum class Stance : uint8_t {
  stated,
  denied,   // "is not 5", "can't be 5", "neither 5", "5 is wrong", "5ではない"
  bounded,  // "at least 5", "less than 5"
  related,  // "> 5", "\neq 5": a number behind a sign of relation
};

/// The stance towards the answer at the bytes [begin, end).
Stance stance_of(std::string_view text, size_t begin, size_t end);

/// Whether "minus" or "negative" stands before the number at `begin`.
bool is_called_negative(std::string_view text, size_t begin);

/// Whether the "answer" at `begin` is called wrong: "the wrong answer is".
bool is_called_wrong(std::string_view text, size_t begin);

/// How an answer goes on from the one before it.
struct Link {
  bool offers = false;         // with an "or"
  bool adds = false;           // ", ", " and ", " or maybe ", "或": one more answer
  bool shares_denial = false;  // the same and " nor ": denied where the one before is
  bool replaces = false;       // ", but ", ", sondern ", "而是": in place of one that is denied
};

/// @param between  the text between two answers.
Link link_between(std::string_view between);

/// What becomes of an answer in the words behind it.
struct Sequel {
  enum class Kind : uint8_t {
    none,
    alternative,  // "Alternatively, 6."
    correction,   // "No wait, 6."
    retraction    // "Wait, that's wrong."
  };
  Kind kind = Kind::none;
  size_t length = 0;              // bytes before the other answer
  bool answers_question = false;  // "Is it 5? No.": a retraction where no other answer follows
};

/// @param rest  what follows the answer or its sentence.
Sequel sequel_in(std::string_view rest);

}  // namespace gradus::rewards::math
