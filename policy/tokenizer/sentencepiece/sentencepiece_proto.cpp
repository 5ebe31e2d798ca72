#include "policy/tokenizer/sentencepiece/sentencepiece_proto.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <unordered_set>

#include "base/error.h"
#include "policy/tokenizer/sentencepiece/charsmap.h"
#include "policy/tokenizer/utf8.h"

namespace gradus::policy {
namespace {

constexpr size_t kMaxPieceBytes = 512;
constexpr size_t kMaxPieces = 4'000'000;
constexpr size_t kMaxNameBytes = 4096;
constexpr int kMaxPrefixChain = 32;

// A reader of protobuf's wire format. Lengths are checked before anything is taken.
class Wire {
 public:
  Wire(std::string_view bytes, size_t base) : bytes_(bytes), base_(base) {}

  bool done() const { return at_ == bytes_.size(); }

  // Moves to the next field; its number.
  uint32_t next() {
    const uint64_t key = varint();
    type_ = static_cast<int>(key & 7);
    if (key >> 3 == 0 || key >> 3 > 0x1FFFFFFF) refuse("has a field of no valid number");
    return static_cast<uint32_t>(key >> 3);
  }

  uint64_t integer() {
    if (type_ != 0) refuse("has a field of another type than the format's");
    return varint();
  }
  bool flag() { return integer() != 0; }

  float number() {
    if (type_ != 5) refuse("has a field of another type than the format's");
    const std::string_view raw = take(4);
    float value;
    std::memcpy(&value, raw.data(), 4);
    return value;
  }

  std::string_view bytes() {
    if (type_ != 2) refuse("has a field of another type than the format's");
    return take(varint());
  }
  Wire message() {
    const std::string_view inside = bytes();
    return {inside, base_ + at_ - inside.size()};
  }
  std::string text(size_t limit) {
    const std::string_view raw = bytes();
    if (raw.size() > limit) refuse("has a string of " + std::to_string(raw.size()) + " bytes");
    return std::string(raw);
  }

  void skip() {
    switch (type_) {
      case 0:
        varint();
        return;
      case 1:
        take(8);
        return;
      case 2:
        take(varint());
        return;
      case 5:
        take(4);
        return;
      default:
        refuse("has a field of an unknown wire type");
    }
  }

  [[noreturn]] void refuse(const std::string& what) const {
    throw Error("is not a SentencePiece model: byte " + std::to_string(base_ + at_) + " " + what);
  }

 private:
  uint64_t varint() {
    uint64_t value = 0;
    for (int shift = 0; shift < 64; shift += 7) {
      if (done()) refuse("is the end, inside a number (truncated file?)");
      const auto byte = static_cast<uint8_t>(bytes_[at_++]);
      value |= static_cast<uint64_t>(byte & 0x7F) << shift;
      if (byte < 0x80) return value;
    }
    refuse("has a number of more than 64 bits");
  }
  std::string_view take(uint64_t length) {
    if (length > bytes_.size() - at_) {
      refuse("begins a field of " + std::to_string(length) + " bytes where only " +
             std::to_string(bytes_.size() - at_) + " are left (truncated file?)");
    }
    const std::string_view out = bytes_.substr(at_, length);
    at_ += length;
    return out;
  }

  std::string_view bytes_;
  size_t base_;
  size_t at_ = 0;
  int type_ = 0;
};

SentencePieceProto::Piece read_piece(Wire wire, size_t index) {
  SentencePieceProto::Piece piece;
  while (!wire.done()) {
    switch (wire.next()) {
      case 1: {
        const std::string_view text = wire.bytes();
        if (text.size() > kMaxPieceBytes) {
          throw Error("piece " + std::to_string(index) + " has " + std::to_string(text.size()) +
                      " bytes, at most 512 are allowed");
        }
        piece.text = text;
        break;
      }
      case 2:
        piece.score = wire.number();
        break;
      case 3: {
        const uint64_t type = wire.integer();
        if (type < 1 || type > 6) {
          throw Error("piece " + std::to_string(index) + " has the unknown type " +
                      std::to_string(type));
        }
        piece.type = static_cast<TokenType>(type);
        break;
      }
      default:
        wire.skip();
    }
  }
  return piece;
}

void read_trainer(Wire wire, SentencePieceProto& proto) {
  while (!wire.done()) {
    switch (wire.next()) {
      case 3: {
        const uint64_t type = wire.integer();
        if (type < 1 || type > 4) wire.refuse("ends an unknown model type");
        proto.model_type = static_cast<int>(type);
        break;
      }
      case 24:
        proto.treat_whitespace_as_suffix = wire.flag();
        break;
      case 35:
        proto.byte_fallback = wire.flag();
        break;
      case 44:
        proto.unk_surface = wire.text(kMaxPieceBytes);
        break;
      case 45:
        proto.unk_piece = wire.text(kMaxPieceBytes);
        break;
      case 46:
        proto.bos_piece = wire.text(kMaxPieceBytes);
        break;
      case 47:
        proto.eos_piece = wire.text(kMaxPieceBytes);
        break;
      case 48:
        proto.pad_piece = wire.text(kMaxPieceBytes);
        break;
      default:
        wire.skip();
    }
  }
}

void read_normalizer(Wire wire, SentencePieceProto::Normalizer& out) {
  while (!wire.done()) {
    switch (wire.next()) {
      case 1:
        out.name = wire.text(kMaxNameBytes);
        break;
      case 2:
        out.precompiled_charsmap = wire.bytes();
        break;
      case 3:
        out.add_dummy_prefix = wire.flag();
        break;
      case 4:
        out.remove_extra_whitespaces = wire.flag();
        break;
      case 5:
        out.escape_whitespaces = wire.flag();
        break;
      default:
        wire.skip();
    }
  }
}

[[noreturn]] void refuse_piece(size_t index, const std::string& what) {
  throw Error("piece " + std::to_string(index) + " " + what);
}

void check_text(const std::string& text, size_t index) {
  if (text.empty()) refuse_piece(index, "is empty");
  if (text.size() > kMaxPieceBytes) refuse_piece(index, "is longer than 512 bytes");
  if (text.find('\0') != std::string::npos) refuse_piece(index, "holds a NUL byte");
  if (!is_valid_utf8(text)) refuse_piece(index, "is not valid UTF-8");
}

// The library looks all prefixes of a text up among user-defined symbols, into a fixed array.
void check_prefix_chains(std::vector<std::string_view> symbols) {
  std::sort(symbols.begin(), symbols.end());
  std::vector<std::string_view> chain;
  for (const std::string_view symbol : symbols) {
    while (!chain.empty() && !symbol.starts_with(chain.back())) chain.pop_back();
    chain.push_back(symbol);
    if (chain.size() > kMaxPrefixChain) {
      throw Error("more than 32 user-defined symbols are prefixes of \"" + std::string(symbol) +
                  "\"");
    }
  }
}

void put_varint(std::string& out, uint64_t value) {
  for (; value >= 0x80; value >>= 7) out.push_back(static_cast<char>(value | 0x80));
  out.push_back(static_cast<char>(value));
}
void put_integer(std::string& out, int field, uint64_t value) {
  put_varint(out, static_cast<uint64_t>(field) << 3);
  put_varint(out, value);
}
void put_bytes(std::string& out, int field, std::string_view value) {
  put_varint(out, static_cast<uint64_t>(field) << 3 | 2);
  put_varint(out, value.size());
  out.append(value);
}

std::string serialize_normalizer(const SentencePieceProto::Normalizer& n) {
  std::string out;
  put_bytes(out, 1, n.name);
  put_bytes(out, 2, n.precompiled_charsmap);
  put_integer(out, 3, n.add_dummy_prefix);
  put_integer(out, 4, n.remove_extra_whitespaces);
  put_integer(out, 5, n.escape_whitespaces);
  return out;
}

}  // namespace

SentencePieceProto SentencePieceProto::parse(std::string_view bytes) {
  if (bytes.empty()) throw Error("is empty, not a SentencePiece model");
  SentencePieceProto proto;
  proto.denormalizer.add_dummy_prefix = false;
  Wire wire(bytes, 0);
  while (!wire.done()) {
    switch (wire.next()) {
      case 1:
        if (proto.pieces.size() >= kMaxPieces) wire.refuse("begins piece number 4,000,001");
        proto.pieces.push_back(read_piece(wire.message(), proto.pieces.size()));
        break;
      case 2:
        read_trainer(wire.message(), proto);
        break;
      case 3:
        read_normalizer(wire.message(), proto.normalizer);
        break;
      case 5:
        read_normalizer(wire.message(), proto.denormalizer);
        break;
      default:
        wire.skip();
    }
  }
  proto.check();
  return proto;
}

void SentencePieceProto::check() const {
  if (pieces.empty()) throw Error("holds no pieces: not a SentencePiece model");
  std::unordered_set<std::string_view> seen;
  std::vector<std::string_view> user_defined;
  size_t unknown = 0;
  size_t bytes = 0;
  size_t normal = 0;
  for (size_t i = 0; i < pieces.size(); ++i) {
    const Piece& piece = pieces[i];
    check_text(piece.text, i);
    if (!std::isfinite(piece.score)) refuse_piece(i, "has a score that is not finite");
    if (!seen.insert(piece.text).second) refuse_piece(i, "repeats \"" + piece.text + "\"");
    if (piece.type == TokenType::kUserDefined) user_defined.push_back(piece.text);
    unknown += piece.type == TokenType::kUnknown;
    normal += piece.type == TokenType::kNormal || piece.type == TokenType::kUserDefined;
    if (piece.type == TokenType::kByte) {
      ++bytes;
      const std::string& t = piece.text;
      const auto hex = [](char c) { return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'F'); };
      if (t.size() != 6 || !t.starts_with("<0x") || !hex(t[3]) || !hex(t[4]) || t[5] != '>') {
        refuse_piece(i, "is a byte but not spelled <0xNN>");
      }
    }
  }
  if (unknown != 1) {
    throw Error("has " + std::to_string(unknown) + " unknown pieces (type 2), must have one");
  }
  if (normal == 0) throw Error("has no piece that stands for text");
  if (bytes != (byte_fallback ? 256 : 0)) {
    throw Error("has " + std::to_string(bytes) + " byte pieces, with byte_fallback " +
                (byte_fallback ? "on: must be 256" : "off: must be none"));
  }
  check_prefix_chains(std::move(user_defined));
  for (const std::string* text : {&unk_piece, &bos_piece, &eos_piece, &pad_piece, &unk_surface}) {
    if (!is_valid_utf8(*text)) throw Error("trainer_spec holds a string that is not valid UTF-8");
  }
  if (!is_valid_utf8(normalizer.name) || !is_valid_utf8(denormalizer.name)) {
    throw Error("normalizer_spec.name is not valid UTF-8");
  }
  check_charsmap(normalizer.precompiled_charsmap, "normalizer_spec.precompiled_charsmap");
  check_charsmap(denormalizer.precompiled_charsmap, "denormalizer_spec.precompiled_charsmap");
}

std::string SentencePieceProto::serialize() const {
  std::string out;
  for (const Piece& piece : pieces) {
    std::string one;
    put_bytes(one, 1, piece.text);
    put_varint(one, 2 << 3 | 5);
    one.append(reinterpret_cast<const char*>(&piece.score), 4);
    put_integer(one, 3, static_cast<uint64_t>(piece.type));
    put_bytes(out, 1, one);
  }
  std::string trainer;
  put_integer(trainer, 3, static_cast<uint64_t>(model_type));
  put_integer(trainer, 4, pieces.size());
  put_integer(trainer, 24, treat_whitespace_as_suffix);
  put_integer(trainer, 35, byte_fallback);
  put_bytes(trainer, 44, unk_surface);
  put_bytes(trainer, 45, unk_piece);
  put_bytes(trainer, 46, bos_piece);
  put_bytes(trainer, 47, eos_piece);
  put_bytes(trainer, 48, pad_piece);
  put_bytes(out, 2, trainer);
  put_bytes(out, 3, serialize_normalizer(normalizer));
  if (!denormalizer.precompiled_charsmap.empty()) {
    put_bytes(out, 5, serialize_normalizer(denormalizer));
  }
  return out;
}

}  // namespace gradus::policy
