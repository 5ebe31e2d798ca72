#include "base/files/data_format.h"

#include <array>
#include <fstream>
#include <string>
#include <string_view>

#include "base/error.h"
#include "base/files/jsonl.h"

namespace gradus {
namespace {

namespace fs = std::filesystem;

[[noreturn]] void refuse(const fs::path& path, const std::string& what, const std::string& way) {
  throw FileError(path.string(), "not_jsonl",
                  "is " + what + "; JSONL is wanted, one object per line: " + way);
}

std::string quoted(const fs::path& path) {
  std::string out = "'";
  for (const char c : path.string()) out += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return out + "'";
}

std::string pandas(const char* reader, const fs::path& path) {
  return std::string("python3 -c \"import pandas, sys; pandas.") + reader +
         "(sys.argv[1]).to_json('rows.jsonl', orient='records', lines=True)\" " + quoted(path);
}

std::string datasets(const char* loader, const fs::path& path) {
  return std::string("python3 -c \"import datasets, sys; datasets.") + loader +
         "(sys.argv[1]).to_json('rows.jsonl')\" " + quoted(path);
}

void refuse_folder(const fs::path& path) {
  bool has_arrow = false;
  fs::path parquet;
  for (const auto& entry : fs::recursive_directory_iterator(path)) {
    const auto name = entry.path().filename();
    has_arrow = has_arrow || name.extension() == ".arrow" || name == "dataset_dict.json";
    if (name.extension() == ".parquet") parquet = entry.path();
  }
  if (fs::exists(path / "dataset_dict.json")) {
    refuse(path, "a folder of Hugging Face datasets with several splits",
           "python3 -c \"import datasets, sys; "
           "datasets.load_from_disk(sys.argv[1])['train'].to_json('rows.jsonl')\" " +
               quoted(path));
  }
  if (has_arrow) {
    refuse(path, "a folder of Hugging Face datasets", datasets("load_from_disk", path));
  }
  if (!parquet.empty()) {
    refuse(path, "a folder with Parquet files", pandas("read_parquet", parquet));
  }
  throw FileError(path.string(), "not_a_file", "is a folder; name a JSONL file in it");
}

std::string first_bytes(const fs::path& path) {
  std::array<char, 16> bytes{};
  std::ifstream in(path, std::ios::binary);
  in.read(bytes.data(), bytes.size());
  return {bytes.data(), static_cast<size_t>(in.gcount())};
}

void refuse_binary(const fs::path& path, std::string_view begin) {
  using namespace std::string_view_literals;
  if (begin.starts_with("PAR1")) refuse(path, "a Parquet file", pandas("read_parquet", path));
  if (begin.starts_with("ARROW1")) refuse(path, "an Arrow file", pandas("read_feather", path));
  if (begin.starts_with("\xFF\xFF\xFF\xFF"sv)) {
    refuse(path, "an Arrow file of Hugging Face datasets", datasets("Dataset.from_file", path));
  }
  if (begin.starts_with("SQLite format 3")) {
    refuse(path, "an SQLite database", "write each row with json_object() of sqlite3");
  }
  if (begin.starts_with("\xFF\xFE"sv) || begin.starts_with("\xFE\xFF"sv)) {
    refuse(path, "UTF-16 text", "iconv -f UTF-16 -t UTF-8 " + quoted(path) + " > rows.jsonl");
  }
  const struct {
    std::string_view begin;
    const char* name;
    const char* command;
  } compressed[] = {{"\x28\xB5\x2F\xFD"sv, "zstd", "zstd -dc "},
                    {"BZh"sv, "bzip2", "bzip2 -dc "},
                    {"\xFD\x37zXZ"sv, "xz", "xz -dc "},
                    {"PK\x03\x04"sv, "zip", "unzip -p "}};
  for (const auto& format : compressed) {
    if (!begin.starts_with(format.begin)) continue;
    refuse(path, std::string("compressed with ") + format.name,
           format.command + quoted(path) + " > rows.jsonl");
  }
}

void refuse_text(const fs::path& path, std::string_view line) {
  const size_t first = line.find_first_not_of(" \t");
  if (first == std::string_view::npos) return;
  const bool ends_here = line.find_first_not_of(" \t", first + 1) == std::string_view::npos;
  if (line[first] == '[') {
    refuse(path, "one JSON array", "jq -c '.[]' " + quoted(path) + " > rows.jsonl");
  }
  if (line[first] == '{' && ends_here) {
    refuse(path, "JSON over several lines",
           "jq -c . " + quoted(path) +
               " > rows.jsonl (where its rows are in a list of it: jq -c "
               "'.data[]')");
  }
  const std::string extension = path.extension().string();
  const bool has_columns = line[first] != '{' && line[first] != '"' &&
                           line.find_first_of(",\t") != std::string_view::npos;
  if (extension == ".tsv" || (has_columns && line.find(',') == std::string_view::npos)) {
    refuse(path, "a table with tabs", pandas("read_table", path));
  }
  if (extension == ".csv" || has_columns) refuse(path, "CSV", pandas("read_csv", path));
}

}  // namespace

void refuse_other_formats(const fs::path& path) {
  std::error_code error;
  if (fs::is_directory(path, error)) refuse_folder(path);
  if (!fs::is_regular_file(path, error)) return;
  refuse_binary(path, first_bytes(path));
  LineReader reader(path);
  if (const auto line = reader.next()) refuse_text(path, line->text);
}

}  // namespace gradus
