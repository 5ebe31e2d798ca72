#include "service/tinker/file_links.h"

#include <fmt/format.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "service/store/store.h"

namespace gradus::service {

FileLinks::FileLinks() : secret_(random_id("", 64)) {}

std::string FileLinks::sign(const std::string& checkpoint, const std::string& file,
                            int64_t expires) const {
  const std::string text = fmt::format("{}\n{}\n{}", checkpoint, file, expires);
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned int size = 0;
  HMAC(EVP_sha256(), secret_.data(), static_cast<int>(secret_.size()),
       reinterpret_cast<const unsigned char*>(text.data()), text.size(), digest, &size);
  std::string digits;
  for (unsigned int i = 0; i < size; ++i) digits += fmt::format("{:02x}", digest[i]);
  return digits;
}

bool FileLinks::is_ours(const std::string& checkpoint, const std::string& file, int64_t expires,
                        const std::string& signature) const {
  const std::string wanted = sign(checkpoint, file, expires);
  return wanted.size() == signature.size() &&
         CRYPTO_memcmp(wanted.data(), signature.data(), wanted.size()) == 0;
}

}  // namespace gradus::service
