#pragma once

#include <array>
#include <string_view>

namespace gradus::rewards::math {

// The words that stance.cpp looks for, in lower case, by what they do.

/// Words that deny what follows.
inline constexpr auto kDenials = std::to_array<std::string_view>(
    {// English
     "not", "n't", "cannot", "never", "neither", "nor", "far from", "anything but", "rather than",
     "instead of", "other than", "different from", "rules out", "rule out", "ruled out",
     "ruling out", "excluding", "excludes", "exclude", "eliminating", "eliminates", "eliminate",
     "discarding", "discard", "rejecting", "unlike", "mistake is", "trap is", "error is",
     "distractor is", "wrong answer is",
     // German, Dutch, Swedish and its kin
     "nicht", "kein", "keine", "nie", "niemals", "weder", "niet", "geen", "nooit", "inte", "icke",
     "ikke", "aldrig", "varken",
     // French, Spanish, Italian, Portuguese
     "pas", "jamais", "est ni", "es ni", "non", "no", "nunca", "jamás", "né", "não", "nem",
     // Russian, Ukrainian, Polish, Finnish
     "не", "ни", "ні", "ani", "ei", "eivät",
     // Indonesian, Vietnamese, Arabic, Turkish
     "bukan", "bukanlah", "tidak", "không", "chẳng", "ليس", "ليست", "غير", "لا",
     // Chinese, Thai
     "不", "非", "没", "沒", "ไม่"});

/// Words that may stand between a denial and what it denies.
inline constexpr auto kCarriers = std::to_array<std::string_view>(
    {"equal to",   "equals",     "equal",       "exactly",     "quite",  "just",      "even",
     "always",     "ever",       "yet",         "longer",      "be",     "been",      "going to",
     "the number", "the value",  "the same as", "in fact",     "at all", "gleich",    "genau",
     "sein",       "gelijk aan", "lika med",    "är",          "er",     "égale à",   "égal à",
     "exactement", "es",         "igual a",     "ser",         "puede",  "puede ser", "è",
     "uguale a",   "essere",     "può",         "é",           "pode",   "pode ser",  "равен",
     "равна",      "равно",      "равняется",   "является",    "может",  "быть",      "это",
     "дорівнює",   "є",          "може",        "бути",        "jest",   "może",      "być",
     "równa",      "równe",      "ole",         "sama dengan", "adalah", "phải",      "là",
     "bằng",       "thể",        "هو",          "هي",          "يساوي",  "是",        "为",
     "為",         "等于",       "等於",        "会",          "可能",   "能",        "ใช่"});

/// Words before a number that make it the end of a range.
inline constexpr auto kBounds = std::to_array<std::string_view>(
    {"less than",    "more than",   "greater than", "fewer than",  "larger than",
     "smaller than", "bigger than", "higher than",  "lower than",  "than or equal to",
     "at least",     "at most",     "up to",        "below",       "above",
     "under",        "over",        "exceeds",      "exceed",      "mindestens",
     "höchstens",    "weniger als", "mehr als",     "größer als",  "kleiner als",
     "au moins",     "au plus",     "moins de",     "plus de",     "inférieure à",
     "supérieure à", "inférieur à", "supérieur à",  "al menos",    "por lo menos",
     "como máximo",  "menos de",    "más de",       "menor que",   "mayor que",
     "almeno",       "al massimo",  "meno di",      "più di",      "pelo menos",
     "half of",      "twice",       "double",       "triple",      "thrice",
     "root of",      "third of",    "quarter of",   "no máximo",   "mais de",
     "maior que",    "больше",      "меньше",       "более",       "менее",
     "більше",       "менше",       "co najmniej",  "co najwyżej", "minstens",
     "minst",        "大于",        "大於",         "小于",        "小於"});

/// The same behind it.
inline constexpr auto kBoundsBehind = std::to_array<std::string_view>(
    {"or more", "or less", "or fewer", "or greater", "or higher", "or larger", "or above",
     "or below", "at most", "at least", "以上", "以下", "未満"});

/// Words between two numbers that make a third one: "5 more than 7" is 12.
inline constexpr auto kComparisons =
    std::to_array<std::string_view>({"more than", "less than", "fewer than", "times"});

inline constexpr auto kRelations = std::to_array<std::string_view>(
    {"!=", "=/=", "<>", ">=", "<=",    ">",    "<",     "≥",    "≤",     "≠",
     "≧",  "≦",   "⩾",  "⩽",  "\\neq", "\\ne", "\\geq", "\\ge", "\\leq", "\\le"});

inline constexpr auto kVerbs =
    std::to_array<std::string_view>({"is", "was", "would be", "are", "ist", "must be"});
inline constexpr auto kFaults = std::to_array<std::string_view>(
    {"wrong", "incorrect", "false", "invalid", "impossible", "a mistake", "an error", "ruled out",
     "falsch", "a trap", "a distractor", "a decoy", "too small", "too large", "too big", "too low",
     "too high", "a common mistake"});
inline constexpr auto kDenyingVerbs = std::to_array<std::string_view>(
    {"is not", "isn't", "was not", "wasn't", "cannot be", "can't be", "could not be", "couldn't be",
     "is never", "ist nicht", "is definitely not"});
inline constexpr auto kMerits = std::to_array<std::string_view>(
    {"correct", "right", "the answer", "the correct", "the right", "the final", "possible", "valid",
     "the solution", "a solution", "true", "richtig"});

/// Denials of other languages behind a number.
inline constexpr auto kDenialsBehind = std::to_array<std::string_view>({"est faux",
                                                                        "est incorrect",
                                                                        "n'est pas la",
                                                                        "es incorrecto",
                                                                        "es falso",
                                                                        "no es la",
                                                                        "no es correct",
                                                                        "è sbagliat",
                                                                        "non è la",
                                                                        "não é a",
                                                                        "ではな",
                                                                        "ではありません",
                                                                        "じゃな",
                                                                        "でない",
                                                                        "가 아니",
                                                                        "이 아니",
                                                                        "가 아닙",
                                                                        "이 아닙",
                                                                        "은 아니",
                                                                        "는 아니",
                                                                        "नहीं",
                                                                        "değil",
                                                                        "নয়",
                                                                        "نیست",
                                                                        "不是答案",
                                                                        "不对",
                                                                        "是错"});

inline constexpr auto kCalledWrong = std::to_array<std::string_view>(
    {"wrong", "incorrect", "false", "erroneous", "mistaken", "falsche", "mauvaise", "неправильный",
     "неверный", "yanlış", "错误", "错误的", "잘못된", "誤った", "間違った"});

inline constexpr auto kDisbeliefs = std::to_array<std::string_view>(
    {"doubt", "n't think", "n't believe", "not think", "not believe", "not the case that"});

inline constexpr auto kOr = std::to_array<std::string_view>(
    {"or so",  "or",   "oder",  "ou",  "o",    "u",    "oppure", "или",      "або",  "чи",
     "或者是", "或者", "或是",  "或",  "还是", "還是", "または", "もしくは", "か",   "또는",
     "혹은",   "이나", "나",    "या",  "أو",   "veya", "ya da",  "lub",      "albo", "hoặc là",
     "hoặc",   "hay",  "eller", "tai", "atau", "หรือ",  "বা"});

inline constexpr auto kAnd = std::to_array<std::string_view>(
    {"and also", "as well as", "plus", "and", "und", "et", "y",  "e",   "и",  "та",  "і",  "和",
     "与",       "與",         "と",   "और",  "و",   "ve", "và", "och", "og", "dan", "และ"});

inline constexpr auto kNor = std::to_array<std::string_view>(
    {"nor", "noch", "ni", "né", "nem", "ani", "ні", "ни", "eikä", "也不是"});

inline constexpr auto kHedges = std::to_array<std::string_view>(
    {"maybe",    "perhaps", "possibly", "probably",   "potentially",    "alternatively",
     "might",    "may",     "could",    "vielleicht", "möglicherweise", "peut-être",
     "quizás",   "quizá",   "tal vez",  "forse",      "talvez",         "может быть",
     "возможно", "можливо", "也可能",   "可能",       "也许",           "或许",
     "może",     "có thể",  "kanske",   "misschien",  "ehkä",           "mungkin",
     "belki",    "아마",    "शायद"});

inline constexpr auto kContrasts = std::to_array<std::string_view>(
    {"but rather", "but",      "rather",   "instead",   "sondern",   "mais plutôt", "mais",
     "plutôt",     "sino",     "pero",     "bensì",     "ma",        "e sim",       "mas",
     "senão",      "а",        "но",       "але",       "lecz",      "ale",         "tylko",
     "而是",       "utan",     "men",      "maar",      "vaan",      "melainkan",   "tetapi",
     "tapi",       "mà là",    "mà",       "بل",        "بلکه",      "बल्कि",        "नहीं",
     "değil",      "ではなく", "じゃなく", "가 아니라", "이 아니라", "leaving",     "which leaves",
     "leaves",     "so",       "we get",   "we take",   "gives"});

/// Words around a second answer that say nothing of their own.
inline constexpr auto kPronouns = std::to_array<std::string_view>(
    {"it is", "it's", "it should be", "should be", "that is", "that's",       "it", "is",  "be",
     "also",  "even", "else",         "either",    "can",     "equivalently", "es", "est", "ist",
     "è",     "это",  "是",           "为"});

inline constexpr auto kAlternatives =
    std::to_array<std::string_view>({"alternatively", "or maybe", "or perhaps", "or possibly", "or",
                                     "maybe", "perhaps", "possibly", "oder"});

/// A bare "no" may be the "not" of another language: "5, no 6".
inline constexpr auto kCorrections = std::to_array<std::string_view>(
    {"no wait",    "wait no",    "wait",         "actually",
     "correction", "no,",        "no:",          "no.",
     "oops",       "sorry",      "scratch that", "hmm",
     "i mean",     "hold on",    "rather",       "on second thought",
     "nein,",      "nein:",      "nein.",        "warte",
     "korrektur",  "non,",       "non:",         "non.",
     "attendez",   "corrección", "espera",       "correzione",
     "aspetta",    "correção",   "нет,",         "нет:",
     "нет.",       "подождите",  "исправление",  "不对",
     "等等",       "更正",       "訂正",         "아니"});

inline constexpr auto kRestatements = std::to_array<std::string_view>(
    {"it is", "it's", "it should be", "should be", "that should be", "the answer is",
     "the correct answer is", "the right answer is", "that's", "that is", "it must be", "make that",
     "it could be", "could be", "it might be", "might be", "es ist", "c'est", "是"});

inline constexpr auto kRetractions = std::to_array<std::string_view>(
    {"that's wrong", "that is wrong", "this is wrong", "it is wrong", "it's wrong",
     "that was wrong", "that's incorrect", "that is incorrect", "this is incorrect",
     "that's not right", "that is not right", "that isn't right", "that's not correct",
     "that is not correct", "that can't be right", "that cannot be right", "i made a mistake",
     "i made an error"});

}  // namespace gradus::rewards::math
