#pragma once

#include <filesystem>

namespace gradus {

/// Refuses, in one line, a file of rows that is not JSONL and can be told: Parquet, Arrow, a folder
/// of Hugging Face datasets, one JSON array or object over several lines, CSV, UTF-16, SQLite, and
/// what is compressed but not by gzip. The line names the format and the command that converts it.
/// Whatever else the file may hold is left to the reader of rows.
///
/// @throws FileError  kind "not_jsonl"; or as LineReader does.
void refuse_other_formats(const std::filesystem::path& path);

}  // namespace gradus
