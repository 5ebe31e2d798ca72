#include "policy/tokenizer/gguf/gguf_pre_tokenizers.h"

#include <map>

#include "base/error.h"

namespace gradus::policy {
namespace {

using nlohmann::json;

constexpr char kTail[] = R"( ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
constexpr char kGpt2Pieces[] =
    R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)";
constexpr char kContractions[] = R"((?i:'s|'t|'re|'ve|'m|'ll|'d))";
constexpr char kUpper[] = R"([\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}])";
constexpr char kLower[] = R"([\p{Ll}\p{Lm}\p{Lo}\p{M}])";

// GPT-4's family: letters with one leading character, numbers by `digits`, then punctuation.
std::string gpt4_pattern(const std::string& digits) {
  return std::string(kContractions) + R"(|[^\r\n\p{L}\p{N}]?\p{L}+|)" + digits + "|" + kTail;
}

// GPT-4o's family: a word is capitals, then small letters.
std::string gpt4o_pattern(const std::string& digits, const std::string& suffix) {
  const std::string lead = R"([^\r\n\p{L}\p{N}]?)";
  return lead + kUpper + "*" + kLower + "+" + suffix + "|" + lead + kUpper + "+" + kLower + "*" +
         suffix + "|" + digits + R"(| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
}

json split(const std::string& pattern) {
  return {{"type", "Split"},
          {"pattern", {{"Regex", pattern}}},
          {"behavior", "Isolated"},
          {"invert", false}};
}

json digits(bool individual) {
  return {{"type", "Digits"}, {"individual_digits", individual}};
}

json byte_level(bool use_regex) {
  return {{"type", "ByteLevel"},
          {"add_prefix_space", false},
          {"trim_offsets", true},
          {"use_regex", use_regex}};
}

json sequence(std::vector<json> parts) {
  return {{"type", "Sequence"}, {"pretokenizers", std::move(parts)}};
}

struct Entry {
  std::vector<std::string> names;  // the first one is the one to write
  GgufPreTokenizer what;
};

std::vector<Entry> make_entries() {
  const json nfc = {{"type", "NFC"}};
  std::vector<Entry> entries;
  entries.push_back({{"gpt-2", "phi-2", "jina-es", "jina-de", "mpt", "olmo", "jais", "gigachat"},
                     {nullptr, byte_level(true), false}});
  entries.push_back(
      {{"smollm", "starcoder", "refact", "command-r", "codeshell", "exaone", "minerva-7b"},
       {nullptr, sequence({digits(true), byte_level(true)}), false}});
  entries.push_back({{"qwen2", "deepseek-r1-qwen", "stablelm2", "megrez", "hunyuan"},
                     {nfc, sequence({split(gpt4_pattern(R"(\p{N})")), byte_level(false)}), false}});
  const json llama3 = sequence({split(gpt4_pattern(R"(\p{N}{1,3})")), byte_level(false)});
  entries.push_back(
      {{"llama-bpe", "llama3", "llama-v3", "falcon3", "pixtral"}, {nullptr, llama3, true, true}});
  entries.push_back({{"dbrx", "smaug-bpe"}, {nullptr, llama3, false}});
  entries.push_back(
      {{"deepseek-v3"},
       {nullptr,
        sequence({split(R"(\p{N}{1,3})"), split("[一-龥぀-ゟ゠-ヿ]+"),
                  split(R"([!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|)"
                        R"([^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+[\r\n]*|)"
                        R"(\s*[\r\n]+|\s+(?!\S)|\s+)"),
                  byte_level(false)}),
        false}});
  entries.push_back(
      {{"deepseek-coder"},
       {nullptr,
        sequence({split(R"([\r\n])"), split(R"(\s?\p{L}+)"), split(R"(\s?\p{P}+)"),
                  split("[一-龥ࠀ-一가-퟿]+"), digits(true), byte_level(false)}),
        false}});
  entries.push_back(
      {{"tekken"},
       {nullptr, sequence({split(gpt4o_pattern(R"(\p{N})", "")), byte_level(false)}), true, true}});
  entries.push_back(
      {{"gpt-4o", "llama4"},
       {nullptr,
        sequence({split(gpt4o_pattern(R"(\p{N}{1,3})", std::string(kContractions) + "?")),
                  byte_level(false)}),
        false}});
  entries.push_back(
      {{"falcon"},
       {nullptr,
        sequence({split(R"([\p{P}\$\+<=>\^~\|`]+)"), byte_level(true), split("[0-9][0-9][0-9]")}),
        false}});
  entries.push_back({{"default"},
                     {nullptr,
                      // Before bytes are spelled: some of the symbols that stand for them are
                      // digits to a regular expression.
                      sequence({split(R"([\p{P}\$\+<=>\^~\|]+)"), split(kGpt2Pieces),
                                split(R"(\p{N}+)"), split("[0-9][0-9][0-9]"), byte_level(false)}),
                      false}});
  return entries;
}

const std::vector<Entry>& entries() {
  static const std::vector<Entry> all = make_entries();
  return all;
}

}  // namespace

const GgufPreTokenizer& gguf_pre_tokenizer(const std::string& name) {
  const std::string wanted = name.empty() ? "default" : name;
  std::string known;
  for (const Entry& entry : entries()) {
    for (const std::string& one : entry.names) {
      if (one == wanted) return entry.what;
      known += (known.empty() ? "" : ", ") + one;
    }
  }
  throw Error("tokenizer.ggml.pre: \"" + name + "\" is not known; known are " + known);
}

const std::vector<std::string>& gguf_pre_names() {
  static const std::vector<std::string> names = [] {
    std::vector<std::string> out;
    for (const Entry& entry : entries()) out.push_back(entry.names.front());
    return out;
  }();
  return names;
}

}  // namespace gradus::policy
