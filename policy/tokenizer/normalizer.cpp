#include "policy/tokenizer/normalizer.h"

#include <vector>

#include "base/error.h"
#include "policy/tokenizer/json_component.h"
#include "policy/tokenizer/utf8.h"

namespace gradus::policy {
namespace {

// A normaliser makes a text a few times longer at most: U+FDFA becomes 18 characters.
constexpr size_t kMostGrowth = 32;
constexpr size_t kFreeBytes = 1 << 20;  // short texts may grow by more, as a whole word may

void check_growth(size_t before, size_t after) {
  if (after > kFreeBytes && after / kMostGrowth > before) {
    throw Error("the normalizer makes " + std::to_string(after) + " bytes of a text of " +
                std::to_string(before) + "; more than " + std::to_string(kMostGrowth) +
                " times as long is refused");
  }
}

class UnicodeForm : public Normalizer {
 public:
  explicit UnicodeForm(std::string name) : name_(std::move(name)) {}
  std::string normalize(std::string_view text) const override {
    return normalize_unicode(text, name_.find('K') != std::string::npos, name_.back() == 'C');
  }
  std::string signature() const override { return name_; }

 private:
  std::string name_;
};

class Lowercase : public Normalizer {
 public:
  std::string normalize(std::string_view text) const override {
    std::string out;
    out.reserve(text.size());
    for (size_t at = 0; at < text.size();) {
      const Utf8Step step = read_utf8(text.substr(at));
      append_lower_case(out, step.code_point);
      at += step.length;
    }
    return out;
  }
  std::string signature() const override { return "Lowercase"; }
};

class Strip : public Normalizer {
 public:
  Strip(bool left, bool right) : left_(left), right_(right) {}
  std::string normalize(std::string_view text) const override {
    size_t begin = 0;
    size_t end = 0;
    bool seen = false;
    for (size_t at = 0; at < text.size();) {
      const Utf8Step step = read_utf8(text.substr(at));
      if (!is_white_space(step.code_point)) {
        if (!seen) begin = at;
        seen = true;
        end = at + step.length;
      }
      at += step.length;
    }
    if (!seen && (left_ || right_)) return {};
    if (!left_) begin = 0;
    if (!right_) end = text.size();
    return std::string(text.substr(begin, end - begin));
  }
  std::string signature() const override {
    return std::string("Strip(") + (left_ ? "l" : "") + (right_ ? "r" : "") + ")";
  }

 private:
  bool left_;
  bool right_;
};

class Prepend : public Normalizer {
 public:
  explicit Prepend(std::string prefix) : prefix_(std::move(prefix)) {}
  std::string normalize(std::string_view text) const override {
    return text.empty() ? std::string() : prefix_ + std::string(text);
  }
  std::string signature() const override { return "Prepend(" + prefix_ + ")"; }

 private:
  std::string prefix_;
};

class Replace : public Normalizer {
 public:
  Replace(Regex pattern, std::string content)
      : pattern_(std::move(pattern)), content_(std::move(content)) {}
  std::string normalize(std::string_view text) const override {
    std::string out;
    size_t done = 0;
    for (const TextRange& range : pattern_.find_all(text)) {
      out.append(text.substr(done, range.begin - done));
      out.append(content_);
      check_growth(text.size(), out.size());
      done = range.end;
    }
    out.append(text.substr(done));
    return out;
  }
  std::string signature() const override {
    return "Replace(" + pattern_.pattern() + "," + content_ + ")";
  }

 private:
  Regex pattern_;
  std::string content_;
};

class NormalizerSequence : public Normalizer {
 public:
  explicit NormalizerSequence(std::vector<std::unique_ptr<Normalizer>> parts)
      : parts_(std::move(parts)) {}
  std::string normalize(std::string_view text) const override {
    std::string out(text);
    for (const auto& part : parts_) {
      out = part->normalize(out);
      check_growth(text.size(), out.size());
    }
    return out;
  }
  std::string signature() const override {
    std::string out;
    for (const auto& part : parts_) out += (out.empty() ? "" : ";") + part->signature();
    return out;
  }

 private:
  std::vector<std::unique_ptr<Normalizer>> parts_;
};

}  // namespace

std::unique_ptr<Normalizer> parse_normalizer(const nlohmann::json& json, const std::string& path) {
  if (json.is_null()) return nullptr;
  const JsonComponent part(json, path);
  const std::string& type = part.type();
  if (type == "NFC" || type == "NFD" || type == "NFKC" || type == "NFKD") {
    return std::make_unique<UnicodeForm>(type);
  }
  if (type == "Lowercase") return std::make_unique<Lowercase>();
  if (type == "Strip") {
    return std::make_unique<Strip>(part.flag("strip_left", true), part.flag("strip_right", true));
  }
  if (type == "Prepend") return std::make_unique<Prepend>(part.text("prepend"));
  if (type == "Replace") {
    return std::make_unique<Replace>(part.regex("pattern"), part.text("content"));
  }
  if (type == "Sequence") {
    std::vector<std::unique_ptr<Normalizer>> parts;
    const auto& list = part.list("normalizers");
    for (size_t i = 0; i < list.size(); ++i) {
      auto one = parse_normalizer(list[i], path + ".normalizers[" + std::to_string(i) + "]");
      if (one) parts.push_back(std::move(one));
    }
    return std::make_unique<NormalizerSequence>(std::move(parts));
  }
  part.refuse_type("NFC, NFD, NFKC, NFKD, Lowercase, Strip, Prepend, Replace, Sequence");
}

}  // namespace gradus::policy
