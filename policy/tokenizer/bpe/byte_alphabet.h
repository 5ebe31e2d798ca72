#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace gradus::policy {

/// GPT-2's printable stand-ins for bytes: 33-126, 161-172 and 174-255 are themselves, the other 68
/// follow in order from U+0100. Byte-level vocabularies are spelled in them.
void append_byte_symbol(std::string& out, uint8_t byte);

/// `bytes` spelled in stand-ins.
std::string to_byte_symbols(std::string_view bytes);

/// Appends the bytes that `symbols` spell; false (and nothing appended) if one of its characters
/// is not a stand-in.
bool append_bytes_of_symbols(std::string& out, std::string_view symbols);

}  // namespace gradus::policy
