#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

struct sqlite3;
struct sqlite3_stmt;

namespace gradus::service {

/// A value of a column or of a statement's place; monostate: NULL.
using SqlValue = std::variant<std::monostate, int64_t, double, std::string>;

SqlValue or_null(const std::string& text);  ///< an empty text is NULL

/// One row of an answer, by column number.
class SqlRow {
 public:
  explicit SqlRow(std::vector<SqlValue> values) : values_(std::move(values)) {}
  int64_t integer(size_t column) const;  ///< 0 where NULL
  double number(size_t column) const;
  std::string text(size_t column) const;  ///< "" where NULL
  bool is_null(size_t column) const;

 private:
  std::vector<SqlValue> values_;
};

/// One connection to a SQLite database. One thread at a time.
class Database {
 public:
  /// @throws FileError  it cannot be opened or is no database.
  explicit Database(const std::filesystem::path& path, bool read_only = false);
  ~Database();
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;

  /// Runs one statement with `?` places. @throws FileError  kind "disk_full", "constraint" (a
  /// unique key is there already), or "store_failed".
  std::vector<SqlRow> query(std::string_view sql, const std::vector<SqlValue>& values = {});
  /// As query; the number of rows changed.
  int64_t change(std::string_view sql, const std::vector<SqlValue>& values = {});
  std::optional<SqlRow> first(std::string_view sql, const std::vector<SqlValue>& values = {});
  /// Several statements without places.
  void run_script(const std::string& sql);

 private:
  sqlite3_stmt* prepare(std::string_view sql, const std::vector<SqlValue>& values);
  [[noreturn]] void refuse(int code, std::string_view doing);

  std::string path_;
  sqlite3* handle_ = nullptr;
};

}  // namespace gradus::service
