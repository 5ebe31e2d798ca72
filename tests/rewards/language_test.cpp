#include "rewards/scores/language_score.h"
#include "tests/rewards/one_grade.h"

using namespace gradus;
using namespace gradus::rewards;
using nlohmann::json;

namespace {

LanguageShare share(const std::string& code, std::string_view text) {
  return language_share(text, *find_language(code));
}

struct Sample {
  const char* code;
  const char* text;
};

const std::vector<Sample> kSamples{
    {"en", "First we compute the product, then we add the remainder to it."},
    {"es", "Primero calculamos el producto y luego sumamos el resto."},
    {"fr", "D'abord on calcule le produit, puis on ajoute le reste à la somme."},
    {"de", "Zuerst berechnen wir das Produkt und dann addieren wir den Rest."},
    {"it", "Prima calcoliamo il prodotto, poi aggiungiamo il resto della divisione."},
    {"pt", "Primeiro calculamos o produto e depois somamos o resto da divisão."},
    {"nl", "Eerst berekenen we het product en dan tellen we de rest op."},
    {"sv", "Först beräknar vi produkten och sedan lägger vi till resten som är kvar."},
    {"pl", "Najpierw obliczamy iloczyn, a potem dodajemy resztę, która jest mała."},
    {"fi", "Ensin laskemme tulon ja sitten lisäämme jäännöksen, joka on pieni."},
    {"tr", "Önce çarpımı hesaplıyoruz ve daha sonra bu kalanı ekliyoruz."},
    {"vi", "Trước tiên chúng ta tính tích và sau đó cộng số dư vào kết quả."},
    {"id", "Pertama kita hitung hasil kali dan kemudian tambahkan sisa yang ada."},
    {"ru", "Сначала мы вычислим произведение, а потом прибавим остаток, который был."},
    {"uk", "Спочатку ми обчислимо добуток, а потім додамо остачу, що є в умові."},
    {"bg", "Първо ще изчислим произведението, а след това ще прибавим остатъка, който е даден."},
    {"el", "Πρώτα υπολογίζουμε το γινόμενο."},
    {"he", "תחילה נחשב את המכפלה."},
    {"ar", "أولا نحسب حاصل الضرب ثم نضيف الباقي إلى هذا الناتج في النهاية."},
    {"fa",
     "ابتدا حاصل ضرب را حساب می‌کنیم و سپس "
     "باقی‌مانده را به آن اضافه می‌کنیم."},
    {"ur", "پہلے ہم حاصل ضرب نکالتے ہیں اور پھر اس میں باقی جمع کرتے ہیں۔"},
    {"hi", "पहले हम गुणनफल की गणना करते हैं और फिर शेष को जोड़ते हैं।"},
    {"mr", "प्रथम आपण गुणाकार करतो आणि नंतर ती बाकी मिळवतो, असे आहे."},
    {"bn", "প্রথমে আমরা গুণফল গণনা করি।"},
    {"ta", "முதலில் பெருக்கலைக் கணக்கிடுவோம்."},
    {"th", "ก่อนอื่นเราคำนวณผลคูณ"},
    {"ko", "먼저 곱을 계산하고 나머지를 더합니다."},
    {"ja", "まず積を計算して、余りを足します。"},
    {"zh", "首先我们计算乘积，然后加上余数。"},
};

}  // namespace

TEST_CASE("a sentence is recognised in each of many languages", "[rewards][language]") {
  for (const Sample& sample : kSamples) {
    CAPTURE(sample.text);
    CHECK(identify_language(sample.text).value_or("?") == std::string_view(sample.code));
  }
  CHECK_FALSE(identify_language("12 + 5 = 17"));
  CHECK_FALSE(identify_language("xyzzy"));
  CHECK_FALSE(identify_language(""));
}

TEST_CASE("a trace in the wanted language has share 1, in another 0", "[rewards][language]") {
  for (const Sample& wanted : kSamples) {
    CAPTURE(wanted.text);
    CHECK(share(wanted.code, wanted.text).value() == 1.0);
    for (const char* other : {"en", "hi", "zh", "ar"}) {
      CAPTURE(other);
      // Han characters between kana count for Chinese no more than the sentence does.
      if (std::string_view(other) != wanted.code) CHECK(share(other, wanted.text).value() == 0.0);
    }
  }
}

TEST_CASE("words of both languages are counted where they mix", "[rewards][language]") {
  const auto mixed = share("zh", "我们先算 then we add 余数。");
  CHECK(mixed.wanted == 6);
  CHECK(mixed.words == 9);
  CHECK(share("hi", "पहले multiply करो फिर add करो").wanted == 4);
  CHECK(share("hi", "पहले multiply करो फिर add करो").words == 6);
  CHECK(share("ar", "نحسب the product أولا").words == 4);
  const auto drift = share("fr", "On calcule le produit et la somme. Then we add the rest to it.");
  CHECK(drift.wanted == 7);
  CHECK(drift.words == 14);
  CHECK(share("fr", "Hmm. Bien.").value() == 1.0);
}

TEST_CASE("code, formulas, tags, addresses and numbers are neutral", "[rewards][language]") {
  const auto neutral = share("zh",
                             "<think>令 $x = \\frac{a}{b}$，\\(y\\) 和 \\[\nz\n\\] 用 "
                             "`print(foo)`：\n```python\nfor i in range"
                             "(10): pass\n```\n见 https://example.org/page 得 42。 x, y</think>");
  CHECK(neutral.wanted == neutral.words);
  CHECK(neutral.words == 5);
  CHECK(share("en", "I see a cat").words == 4);
  CHECK(share("en", "$5 is not\nmuch $ here").words == 4);
  CHECK(share("en", "").value() == 0.0);
  CHECK(share("en", "12 + 5").value() == 0.0);
  CHECK(script_share("Bonjour tout le monde, 世界", Script::latin).words == 6);
  CHECK(script_share("Bonjour tout le monde, 世界", Script::latin).wanted == 4);
}

TEST_CASE("language consistency reads the reasoning in the language of the row",
          "[rewards][language]") {
  const std::string rule = "type = \"language_consistency\"\n";
  const std::string text = "<think>首先我们计算。</think> The answer is 5.";
  CHECK(one_value(rule + "language = \"zh\"", text) == 1.0);
  CHECK(one_value(rule + "language = \"en\"", text) == 0.0);
  CHECK(one_value(rule + "language = \"en\"\npart = \"answer\"", text) == 1.0);
  CHECK(one_value(rule + "script = \"han\"\npart = \"all\"", text) == Approx(6.0 / 9.0));
  CHECK(one_value(rule + "column = \"lang\"", text, json{{"lang", "zh-CN"}}) == 1.0);
  CHECK(one_value(rule + "column = \"lang\"\nlanguage = \"en\"", text, json::object()) == 0.0);
  CHECK(one_grade(rule + "column = \"lang\"", text, json::object()).outcome ==
        GradeOutcome::skipped);
  CHECK(one_grade(rule + "column = \"lang\"", text, json{{"lang", "xx"}}).outcome ==
        GradeOutcome::skipped);
  CHECK(one_grade(rule + "language = \"en\"", "").reason == "there are no words");
  CHECK_THAT(rule_error(rule), Catch::Contains("language: must be given"));
  CHECK_THAT(rule_error(rule + "language = \"xx\""), Catch::Contains("is not known"));
  CHECK_THAT(rule_error(rule + "script = \"latn\""), Catch::Contains("did you mean \"latin\""));
}

TEST_CASE("hostile text costs no more than its length", "[rewards][language][hostile]") {
  for (const char* piece : {"\\(", "$", "`", "```", "<", "<a", "\\", "http", "\xFF", "。", "a"}) {
    std::string text;
    while (text.size() < 200'000) text += piece;
    CAPTURE(piece);
    CHECK(share("en", text).value() <= 1.0);
  }
}
