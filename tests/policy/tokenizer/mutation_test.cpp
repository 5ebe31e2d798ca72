// Seeded mutations of good files: whatever comes of them, only a gradus::Error may come out.

#include <random>

#include "base/error.h"
#include "policy/tokenizer/bpe/byte_level_bpe.h"
#include "policy/tokenizer/chat_template.h"
#include "policy/tokenizer/sentencepiece/sentencepiece_model.h"
#include "tests/policy/tokenizer/fixtures.h"

namespace gradus::policy {
namespace {

class Mutator {
 public:
  explicit Mutator(uint64_t seed) : random_(seed) {}
  size_t below(size_t n) { return n == 0 ? 0 : random_() % n; }

  std::string operator()(std::string bytes, const std::string& words) {
    for (size_t i = 1 + below(4); i > 0 && !bytes.empty(); --i) change(bytes, words);
    return bytes;
  }

 private:
  void change(std::string& bytes, const std::string& words) {
    const size_t at = below(bytes.size());
    switch (below(6)) {
      case 0:
        bytes[at] = static_cast<char>(below(256));
        break;
      case 1:
        bytes.erase(at, 1 + below(8));
        break;
      case 2:
        bytes.insert(at, words, below(words.size()), 1 + below(6));
        break;
      case 3:
        bytes.insert(at, bytes, below(bytes.size()), below(64));
        break;
      case 4:
        bytes[at] = static_cast<char>(bytes[at] ^ (1 << below(8)));
        break;
      default:
        bytes.resize(at);
        break;
    }
  }
  std::mt19937_64 random_;
};

const std::string kTexts[] = {"hello <|im_start|> 123 \u00e9\u4e16 \xFF", std::string("a\0 b", 4),
                              "  \n\t x  7", "<think>\u2581</think>"};

template <class Fn>
int accepted(int count, uint64_t seed, const std::string& good, const std::string& words, Fn&& fn) {
  Mutator mutate(seed);
  int survived = 0;
  for (int i = 0; i < count; ++i) {
    try {
      fn(mutate(good, words));
      ++survived;
    } catch (const Error&) {
    }
  }
  return survived;
}

void use(const Tokenizer& tokenizer) {
  for (const std::string& text : kTexts) {
    const auto ids = tokenizer.encode(text);
    tokenizer.decode(ids);
    for (const int32_t id : ids) tokenizer.token_bytes(id);
  }
}

TEST_CASE("mutated SentencePiece models are refused or work", "[policy][mutation]") {
  const std::pair<const char*, int> models[] = {{"tokenizer_sp_bpe", 600},
                                                {"tokenizer_sp_unigram", 120},
                                                {"tokenizer_sp_unigram_bytes", 120}};
  for (const auto& [name, count] : models) {
    const auto good = fixtures::read(fixtures::path(std::string(name) + "/tokenizer.model"));
    accepted(count, 7, good, std::string("\x0A\x12\xFF\x80\x00\x08", 6),
             [](const std::string& b) { use(SentencePieceModel(SentencePieceProto::parse(b))); });
  }
  std::mt19937_64 random(3);
  for (int i = 0; i < 2000; ++i) {
    std::string bytes(random() % 300, '\0');
    for (char& c : bytes) c = static_cast<char>(random());
    try {
      use(SentencePieceModel(SentencePieceProto::parse(bytes)));
    } catch (const Error&) {
    }
  }
}

TEST_CASE("mutated tokenizer.json files are refused or work", "[policy][mutation]") {
  const std::string good = R"json({"version":"1.0","added_tokens":[{"id":6,"content":"<e>",
    "single_word":true,"lstrip":true,"rstrip":true,"normalized":true,"special":true}],"normalizer":{
    "type":"Sequence","normalizers":[{"type":"NFC"},{"type":"Replace","pattern":{"Regex":"\\s+"},
    "content":" "},{"type":"Prepend","prepend":"x"},{"type":"Strip"}]},"pre_tokenizer":{"type":
    "Sequence","pretokenizers":[{"type":"Split","pattern":{"Regex":
    "(?i:'s)|[^\\r\\n\\p{L}]?\\p{L}+|\\s+(?!\\S)"},"behavior":"MergedWithNext","invert":false},{
    "type":"Digits","individual_digits":true},{"type":"Metaspace","prepend_scheme":"first",
    "split":true},{"type":"ByteLevel"}]},"post_processor":{"type":"TemplateProcessing","single":[{
    "SpecialToken":{"id":"<e>","type_id":0}},{"Sequence":{"id":"A"}}],"special_tokens":{"<e>":{
    "ids":[6]}}},"decoder":{"type":"Sequence","decoders":[{"type":"ByteFallback"},{"type":"Fuse"},{
    "type":"Strip","content":" ","start":1,"stop":0}]},"model":{"type":"BPE","unk_token":"u",
    "fuse_unk":true,"byte_fallback":true,"vocab":{"a":0,"b":1,"ab":2,"u":3,"<0x41>":4,"1":5},
    "merges":["a b"]}})json";
  CHECK_NOTHROW(use(*ByteLevelBpe::from_json(good)));
  const int survived = accepted(4000, 11, good, R"json({}[]",:\0123trufalsen<e>()|*+?[^])json",
                                [](const std::string& b) { use(*ByteLevelBpe::from_json(b)); });
  CHECK(survived > 100);
}

TEST_CASE("mutated chat templates are refused or render", "[policy][mutation]") {
  const std::string folder = std::string(GRADUS_SOURCE_DIR) + "/tests/policy/tokenizer/templates/";
  const nlohmann::ordered_json messages = {{{"role", "system"}, {"content", "s"}},
                                           {{"role", "user"}, {"content", "\u00e9 <think>"}},
                                           {{"role", "assistant"}, {"content", nullptr}}};
  for (const char* name : {"qwen3.jinja", "deepseek_r1.jinja", "in_the_wild.jinja"}) {
    const std::string good = fixtures::read(folder + name);
    accepted(700, 13, good, "{%}-+()[]|.'\"~*/ if for in is not set x messages[::-1]",
             [&](const std::string& b) { ChatTemplate::parse(b).render(messages, nullptr, true); });
  }
}

}  // namespace
}  // namespace gradus::policy
