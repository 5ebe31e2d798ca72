#include "policy/tokenizer/token_decoder.h"

#include <cctype>

#include "policy/tokenizer/bpe/byte_alphabet.h"
#include "policy/tokenizer/json_component.h"
#include "policy/tokenizer/utf8.h"

namespace gradus::policy {
namespace {

std::string join(const std::vector<std::string>& tokens) {
  std::string out;
  for (const std::string& token : tokens) out += token;
  return out;
}

// The byte that "<0xNN>" stands for, or -1.
int byte_of(std::string_view token) {
  if (token.size() != 6 || !token.starts_with("<0x") || token.back() != '>') return -1;
  if (!std::isxdigit(static_cast<unsigned char>(token[3])) ||
      !std::isxdigit(static_cast<unsigned char>(token[4]))) {
    return -1;
  }
  return std::stoi(std::string(token.substr(3, 2)), nullptr, 16);
}

class ByteLevelDecoder : public TokenDecoder {
 public:
  std::vector<std::string> decode(std::vector<std::string> tokens) const override {
    std::string bytes;
    for (const std::string& token : tokens) {
      if (!append_bytes_of_symbols(bytes, token)) bytes += token;
    }
    return {to_valid_utf8(bytes)};
  }
  std::string middle(std::string token, bool* whole) const override {
    std::string bytes;
    *whole = append_bytes_of_symbols(bytes, token);
    return *whole ? bytes : token;
  }
  std::string signature() const override { return "ByteLevel"; }
};

class ReplaceDecoder : public TokenDecoder {
 public:
  ReplaceDecoder(Regex pattern, std::string content)
      : pattern_(std::move(pattern)), content_(std::move(content)) {}
  std::vector<std::string> decode(std::vector<std::string> tokens) const override {
    for (std::string& token : tokens) token = replace(token);
    return tokens;
  }
  std::string middle(std::string token, bool*) const override { return replace(token); }
  std::string signature() const override {
    return "Replace(" + pattern_.pattern() + "," + content_ + ")";
  }

 private:
  std::string replace(const std::string& token) const {
    std::string out;
    size_t done = 0;
    for (const TextRange& range : pattern_.find_all(token)) {
      out.append(token, done, range.begin - done);
      out += content_;
      done = range.end;
    }
    out.append(token, done);
    return out;
  }
  Regex pattern_;
  std::string content_;
};

class ByteFallbackDecoder : public TokenDecoder {
 public:
  std::vector<std::string> decode(std::vector<std::string> tokens) const override {
    std::vector<std::string> out;
    std::string bytes;
    const auto flush = [&] {
      if (bytes.empty()) return;
      if (is_valid_utf8(bytes)) {
        out.push_back(bytes);
      } else {
        // One replacement for each byte of the run, good ones included: the reference's rule.
        for (size_t i = 0; i < bytes.size(); ++i) out.emplace_back("\xEF\xBF\xBD");
      }
      bytes.clear();
    };
    for (std::string& token : tokens) {
      const int byte = byte_of(token);
      if (byte >= 0) {
        bytes.push_back(static_cast<char>(byte));
        continue;
      }
      flush();
      out.push_back(std::move(token));
    }
    flush();
    return out;
  }
  std::string middle(std::string token, bool* whole) const override {
    const int byte = byte_of(token);
    if (byte < 0) return token;
    *whole = true;
    return std::string(1, static_cast<char>(byte));
  }
  std::string signature() const override { return "ByteFallback"; }
};

class FuseDecoder : public TokenDecoder {
 public:
  std::vector<std::string> decode(std::vector<std::string> tokens) const override {
    return {join(tokens)};
  }
  std::string middle(std::string token, bool* whole) const override {
    *whole = true;
    return token;
  }
  std::string signature() const override { return "Fuse"; }
};

class StripDecoder : public TokenDecoder {
 public:
  StripDecoder(std::string content, int64_t start, int64_t stop)
      : content_(std::move(content)), start_(start), stop_(stop) {}
  std::vector<std::string> decode(std::vector<std::string> tokens) const override {
    for (std::string& token : tokens) token = strip(std::move(token));
    return tokens;
  }
  std::string middle(std::string token, bool*) const override { return strip(std::move(token)); }
  std::string signature() const override {
    return "Strip(" + content_ + "," + std::to_string(start_) + "," + std::to_string(stop_) + ")";
  }

 private:
  std::string strip(std::string token) const {
    for (int64_t i = 0; i < start_ && token.starts_with(content_); ++i) {
      token.erase(0, content_.size());
    }
    for (int64_t i = 0; i < stop_ && token.ends_with(content_); ++i) {
      token.resize(token.size() - content_.size());
    }
    return token;
  }
  std::string content_;
  int64_t start_;
  int64_t stop_;
};

class MetaspaceDecoder : public TokenDecoder {
 public:
  MetaspaceDecoder(std::string replacement, bool prepends)
      : replacement_(std::move(replacement)), prepends_(prepends) {}
  std::vector<std::string> decode(std::vector<std::string> tokens) const override {
    for (size_t i = 0; i < tokens.size(); ++i) {
      tokens[i] = replace(tokens[i], i == 0 && prepends_ ? "" : " ");
    }
    return tokens;
  }
  std::string middle(std::string token, bool*) const override { return replace(token, " "); }
  std::string signature() const override {
    return "Metaspace(" + replacement_ + (prepends_ ? ",prepends)" : ")");
  }

 private:
  std::string replace(const std::string& token, const char* blank) const {
    std::string out;
    for (size_t at = 0; at < token.size();) {
      if (token.compare(at, replacement_.size(), replacement_) == 0) {
        out += blank;
        at += replacement_.size();
      } else {
        out += token[at++];
      }
    }
    return out;
  }
  std::string replacement_;
  bool prepends_;
};

class DecoderSequence : public TokenDecoder {
 public:
  explicit DecoderSequence(std::vector<std::unique_ptr<TokenDecoder>> parts)
      : parts_(std::move(parts)) {}
  std::vector<std::string> decode(std::vector<std::string> tokens) const override {
    for (const auto& part : parts_) tokens = part->decode(std::move(tokens));
    return tokens;
  }
  std::string middle(std::string token, bool* whole) const override {
    for (const auto& part : parts_) {
      if (*whole) break;
      token = part->middle(std::move(token), whole);
    }
    return token;
  }
  std::string signature() const override {
    std::string out;
    for (const auto& part : parts_) out += (out.empty() ? "" : ";") + part->signature();
    return out;
  }

 private:
  std::vector<std::unique_ptr<TokenDecoder>> parts_;
};

}  // namespace

std::unique_ptr<TokenDecoder> parse_token_decoder(const nlohmann::json& json,
                                                  const std::string& path) {
  if (json.is_null()) return nullptr;
  const JsonComponent part(json, path);
  const std::string& type = part.type();
  if (type == "ByteLevel") return std::make_unique<ByteLevelDecoder>();
  if (type == "ByteFallback") return std::make_unique<ByteFallbackDecoder>();
  if (type == "Fuse") return std::make_unique<FuseDecoder>();
  if (type == "Replace") {
    return std::make_unique<ReplaceDecoder>(part.regex("pattern"), part.text("content"));
  }
  if (type == "Strip") {
    const std::string content = part.text("content", " ");
    if (content.empty()) part.refuse("content must be one character");
    return std::make_unique<StripDecoder>(content, part.integer("start", 0),
                                          part.integer("stop", 0));
  }
  if (type == "Metaspace") {
    const bool prefix = part.flag("add_prefix_space", true);
    const std::string scheme = part.text("prepend_scheme", prefix ? "always" : "never");
    const std::string replacement = part.text("replacement", "\xE2\x96\x81");
    if (count_code_points(replacement) != 1) part.refuse("replacement must be one character");
    return std::make_unique<MetaspaceDecoder>(replacement, scheme != "never");
  }
  if (type == "Sequence") {
    std::vector<std::unique_ptr<TokenDecoder>> parts;
    const auto& list = part.list("decoders");
    for (size_t i = 0; i < list.size(); ++i) {
      auto one = parse_token_decoder(list[i], path + ".decoders[" + std::to_string(i) + "]");
      if (one) parts.push_back(std::move(one));
    }
    return std::make_unique<DecoderSequence>(std::move(parts));
  }
  part.refuse_type("ByteLevel, Replace, ByteFallback, Fuse, Strip, Metaspace, Sequence");
}

}  // namespace gradus::policy
