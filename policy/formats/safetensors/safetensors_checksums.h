#pragma once

#include <map>
#include <string>
#include <string_view>
#include <unordered_map>

#include "policy/formats/crc64.h"
#include "policy/formats/tensor_info.h"

namespace gradus::policy {

/// The metadata entry that holds the checksums of a file written by Gradus:
///
///     "gradus.crc64": "crc64-xz {\"__metadata__\":\"<16 hex>\",\"<tensor>\":\"<16 hex>\",...}"
///
/// A tensor's CRC runs over "name\0dtype\0[shape]\0" and then its bytes; that of "__metadata__"
/// over "key\0value\0" of the other entries, by key.
inline constexpr std::string_view kChecksumKey = "gradus.crc64";
inline constexpr std::string_view kChecksumPrefix = "crc64-xz ";
inline constexpr std::string_view kMetadataEntry = "__metadata__";

/// The CRC of a tensor before its first byte of data.
Crc64 begin_tensor_crc(const TensorInfo& info);

/// Of all entries but the checksums' own.
uint64_t metadata_crc(const std::map<std::string, std::string>& metadata);

std::string format_checksums(const std::map<std::string, uint64_t>& checksums);

/// The checksums of a header, keyed by tensor; empty when the file carries none.
/// @throws gradus::FileError  checksum_mismatch: the entry is damaged, the metadata does not match,
///                            or it lists other tensors than the header.
std::unordered_map<std::string, uint64_t> parse_checksums(
    const std::map<std::string, std::string>& metadata, const std::vector<TensorInfo>& tensors,
    const std::string& path);

}  // namespace gradus::policy
