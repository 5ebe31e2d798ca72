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

/// Headers by which a server knows that a request is ours and unchanged (Standard Webhooks 1.0):
/// `webhook-id`, `webhook-timestamp` in Unix seconds, and `webhook-signature`:
///
///   "v1," + base64(HMAC-SHA256(key, id + "." + timestamp + "." + body))
std::vector<std::pair<std::string, std::string>> signature_headers(const std::string& key,
                                                                   const std::string& id,
                                                                   int64_t unix_s,
                                                                   const std::string& body);

}  // namespace gradus::rewards::outbound
