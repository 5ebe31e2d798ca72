#include "policy/tokenizer/tokenizer.h"

#include "base/error.h"
#include "policy/tokenizer/utf8.h"

namespace gradus::policy {

std::vector<int32_t> Tokenizer::with_special(std::vector<int32_t> ids) const {
  if (adds_bos_.value_or(false) && special_.bos) ids.insert(ids.begin(), *special_.bos);
  if (adds_eos_.value_or(false) && !special_.eos.empty()) ids.push_back(special_.eos.front());
  return ids;
}

void Tokenizer::set_special_ids(SpecialIds ids) {
  const auto check = [&](const char* name, int32_t id) {
    if (id >= 0 && id < vocab_size()) return;
    throw ArgumentError(std::string(name) + " token id " + std::to_string(id) +
                        " is outside the vocabulary of " + std::to_string(vocab_size()) +
                        " tokens");
  };
  if (ids.bos) check("bos", *ids.bos);
  for (const int32_t id : ids.eos) check("eos", id);
  if (ids.pad) check("pad", *ids.pad);
  if (ids.unk) check("unk", *ids.unk);
  special_ = std::move(ids);
}

void Tokenizer::set_adds(std::optional<bool> bos, std::optional<bool> eos) {
  adds_bos_ = bos;
  adds_eos_ = eos;
}

std::string StreamDecoder::push(int32_t id) {
  if (skip_special_ && tokenizer_.is_special(id)) return {};
  held_ += tokenizer_.token_bytes(id);
  const size_t kept = incomplete_utf8_suffix(held_);
  std::string text = to_valid_utf8(std::string_view(held_).substr(0, held_.size() - kept));
  held_.erase(0, held_.size() - kept);
  return text;
}

std::string StreamDecoder::finish() {
  std::string text = to_valid_utf8(held_);
  held_.clear();
  return text;
}

}  // namespace gradus::policy
