#pragma once

#include <cstdint>
#include <string>

#include "policy/tokenizer/tokenizer.h"

namespace gradus::policy {

/// Reads lines of JSON with a string `text` and writes each with `ids` (of encode(text), no bos or
/// eos) and `decoded` (of decode(ids)) added or replaced; other fields and their order stay, blank
/// lines fall away. Lone surrogate escapes in a line (\ud800), which no UTF-8 can hold, are read
/// as U+FFFD.
///
/// @return  lines written.
/// @throws gradus::FileError  a file cannot be read or written, or a line is not an object with a
///         string `text`; names the line.
int64_t tokenize_cases(const Tokenizer& tokenizer, const std::string& in_path,
                       const std::string& out_path);

/// A line of JSON with escapes of lone surrogates replaced by \ufffd; pairs are kept.
std::string without_lone_surrogates(const std::string& json_line);

}  // namespace gradus::policy
