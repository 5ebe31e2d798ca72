#include "service/store/sqlite.h"

#include <sqlite3.h>

#include "base/error.h"

namespace gradus::service {
namespace {

SqlValue column_value(sqlite3_stmt* statement, int column) {
  switch (sqlite3_column_type(statement, column)) {
    case SQLITE_INTEGER:
      return static_cast<int64_t>(sqlite3_column_int64(statement, column));
    case SQLITE_FLOAT:
      return sqlite3_column_double(statement, column);
    case SQLITE_NULL:
      return std::monostate();
    default: {
      const auto* bytes = static_cast<const char*>(sqlite3_column_blob(statement, column));
      const int count = sqlite3_column_bytes(statement, column);
      return bytes == nullptr ? std::string() : std::string(bytes, static_cast<size_t>(count));
    }
  }
}

/// Ends a statement whatever happens.
struct Finalizer {
  explicit Finalizer(sqlite3_stmt* statement_) : statement(statement_) {}
  ~Finalizer() { sqlite3_finalize(statement); }
  Finalizer(const Finalizer&) = delete;
  Finalizer& operator=(const Finalizer&) = delete;
  sqlite3_stmt* statement;
};

}  // namespace

SqlValue or_null(const std::string& text) {
  return text.empty() ? SqlValue() : SqlValue(text);
}

int64_t SqlRow::integer(size_t column) const {
  if (const auto* whole = std::get_if<int64_t>(&values_.at(column))) return *whole;
  return static_cast<int64_t>(number(column));
}

double SqlRow::number(size_t column) const {
  if (const auto* real = std::get_if<double>(&values_.at(column))) return *real;
  const auto* whole = std::get_if<int64_t>(&values_.at(column));
  return whole == nullptr ? 0.0 : static_cast<double>(*whole);
}

std::string SqlRow::text(size_t column) const {
  const auto* text = std::get_if<std::string>(&values_.at(column));
  return text == nullptr ? std::string() : *text;
}

bool SqlRow::is_null(size_t column) const {
  return std::holds_alternative<std::monostate>(values_.at(column));
}

Database::Database(const std::filesystem::path& path, bool read_only) : path_(path.string()) {
  const int flags = SQLITE_OPEN_NOMUTEX |
                    (read_only ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE);
  const int code = sqlite3_open_v2(path_.c_str(), &handle_, flags, nullptr);
  if (code != SQLITE_OK) {
    const std::string why = handle_ == nullptr ? "no memory" : sqlite3_errmsg(handle_);
    sqlite3_close(handle_);
    throw FileError(path_, "store_failed", "the store cannot be opened: " + why);
  }
  sqlite3_busy_timeout(handle_, 5000);
  sqlite3_extended_result_codes(handle_, 1);
  run_script("PRAGMA foreign_keys=ON; PRAGMA trusted_schema=OFF;");
}

Database::~Database() {
  sqlite3_close_v2(handle_);
}

void Database::refuse(int code, std::string_view doing) {
  const char* kind = "store_failed";
  if ((code & 0xFF) == SQLITE_FULL) kind = "disk_full";
  if ((code & 0xFF) == SQLITE_CONSTRAINT) kind = "constraint";
  throw FileError(
      path_, kind,
      std::string(sqlite3_errmsg(handle_)) + " (" + std::string(doing.substr(0, 80)) + ")");
}

sqlite3_stmt* Database::prepare(std::string_view sql, const std::vector<SqlValue>& values) {
  sqlite3_stmt* statement = nullptr;
  const int code =
      sqlite3_prepare_v2(handle_, sql.data(), static_cast<int>(sql.size()), &statement, nullptr);
  if (code != SQLITE_OK) refuse(code, sql);
  for (size_t i = 0; i < values.size(); ++i) {
    const int place = static_cast<int>(i) + 1;
    if (const auto* whole = std::get_if<int64_t>(&values[i])) {
      sqlite3_bind_int64(statement, place, *whole);
    } else if (const auto* real = std::get_if<double>(&values[i])) {
      sqlite3_bind_double(statement, place, *real);
    } else if (const auto* text = std::get_if<std::string>(&values[i])) {
      sqlite3_bind_text64(statement, place, text->data(), text->size(), SQLITE_TRANSIENT,
                          SQLITE_UTF8);
    } else {
      sqlite3_bind_null(statement, place);
    }
  }
  return statement;
}

std::vector<SqlRow> Database::query(std::string_view sql, const std::vector<SqlValue>& values) {
  const Finalizer owner(prepare(sql, values));
  std::vector<SqlRow> rows;
  for (;;) {
    const int code = sqlite3_step(owner.statement);
    if (code == SQLITE_DONE) return rows;
    if (code != SQLITE_ROW) refuse(code, sql);
    std::vector<SqlValue> columns;
    const int count = sqlite3_column_count(owner.statement);
    for (int i = 0; i < count; ++i) columns.push_back(column_value(owner.statement, i));
    rows.emplace_back(std::move(columns));
  }
}

int64_t Database::change(std::string_view sql, const std::vector<SqlValue>& values) {
  query(sql, values);
  return sqlite3_changes64(handle_);
}

std::optional<SqlRow> Database::first(std::string_view sql, const std::vector<SqlValue>& values) {
  auto rows = query(sql, values);
  if (rows.empty()) return std::nullopt;
  return std::move(rows.front());
}

void Database::run_script(const std::string& sql) {
  const int code = sqlite3_exec(handle_, sql.c_str(), nullptr, nullptr, nullptr);
  if (code != SQLITE_OK) refuse(code, sql);
}

}  // namespace gradus::service
