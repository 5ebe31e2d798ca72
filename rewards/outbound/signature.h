#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace gradus::rewards::outbound {

/// The key of signatures from its text: the decoded rest of `whsec_` and base64, or the text's own
/// bytes. @throws gradus::ArgumentError  empty, or the rest of `whsec_` is no base64.
std::string signing_key(std::string_view text);

/// The one key that a file holds, without the blanks behind it.
/// @throws gradus::FileError  kind "invalid_key": none, or more than one; those of read_file.
std::string read_key_file(const std::string& path);

/// signing_key of what the file holds. @throws gradus::FileError  as above.
std::string read_signing_key(const std::string& path);

/// Headers by which a server knows that a request is ours and unchanged (Standard Webhooks 1.0):
/// `webhook-id`, `webhook-timestamp` in Unix seconds, and `webhook-signature`:
///
///   "v1," + base64(HMAC-SHA256(key, id + "." + timestamp + "." + body))
std::vector<std::pair<std::string, std::string>> signature_headers(const std::string& key,
                                                                   const std::string& id,
                                                                   int64_t unix_s,
                                                                   const std::string& body);

}  // namespace gradus::rewards::outbound
