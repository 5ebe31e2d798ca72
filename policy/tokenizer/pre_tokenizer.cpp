#include "policy/tokenizer/pre_tokenizer.h"

#include <functional>
#include <utility>

#include "policy/tokenizer/bpe/byte_alphabet.h"
#include "policy/tokenizer/canonical_pattern.h"
#include "policy/tokenizer/json_component.h"
#include "policy/tokenizer/utf8.h"

namespace gradus::policy {
namespace {

constexpr char kGpt2Pattern[] =
    R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)";

enum class Behaviour { kIsolated, kRemoved, kMergedWithPrevious, kMergedWithNext, kContiguous };

constexpr std::pair<const char*, Behaviour> kBehaviours[] = {
    {"Isolated", Behaviour::kIsolated},
    {"Removed", Behaviour::kRemoved},
    {"MergedWithPrevious", Behaviour::kMergedWithPrevious},
    {"MergedWithNext", Behaviour::kMergedWithNext},
    {"Contiguous", Behaviour::kContiguous},
};

// A part of a piece: matched by the delimiter's pattern or between matches.
struct Part {
  size_t begin;
  size_t end;
  bool is_match;
};

// Joins matches to their neighbours as `behaviour` says; afterwards is_match means "drop it".
std::vector<Part> join(std::vector<Part> parts, Behaviour behaviour) {
  if (behaviour == Behaviour::kRemoved) return parts;
  std::vector<Part> out;
  const auto keep = [&](const Part& p) { out.push_back({p.begin, p.end, false}); };
  bool previous = false;
  switch (behaviour) {
    case Behaviour::kContiguous:
      for (const Part& p : parts) {
        if (p.is_match == previous && !out.empty()) {
          out.back().end = p.end;
        } else {
          keep(p);
        }
        previous = p.is_match;
      }
      return out;
    case Behaviour::kMergedWithPrevious:
      for (const Part& p : parts) {
        if (p.is_match && !previous && !out.empty()) {
          out.back().end = p.end;
        } else {
          keep(p);
        }
        previous = p.is_match;
      }
      return out;
    case Behaviour::kMergedWithNext:
      for (auto p = parts.rbegin(); p != parts.rend(); ++p) {
        if (p->is_match && !previous && !out.empty()) {
          out.back().begin = p->begin;
        } else {
          keep(*p);
        }
        previous = p->is_match;
      }
      return {out.rbegin(), out.rend()};
    default:
      for (const Part& p : parts) keep(p);
      return out;
  }
}

using Finder = std::function<std::vector<TextRange>(std::string_view)>;

// Cuts at what `find` finds in each piece.
void split_pieces(Pieces& pieces, const Finder& find, Behaviour behaviour, bool invert) {
  std::vector<std::string_view> out;
  bool begins_text = pieces.begins_text;
  std::vector<Part> parts;
  for (size_t i = 0; i < pieces.list.size(); ++i) {
    const std::string_view piece = pieces.list[i];
    parts.clear();
    size_t done = 0;
    for (const TextRange& match : find(piece)) {
      if (done < match.begin) parts.push_back({done, match.begin, invert});
      parts.push_back({match.begin, match.end, !invert});
      done = match.end;
    }
    if (done < piece.size()) parts.push_back({done, piece.size(), invert});
    for (const Part& part : join(parts, behaviour)) {
      if (part.begin == part.end) continue;
      if (part.is_match) {
        if (out.empty()) begins_text = false;
      } else {
        out.push_back(piece.substr(part.begin, part.end - part.begin));
      }
    }
  }
  pieces.list = std::move(out);
  pieces.begins_text = begins_text;
}

// Ranges of single characters for which `holds` is true.
Finder each_char(bool (*holds)(char32_t)) {
  return [holds](std::string_view text) {
    std::vector<TextRange> found;
    for (size_t at = 0; at < text.size();) {
      const Utf8Step step = read_utf8(text.substr(at));
      const size_t end = at + step.length;
      if (holds(step.code_point)) found.push_back({at, end});
      at = end;
    }
    return found;
  };
}

class Split : public PreTokenizer {
 public:
  Split(Regex regex, Behaviour behaviour, bool invert)
      : regex_(std::move(regex)), behaviour_(behaviour), invert_(invert) {}
  void apply(Pieces& pieces) const override {
    split_pieces(
        pieces, [this](std::string_view t) { return regex_.find_all(t); }, behaviour_, invert_);
  }
  std::string signature() const override {
    const std::string pattern = canonical_pattern(regex_.pattern());
    // Where the pattern leaves nothing between its matches, to drop that is to keep the matches.
    const bool keeps_all = behaviour_ == Behaviour::kRemoved && invert_ && covers_all_text(pattern);
    const Behaviour behaviour = keeps_all ? Behaviour::kIsolated : behaviour_;
    const bool turns = invert_ && behaviour != Behaviour::kIsolated;
    return "Split(" + pattern + "," + kBehaviours[static_cast<int>(behaviour)].first +
           (turns ? ",inverted)" : ")");
  }

 private:
  Regex regex_;
  Behaviour behaviour_;
  bool invert_;
};

// Splits by a property of single characters.
class CharSplit : public PreTokenizer {
 public:
  CharSplit(std::string name, bool (*holds)(char32_t), Behaviour behaviour)
      : name_(std::move(name)), find_(each_char(holds)), behaviour_(behaviour) {}
  void apply(Pieces& pieces) const override { split_pieces(pieces, find_, behaviour_, false); }
  std::string signature() const override {
    if (name_ == "Digits") {  // a digit is \p{N}
      return behaviour_ == Behaviour::kIsolated ? R"(Split(\p{N},Isolated))"
                                                : R"(Split(\p{N}+,Isolated))";
    }
    return name_ + "(" + kBehaviours[static_cast<int>(behaviour_)].first + ")";
  }

 private:
  std::string name_;
  Finder find_;
  Behaviour behaviour_;
};

class ByteLevel : public PreTokenizer {
 public:
  ByteLevel(bool add_prefix_space, bool use_regex)
      : add_prefix_space_(add_prefix_space), regex_(use_regex ? kGpt2Pattern : "") {}

  void apply(Pieces& pieces) const override {
    if (add_prefix_space_) prefix_spaces(pieces);
    if (!regex_.pattern().empty()) {
      split_pieces(
          pieces, [this](std::string_view t) { return regex_.find_all(t); }, Behaviour::kIsolated,
          false);
    }
    spell_bytes(pieces);
  }
  std::string signature() const override {
    if (add_prefix_space_)
      return regex_.pattern().empty() ? "ByteLevel(prefix)" : "ByteLevel(prefix,regex)";
    if (regex_.pattern().empty()) return "ByteLevel()";
    return "Split(" + canonical_pattern(kGpt2Pattern) + ",Isolated);ByteLevel()";
  }

 private:
  static void prefix_spaces(Pieces& pieces) {
    for (std::string_view& piece : pieces.list) {
      if (piece.front() == ' ') continue;
      piece = pieces.buffers.emplace_back(" " + std::string(piece));
    }
  }

  static void spell_bytes(Pieces& pieces) {
    size_t total = 0;
    for (const std::string_view piece : pieces.list) total += piece.size();
    std::string& buffer = pieces.buffers.emplace_back();
    buffer.reserve(2 * total);  // no reallocation below: the views must hold
    for (std::string_view& piece : pieces.list) {
      const size_t begin = buffer.size();
      for (const char c : piece) append_byte_symbol(buffer, static_cast<uint8_t>(c));
      piece = std::string_view(buffer).substr(begin);
    }
  }

  bool add_prefix_space_;
  Regex regex_;
};

class Metaspace : public PreTokenizer {
 public:
  enum class Scheme { kAlways, kFirst, kNever };

  Metaspace(std::string replacement, Scheme scheme, bool split)
      : replacement_(std::move(replacement)),
        scheme_(scheme),
        split_(split),
        delimiter_(Regex::literal(replacement_)) {}

  void apply(Pieces& pieces) const override {
    for (size_t i = 0; i < pieces.list.size(); ++i) {
      std::string text;
      for (const char c : pieces.list[i]) {
        if (c == ' ') {
          text += replacement_;
        } else {
          text += c;
        }
      }
      const bool wanted =
          scheme_ == Scheme::kAlways || (scheme_ == Scheme::kFirst && i == 0 && pieces.begins_text);
      if (wanted && !text.starts_with(replacement_)) text.insert(0, replacement_);
      pieces.list[i] = pieces.buffers.emplace_back(std::move(text));
    }
    if (!split_) return;
    split_pieces(
        pieces, [this](std::string_view t) { return delimiter_.find_all(t); },
        Behaviour::kMergedWithNext, false);
  }
  std::string signature() const override {
    return "Metaspace(" + replacement_ + "," + std::to_string(static_cast<int>(scheme_)) +
           (split_ ? ",split)" : ")");
  }

 private:
  std::string replacement_;
  Scheme scheme_;
  bool split_;
  Regex delimiter_;
};

class PreTokenizerSequence : public PreTokenizer {
 public:
  explicit PreTokenizerSequence(std::vector<std::unique_ptr<PreTokenizer>> parts)
      : parts_(std::move(parts)) {}
  void apply(Pieces& pieces) const override {
    for (const auto& part : parts_) part->apply(pieces);
  }
  std::string signature() const override {
    std::string out;
    for (const auto& part : parts_) out += (out.empty() ? "" : ";") + part->signature();
    return out;
  }

 private:
  std::vector<std::unique_ptr<PreTokenizer>> parts_;
};

Behaviour read_behaviour(const JsonComponent& part, const char* otherwise) {
  const std::string name = part.text("behavior", otherwise);
  for (const auto& [known, behaviour] : kBehaviours) {
    if (name == known) return behaviour;
  }
  part.refuse("behavior \"" + name + "\" is not known");
}

std::unique_ptr<PreTokenizer> read_metaspace(const JsonComponent& part) {
  const std::string replacement = part.text("replacement", "\xE2\x96\x81");
  if (count_code_points(replacement) != 1) part.refuse("replacement must be one character");
  const bool prefix = part.flag("add_prefix_space", true);
  const std::string scheme = part.text("prepend_scheme", prefix ? "always" : "never");
  using Scheme = Metaspace::Scheme;
  Scheme read = Scheme::kAlways;
  if (scheme == "first") {
    read = Scheme::kFirst;
  } else if (scheme == "never") {
    read = Scheme::kNever;
  } else if (scheme != "always") {
    part.refuse("prepend_scheme \"" + scheme + "\" is not known");
  }
  return std::make_unique<Metaspace>(replacement, read, part.flag("split", true));
}

std::unique_ptr<PreTokenizer> read_sequence(const JsonComponent& part) {
  std::vector<std::unique_ptr<PreTokenizer>> parts;
  const auto& list = part.list("pretokenizers");
  for (size_t i = 0; i < list.size(); ++i) {
    auto one =
        parse_pre_tokenizer(list[i], part.path() + ".pretokenizers[" + std::to_string(i) + "]");
    if (one) parts.push_back(std::move(one));
  }
  return std::make_unique<PreTokenizerSequence>(std::move(parts));
}

std::unique_ptr<PreTokenizer> read_bert() {
  std::vector<std::unique_ptr<PreTokenizer>> parts;
  parts.push_back(
      std::make_unique<CharSplit>("WhitespaceSplit", is_white_space, Behaviour::kRemoved));
  parts.push_back(std::make_unique<CharSplit>("Punctuation", is_punctuation, Behaviour::kIsolated));
  return std::make_unique<PreTokenizerSequence>(std::move(parts));
}

}  // namespace

std::unique_ptr<PreTokenizer> parse_pre_tokenizer(const nlohmann::json& json,
                                                  const std::string& path) {
  if (json.is_null()) return nullptr;
  const JsonComponent part(json, path);
  const std::string& type = part.type();
  if (type == "Sequence") return read_sequence(part);
  if (type == "ByteLevel") {
    return std::make_unique<ByteLevel>(part.flag("add_prefix_space", true),
                                       part.flag("use_regex", true));
  }
  if (type == "Digits") {
    const bool single = part.flag("individual_digits", false);
    return std::make_unique<CharSplit>("Digits", is_numeric,
                                       single ? Behaviour::kIsolated : Behaviour::kContiguous);
  }
  if (type == "Split") {
    return std::make_unique<Split>(part.regex("pattern"), read_behaviour(part, "Isolated"),
                                   part.flag("invert", false));
  }
  if (type == "Metaspace") return read_metaspace(part);
  if (type == "Whitespace") {
    return std::make_unique<Split>(Regex(R"([\w]+|[^\w\s]+)"), Behaviour::kRemoved, true);
  }
  if (type == "WhitespaceSplit") {
    return std::make_unique<CharSplit>(type, is_white_space, Behaviour::kRemoved);
  }
  if (type == "Punctuation") {
    return std::make_unique<CharSplit>(type, is_punctuation, read_behaviour(part, "Isolated"));
  }
  if (type == "BertPreTokenizer") return read_bert();
  if (type == "CharDelimiterSplit") {
    return std::make_unique<Split>(Regex::literal(part.text("delimiter")), Behaviour::kRemoved,
                                   false);
  }
  part.refuse_type(
      "Sequence, ByteLevel, Digits, Split, Metaspace, Whitespace, WhitespaceSplit, Punctuation, "
      "BertPreTokenizer, CharDelimiterSplit");
}

}  // namespace gradus::policy
