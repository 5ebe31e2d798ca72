#pragma once

// What job_store.cpp and job_records.cpp share.
#include <string>

#include "base/json.h"
#include "service/jobs/job_store.h"

namespace gradus::service {

/// A column of JSON; null where it is NULL.
inline nlohmann::json json_of_column(const SqlRow& row, size_t column) {
  return row.is_null(column) ? nlohmann::json() : parse_json(row.text(column), "gradus.db");
}

inline SqlValue text_of_json(const nlohmann::json& value) {
  return value.is_null() ? SqlValue() : SqlValue(dump_json(value));
}

/// Within a write. Warnings that were said, and figures of steps that were reported, are dropped.
void insert_event(Database& database, const std::string& job, const JobEvent& event, int64_t now);
JobEvent message_event(const std::string& message, const std::string& level = "info");

template <class Item>
void cut_page(JobPage<Item>& page, int64_t limit) {
  page.has_more = std::ssize(page.items) > limit;
  if (page.has_more) page.items.pop_back();
}

}  // namespace gradus::service
