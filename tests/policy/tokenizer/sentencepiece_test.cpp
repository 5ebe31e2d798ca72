#include "base/error.h"
#include "policy/tokenizer/sentencepiece/charsmap.h"
#include "policy/tokenizer/sentencepiece/sentencepiece_model.h"
#include "policy/tokenizer/sentencepiece/sentencepiece_trainer.h"
#include "tests/policy/tokenizer/fixtures.h"

namespace gradus::policy {
namespace {

using Ids = std::vector<int32_t>;
using Proto = SentencePieceProto;

Proto small_model() {
  Proto proto;
  proto.model_type = Proto::kBpe;
  proto.pieces = {{"<unk>", 0, TokenType::kUnknown},       {"<s>", 0, TokenType::kControl},
                  {"</s>", 0, TokenType::kControl},        {"<|end|>", 0, TokenType::kUserDefined},
                  {"<think>", 0, TokenType::kUserDefined}, {"a", -1, TokenType::kNormal},
                  {"b", -2, TokenType::kNormal},           {"ab", -0.5F, TokenType::kNormal},
                  {"\u2581", -3, TokenType::kNormal}};
  return proto;
}

std::string refusal(const std::string& bytes) {
  try {
    Proto::parse(bytes);
  } catch (const Error& error) {
    return error.what();
  }
  return "accepted";
}

std::string refusal(const Proto& proto) {
  return refusal(proto.serialize());
}

TEST_CASE("a model survives being written and read", "[policy][sentencepiece]") {
  CHECK(refusal(small_model()) == "accepted");
  CHECK(Proto::parse(small_model().serialize()).serialize() == small_model().serialize());
}

TEST_CASE("broken bytes of a model are refused with their place", "[policy][sentencepiece]") {
  CHECK_THAT(refusal(""), Catch::Contains("is empty"));
  CHECK_THAT(refusal(std::string("\x0A\x80\x94\xEB\xDC\x03", 6)), Catch::Contains("truncated"));
  CHECK_THAT(refusal(std::string("\x0A\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x01", 11)),
             Catch::Contains("truncated"));
  CHECK(refusal("hello, I am no protobuf") != "accepted");
  const std::string good = small_model().serialize();
  for (size_t cut = 0; cut < good.size(); ++cut) {
    try {  // a cut between two fields is a smaller model, and may be a good one
      const SentencePieceModel model(Proto::parse(good.substr(0, cut)));
      model.encode("ab a", true);
    } catch (const Error&) {
    }
  }
}

TEST_CASE("what makes the library read past its arrays is refused", "[policy][sentencepiece]") {
  Proto p = small_model();
  p.pieces[5].text = std::string(600, 'x');
  CHECK_THAT(refusal(p), Catch::Contains("600 bytes"));
  p = small_model();
  p.pieces[5].text = std::string("a\0b", 3);
  CHECK_THAT(refusal(p), Catch::Contains("NUL"));
  p = small_model();
  p.pieces[5].text = "b";
  CHECK_THAT(refusal(p), Catch::Contains("piece 6 repeats \"b\""));
  p = small_model();
  p.pieces[0].type = TokenType::kNormal;
  CHECK_THAT(refusal(p), Catch::Contains("unknown pieces"));
  p = small_model();
  p.pieces[5].score = NAN;
  CHECK_THAT(refusal(p), Catch::Contains("not finite"));
  p = small_model();
  p.pieces[5].text = "\xFF";
  CHECK_THAT(refusal(p), Catch::Contains("UTF-8"));
  p = small_model();
  p.byte_fallback = true;
  CHECK_THAT(refusal(p), Catch::Contains("byte pieces"));
  p = small_model();
  std::string chain;
  for (int i = 0; i < 40; ++i) {
    chain += "x";
    p.pieces.push_back({chain, 0, TokenType::kUserDefined});
  }
  CHECK_THAT(refusal(p), Catch::Contains("prefixes"));
}

std::string charsmap_of(std::vector<uint32_t> units, const std::string& strings) {
  const auto size = static_cast<uint32_t>(units.size() * 4);
  std::string out(reinterpret_cast<const char*>(&size), 4);
  return out.append(reinterpret_cast<const char*>(units.data()), size) + strings;
}

TEST_CASE("a charsmap whose trie leaves its array is refused", "[policy][sentencepiece]") {
  const std::string strings("x\0", 2);
  const auto refused = [&](const std::string& map) {
    try {
      check_charsmap(map, "charsmap");
    } catch (const Error& error) {
      return std::string(error.what());
    }
    return std::string("accepted");
  };
  std::vector<uint32_t> units(256, 0);
  CHECK(refused("") == "accepted");
  CHECK(refused(charsmap_of(units, strings)) == "accepted");
  CHECK_THAT(refused(charsmap_of(units, "x")), Catch::Contains("NUL"));
  CHECK_THAT(refused("ab"), Catch::Contains("too short"));
  units[0] = 0xFFFFFC00;  // the root unit's children lie far outside (issue 1269)
  CHECK_THAT(refused(charsmap_of(units, strings)), Catch::Contains("outside its array"));
  units[0] = 0;
  units['a'] = 'a' | 'a' << 10;  // a child whose children are the root's own: a circle
  CHECK_THAT(refused(charsmap_of(units, strings)), Catch::Contains("circle"));
  units.assign(512, 0);
  units['a'] = 'a' | 1 << 8 | (256 ^ 'a') << 10;
  units[256] = 0x80000000 | 77;  // the value of "a": past the strings
  CHECK_THAT(refused(charsmap_of(units, strings)), Catch::Contains("outside its strings"));
  units[256] = 0x80000000;
  CHECK(refused(charsmap_of(units, strings)) == "accepted");
}

TEST_CASE("a long run of unknown characters is one token soon, also behind a charsmap",
          "[policy][sentencepiece]") {
  Proto proto = small_model();
  proto.normalizer.add_dummy_prefix = false;
  // Z becomes a.
  std::vector<uint32_t> units(512, 0);
  units['Z'] = 'Z' | 1 << 8 | (256 ^ 'Z') << 10;
  units[256] = 0x80000000;
  proto.normalizer.precompiled_charsmap = charsmap_of(units, std::string("a\0", 2));
  const SentencePieceModel model(proto);
  CHECK(model.encode("Zb", true) == model.encode("ab", true));
  std::string unknown;
  for (int i = 0; i < 300'000; ++i) unknown += "\u6f22";  // quadratic: minutes
  CHECK(model.encode(unknown, true) == Ids{0});
  CHECK(model.encode(unknown + "Zb" + unknown, true) == Ids{0, 7, 0});
  // Characters that a rule reads are no run, however many there are.
  CHECK(model.encode(std::string(3000, 'Z'), true) == model.encode(std::string(3000, 'a'), true));
  const CharsmapTrie trie(proto.normalizer.precompiled_charsmap);
  CHECK(trie.begins_rule("Z"));
  CHECK_FALSE(trie.begins_rule("Y"));
  CHECK_FALSE(trie.begins_rule("ZZ"));
  CHECK_FALSE(CharsmapTrie("").begins_rule("Z"));
}

TEST_CASE("control symbols in text are text, unless the options name them",
          "[policy][sentencepiece]") {
  Proto proto = small_model();
  proto.normalizer.add_dummy_prefix = false;
  const SentencePieceModel bare(proto);
  CHECK(bare.encode("ab</s>", true).front() == 7);
  CHECK(bare.encode("ab</s>", true).back() != 2);
  CHECK(bare.encode("a<|end|>b", true) == Ids{5, 3, 6});
  CHECK(bare.encode("a<|end|>b", false) == Ids{5, 0, 6});
  CHECK(bare.encode("a<think>b", false) == Ids{5, 4, 6});
  CHECK(bare.bos_id() == 1);
  CHECK(bare.eos_ids() == Ids{2});

  SentencePieceOptions options;
  options.added_tokens = {{2, "</s>", false, false, false, false, true},
                          {9, "<new>", false, false, false, false, false}};
  const SentencePieceModel named(proto, options);
  CHECK(named.vocab_size() == 10);
  CHECK(named.encode("ab</s>a<new>", true) == Ids{7, 2, 5, 9});
  CHECK(named.encode("a</s>", false).size() == 2);
  CHECK(named.decode(Ids{7, 2, 9}, false) == "ab</s><new>");
  CHECK(named.decode(Ids{7, 2, 9}, true) == "ab<new>");
  options.added_tokens[1].id = 5;
  CHECK_THROWS_AS(SentencePieceModel(proto, options), Error);
}

TEST_CASE("only a text's beginning has the dummy prefix if the options say so",
          "[policy][sentencepiece]") {
  SentencePieceOptions options;
  options.added_tokens = {{2, "</s>", false, false, false, false, true}};
  CHECK(SentencePieceModel(small_model(), options).encode("a</s>b", true) == Ids{8, 5, 2, 8, 6});
  options.prefix_after_added = false;
  CHECK(SentencePieceModel(small_model(), options).encode("a</s>b", true) == Ids{8, 5, 2, 6});
}

TEST_CASE("any bytes can be encoded and any ids decoded", "[policy][sentencepiece]") {
  const SentencePieceModel model(small_model());
  for (const std::string& text : {std::string("\xFF\xFE"), std::string("a\0b", 3),
                                  std::string("\xED\xA0\x80"), std::string(1 << 20, 'a')}) {
    CHECK(!model.encode(text, true).empty());
  }
  CHECK(model.decode(Ids{-5, 7, 1000000}, false) == "ab");
  CHECK(model.token_bytes(8) == " ");
  CHECK(model.token_bytes(-1).empty());
}

TEST_CASE("a small BPE model can be trained and keeps its symbols", "[policy][sentencepiece]") {
  std::vector<std::string> lines;
  for (int i = 0; i < 200; ++i) lines.push_back("what is " + std::to_string(i) + " plus one? ok");
  SentencePieceTraining options;
  options.vocab_size = 300;
  options.user_defined_symbols = {"<think>", "</think>", "<|im_start|>", "<|im_end|>"};
  const std::string bytes = train_sentencepiece(options, lines);
  CHECK(train_sentencepiece(options, lines) == bytes);
  const SentencePieceModel model(Proto::parse(bytes));
  CHECK(model.vocab_size() == 300);
  const std::string text = "<|im_start|>what  is\n12 \u00e9<think>";
  const Ids ids = model.encode(text, true);
  CHECK(model.decode(ids, false) == text);
  CHECK(ids.front() == *model.find("<|im_start|>"));
  CHECK(model.is_special(*model.find("<|im_start|>")));
  CHECK_FALSE(model.is_special(*model.find("<think>")));
  CHECK(!model.find("12"));
  options.vocab_size = 100000;
  CHECK_THROWS_AS(train_sentencepiece(options, lines), ArgumentError);
  CHECK_THROWS_AS(train_sentencepiece(options, {}), ArgumentError);
}

}  // namespace
}  // namespace gradus::policy
