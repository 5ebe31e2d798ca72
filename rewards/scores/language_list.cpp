// The languages that can be told apart. Words are the most frequent function words; letters are
// those that few languages of the same script have. Both were written for this file.

#include "rewards/scores/languages.h"

namespace gradus::rewards {

const std::vector<Language>& languages() {
  static const std::vector<Language> kLanguages{
      {"en",
       {Script::latin},
       "the of and to in is that it was for on are as with be by this have from or had not but "
       "what "
       "all were when we there can an your which their if will each about how up out them then so "
       "some would make has two more see could been who its now find down they these you he she "
       "let "
       "thus because therefore must should into than where first next since only",
       ""},
      {"es",
       {Script::latin},
       "el la los las de del que y en un una es por para con no se su al lo como más pero sus le "
       "ya "
       "este esta sí porque entre cuando muy sin sobre también hasta hay donde quien desde todo "
       "nos "
       "durante uno ni contra otros ese eso ante ellos entonces tenemos ahora así son está ser fue "
       "luego primero después puede pueden sea si mientras mismo dos tres qué cuál",
       "ñ ¿ ¡"},
      {"fr",
       {Script::latin},
       "le la les de des du et un une est en que qui dans pour pas sur au aux avec ce cette ces il "
       "elle nous vous ils elles je ne se son sa ses plus par mais ou où donc car sont être avoir "
       "tout comme leur si deux même aussi bien peut fait alors on y c'est d'un d'une l'on très",
       "œ è ê ç ù û"},
      {"de",
       {Script::latin},
       "der die das und in den von zu mit sich des auf für ist im dem nicht ein eine als auch es "
       "an "
       "werden aus er hat dass sie nach wird bei einer um am sind noch wie einem über einen so zum "
       "war haben nur oder aber vor zur bis mehr durch man dann wir ich also wenn kann muss gibt",
       "ß ä ü"},
      {"it",
       {Script::latin},
       "il lo la i gli le di a da in con su per tra fra e è che non un una del della dei delle nel "
       "nella al alla sono si come anche più ma se questo questa ha ho essere stato dal dalla "
       "degli "
       "quindi quando cosa dove perché molto tutto ogni due abbiamo così può poi loro suo sua",
       "ì ò"},
      {"pt",
       {Script::latin},
       "o os a as de do da dos das em no na nos nas um uma que e é para com não por se mais como "
       "mas "
       "foi ao ele ela seu sua ou quando muito também só pelo pela até isso entre depois sem mesmo "
       "aos seus quem já eu você são está temos então tem ser isto cada vamos",
       "ã õ"},
      {"nl",
       {Script::latin},
       "de het een van en in is dat op te zijn met voor niet aan er om ook als dan maar bij uit "
       "nog "
       "naar door over ze zich hij ik je we wordt worden heeft hebben deze dit die geen kan moet "
       "wat "
       "zo meer of tot hun dus wij",
       "ĳ"},
      {"sv",
       {Script::latin},
       "och att det som en på är av för med den till inte om ett han var jag men ett så vi har "
       "hade "
       "de från vid kan när ska man också eller nu där sig hon hur vad alla efter under blir",
       "å"},
      {"da",
       {Script::latin},
       "og at det som en på er af for med den til ikke om et han var jeg men så vi har havde de "
       "fra "
       "ved kan når skal man også eller nu der sig hun hvad alle efter blev bliver hvor",
       "å æ ø"},
      {"fi",
       {Script::latin},
       "ja on ei se että oli hän mutta ovat kun niin kuin myös tai jos sen joka mitä vain nyt sitä "
       "ole hänen ne tämä tämän olla voi mukaan jälkeen sekä ollut joka ovat siis eli koska mikä",
       "ä"},
      {"pl",
       {Script::latin},
       "i w na z że się nie do to jest o jak za po co ale od przez dla czy był są który która "
       "które "
       "tak już tylko może jego jej ich być oraz gdy ten ta te tego tym także więc bo lub",
       "ł ż ź ś ć ą ę ń"},
      {"cs",
       {Script::latin},
       "a v na se je že to s z do o i k ve pro ale jako za by jsou si tak od po který která které "
       "nebo být bylo byl jeho však co když už jen také při podle jsme tedy",
       "ř ě ů š č ž"},
      {"ro",
       {Script::latin},
       "și în de la cu nu o că pe este un a se din care mai pentru sunt ce fi am au fost ca el ea "
       "sau dar prin după când acest această lui lor ale avem atunci",
       "ț ș ă â"},
      {"hu",
       {Script::latin},
       "a az és hogy nem egy is ez azt de van meg volt ki el csak még már mint vagy ha ezt lesz "
       "aki "
       "kell amely minden után itt fel nagyon így akkor tehát",
       "ő ű"},
      {"tr",
       {Script::latin},
       "ve bir bu da de için ile çok olarak daha ne gibi olan en ya kadar sonra var o ki ama mi "
       "her "
       "değil olduğu ise şey göre ben biz yani olur ise",
       "ğ ı ş"},
      {"vi",
       {Script::latin},
       "và của là có không được cho trong một các những này với người để đã khi như ra từ thì về "
       "vào "
       "đó nhiều năm cũng nó đến lại sẽ phải bạn tôi ta vì nên số",
       "đ ơ ư ạ ả ấ ầ ậ ế ề ệ ố ồ ộ ợ ủ ị"},
      {"id",
       {Script::latin},
       "yang dan di dari untuk dengan ini itu pada adalah tidak dalam akan ke oleh juga ada saya "
       "kita "
       "dia mereka atau bisa dapat telah sebagai karena lebih jika kami maka sudah harus satu",
       ""},
      {"sw",
       {Script::latin},
       "na ya wa kwa ni katika za la kuwa hii hiyo cha yake wake kama lakini pia au watu mtu hivyo "
       "kwamba sana yao huo hizo kwenye baada tu si ili",
       ""},
      {"el", {Script::greek}, "", ""},
      {"ru",
       {Script::cyrillic},
       "и в не на что с он как это по но из у за то же все от так его о для она был бы мы вы или "
       "если "
       "уже только когда чтобы они есть быть было их при",
       "ы э ё"},
      {"uk",
       {Script::cyrillic},
       "і в не на що з він як це по але із у за то ж від так його о для вона був би ми ви або якщо "
       "вже тільки коли щоб вони є бути було їх та й",
       "і ї є ґ"},
      {"bg",
       {Script::cyrillic},
       "и в не на че с той като това по но от за се да е са си ще до при или ако вече само когато "
       "те има беше му тя съм сме така което който",
       "ъ"},
      {"hy", {Script::armenian}, "", ""},
      {"he", {Script::hebrew}, "", ""},
      {"ar",
       {Script::arabic},
       "في من على أن إلى التي الذي هذا هذه ما لا كان عن مع هو هي أو كل ذلك بعد قد لم بين عند ثم "
       "حيث "
       "كما إن لكن يكون",
       "ة ى أ إ"},
      {"fa",
       {Script::arabic},
       "و در به از که این را با است برای آن یک خود تا کرد بر هم نیز می شود ما او ها اما یا باید پس "
       "هر کند شده بود دارد",
       "پ چ ژ گ ی ک"},
      {"ur",
       {Script::arabic},
       "کے میں کی ہے اور سے کا کو اس نے پر ہیں یہ کہ ایک بھی تھا وہ جو کر نہیں گیا تو ہو کیا تھے "
       "ہم",
       "ٹ ڈ ڑ ں ے ہ ھ"},
      {"hi",
       {Script::devanagari},
       "के में की है और से का को पर यह हैं कि एक भी था इस नहीं तो ही कर ने लिए हो जो वह या थे हम अब "
       "अपने जब तक करते होता गया अगर इसलिए",
       ""},
      {"mr",
       {Script::devanagari},
       "आणि आहे या व ते हे तो ती मध्ये होते होता आहेत एक नाही हा ही पण त्या तर म्हणून केला असे जे "
       "काही त्यांच्या करून झाले साठी",
       "ळ"},
      {"ne",
       {Script::devanagari},
       "र छ को मा हो यो पनि लागि छन् भएको गर्न एक थियो गरेको भने तथा हुन्छ गर्ने उनले त्यो यस हुन "
       "बाट तर छैन अनि",
       ""},
      {"bn", {Script::bengali}, "", ""},
      {"pa", {Script::gurmukhi}, "", ""},
      {"gu", {Script::gujarati}, "", ""},
      {"or", {Script::oriya}, "", ""},
      {"ta", {Script::tamil}, "", ""},
      {"te", {Script::telugu}, "", ""},
      {"kn", {Script::kannada}, "", ""},
      {"ml", {Script::malayalam}, "", ""},
      {"si", {Script::sinhala}, "", ""},
      {"th", {Script::thai}, "", ""},
      {"lo", {Script::lao}, "", ""},
      {"bo", {Script::tibetan}, "", ""},
      {"my", {Script::myanmar}, "", ""},
      {"ka", {Script::georgian}, "", ""},
      {"am", {Script::ethiopic}, "", ""},
      {"km", {Script::khmer}, "", ""},
      {"ko", {Script::hangul, Script::han}, "", ""},
      {"ja", {Script::hiragana, Script::katakana, Script::han}, "", ""},
      {"zh", {Script::han}, "", ""},
  };
  return kLanguages;
}

}  // namespace gradus::rewards
