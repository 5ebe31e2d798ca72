"""Writes similarity_cases.jsonl: scores of the reference libraries on texts of our own.

Needs rapidfuzz, sacrebleu and nltk; ROUGE is computed from Lin's formulas (2004) with rouge-score's
words. METEOR is nltk's with synonyms switched off, as they need WordNet's data.

    python3 tests/rewards/cases/make_similarity_cases.py > tests/rewards/cases/similarity_cases.jsonl
"""

import collections
import json
import random
import re

import sacrebleu
from nltk.translate.gleu_score import sentence_gleu
from nltk.translate.meteor_score import single_meteor_score
from sacrebleu.tokenizers.tokenizer_13a import Tokenizer13a

try:
    from rapidfuzz import fuzz
except ImportError:  # its Python form, where the extension is not built
    from rapidfuzz import fuzz_py as fuzz

PAIRS = [
    ("", ""), ("", "a"), ("a", ""), ("Paris", "Paris"), ("Paris", "London"), ("paris", "Paris"),
    ("this is a test", "this is a test!"),
    ("It is a guide to action which ensures that the military always obeys the commands of the party",
     "It is a guide to action that ensures that the military will forever heed Party commands"),
    ("the the the the the the the", "the cat is on the mat"),
    ("The answer is 1,234.5 (not 1.234,5).", "The answer is 1,234.5 and not 1.234,5"),
    ("well-known 3-4 -5 a.b", "well known 3 - 4 -5 a.b"),
    ("x &amp; y &lt;z&gt; &quot;q&quot;", 'x & y <z> "q"'),
    ("fuzzy wuzzy was a bear", "wuzzy fuzzy was a bear"),
    ("The quick brown fox jumps over the lazy dog", "The quick brown dog jumps on the log."),
    ("running runs ran easily cats", "run running cat easy ran"),
    ("universal university universe", "universally universities universes"),
    ("happily dying flies tied agreed", "happy die fly tie agree"),
    ("naïve café Ωmega", "naive cafe omega"), ("日本語 テスト", "日本語のテスト"),
    ("a b c d e f g", "g f e d c b a"), ("a a a b b", "b b a a a"),
    ("line one\nline two-\nbroken", "line one line twobroken"), ("...", "!!!"), ("5", "5"),
    ("$x^2 + y^2 = z^2$", "x^2+y^2=z^2"), ("ABC def", "abc DEF"), ("one two", "one two three four"),
]
WORDS = ("the a cat cats dog sat sitting on in mat mats quick quickly brown fox jumped jumping over "
         "lazy relational conditional rationally hopefulness formality sky skies news 3.5 1,000 , . ! "
         "controlling rolled hopping falling filing happy cry electricity adjustable").split()


class NoSynonyms:
    """WordNet without its words."""

    @staticmethod
    def synsets(_word):
        return []


def words(text):
    return Tokenizer13a()(text.rstrip()).split()


def rouge_words(text):
    return re.findall(r"[a-z0-9]+", text.lower())


def f1(common, num_input, num_reference):
    precision, recall = common / max(num_input, 1), common / max(num_reference, 1)
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0


def rouge_n(text, reference, n):
    grams = [collections.Counter(tuple(w[i:i + n]) for i in range(len(w) - n + 1))
             for w in (rouge_words(text), rouge_words(reference))]
    return f1(sum((grams[0] & grams[1]).values()), grams[0].total(), grams[1].total())


def rouge_l(text, reference):
    a, b = rouge_words(text), rouge_words(reference)
    table = [[0] * (len(b) + 1) for _ in range(len(a) + 1)]
    for i, x in enumerate(a):
        for j, y in enumerate(b):
            table[i + 1][j + 1] = table[i][j] + 1 if x == y else max(table[i][j + 1], table[i + 1][j])
    return f1(table[-1][-1], len(a), len(b))


def main():
    chance = random.Random(11)
    pairs = list(PAIRS)
    for _ in range(60):
        reference = [chance.choice(WORDS) for _ in range(chance.randint(1, 14))]
        text = [w for w in reference if chance.random() < 0.8]
        for _ in range(chance.randint(0, 4)):
            text.insert(chance.randint(0, len(text)), chance.choice(WORDS))
        pairs.append((" ".join(text), " ".join(reference)))
    for text, reference in pairs:
        scores = {
            "fuzzy_match": fuzz.ratio(text, reference) / 100,
            "bleu": sacrebleu.sentence_bleu(text, [reference]).score / 100,
            "gleu": sentence_gleu([words(reference)], words(text)),
            "meteor": single_meteor_score(words(reference), words(text), wordnet=NoSynonyms),
            "rouge_l": rouge_l(text, reference),
        }
        scores.update({f"rouge_{n}": rouge_n(text, reference, n) for n in range(1, 6)})
        print(json.dumps({"input": text, "reference": reference, "scores": scores}))


if __name__ == "__main__":
    main()
