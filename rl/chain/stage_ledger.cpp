#include "rl/chain/stage_ledger.h"

#include <system_error>

namespace gradus::rl {

void enter_stage_cost(const std::filesystem::path& ledger, const LedgerEntry& cost,
                      const LedgerConfig& config) {
  std::error_code error;
  const auto size = std::filesystem::file_size(ledger, error);
  Ledger book(ledger, error ? 0 : static_cast<int64_t>(size), 0, config);
  book.append(cost);
  book.sync();
}

}  // namespace gradus::rl
