#include "postgres/open_transactions.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <charconv>
#include <cstdint>
#include <string>
#include <string_view>
#include <thread>

#include "model/relation.h"

namespace lockstep::postgres {
namespace {

using model::Result;

// Everybody may see pg_locks, where each transaction with an xid holds a lock on it; on those of
// its subtransactions too, so only the oldest of each counts. A prepared one has no pid.
constexpr const char* kQuery = R"(
SELECT held.transactionid, held.pid, p.gid, coalesce(p.database, a.datname), a.application_name,
       a.state, pg_catalog.date_trunc('second', coalesce(p.prepared, a.xact_start))
FROM (SELECT DISTINCT ON (virtualtransaction) transactionid, pid
      FROM pg_catalog.pg_locks
      WHERE locktype = 'transactionid' AND granted AND mode = 'ExclusiveLock'
        AND pid IS DISTINCT FROM pg_catalog.pg_backend_pid()
      ORDER BY virtualtransaction, pg_catalog.age(transactionid) DESC) held
LEFT JOIN pg_catalog.pg_stat_activity a ON a.pid = held.pid
LEFT JOIN pg_catalog.pg_prepared_xacts p
  ON held.pid IS NULL AND p.transaction = held.transactionid
ORDER BY pg_catalog.age(held.transactionid) DESC)";

template <typename Number>
Number ToNumber(std::string_view text) {
  Number number = 0;
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

}  // namespace

std::string ToString(const OpenTransaction& transaction) {
  const bool prepared = transaction.pid == 0;
  std::vector<std::string> parts;
  if (!prepared) parts.push_back(fmt::format("pid {}", transaction.pid));
  if (!transaction.gid.empty()) parts.push_back(model::SqlLiteral(transaction.gid));
  if (!transaction.application.empty()) parts.push_back(transaction.application);
  if (!transaction.state.empty()) parts.push_back(transaction.state);
  if (!transaction.since.empty()) {
    parts.push_back(fmt::format("{}since {}", prepared ? "" : "open ", transaction.since));
  }
  return fmt::format("{}transaction {}{}{}", prepared ? "prepared " : "", transaction.xid.value,
                     parts.empty() ? "" : fmt::format(" ({})", fmt::join(parts, ", ")),
                     transaction.database.empty() ? "" : " of database " + transaction.database);
}

Result<std::vector<OpenTransaction>> ReadOpenTransactions(Connection& connection) {
  Result<QueryResult> result = connection.Execute(kQuery);
  if (!result) return Fail("reading the open transactions", result.error());
  std::vector<OpenTransaction> transactions;
  for (int row = 0; row < result->rows(); ++row) {
    transactions.push_back({.xid = model::Xid{ToNumber<std::uint32_t>(result->Text(row, 0))},
                            .pid = ToNumber<int>(result->Text(row, 1)),
                            .gid = std::string(result->Text(row, 2)),
                            .database = std::string(result->Text(row, 3)),
                            .application = std::string(result->Text(row, 4)),
                            .state = std::string(result->Text(row, 5)),
                            .since = std::string(result->Text(row, 6))});
  }
  return transactions;
}

Result<bool> AwaitEnd(Connection& connection, model::Xid xid, std::chrono::milliseconds limit,
                      const std::function<void()>& before_waiting) {
  constexpr std::chrono::milliseconds kPause{2};
  // Given up after it has become visible.
  const std::string is_held = fmt::format(
      "SELECT EXISTS (SELECT FROM pg_catalog.pg_locks WHERE locktype = 'transactionid' AND granted "
      "AND mode = 'ExclusiveLock' AND transactionid = '{}'::pg_catalog.xid)",
      xid.value);
  const auto give_up = std::chrono::steady_clock::now() + limit;
  for (bool waits = false;; waits = true) {
    auto held = connection.Scalar(is_held);
    if (!held) return Fail("asking whether a transaction has ended", held.error());
    if (*held == "f") return true;
    if (!waits && before_waiting) before_waiting();
    if (std::chrono::steady_clock::now() >= give_up) return false;
    std::this_thread::sleep_for(kPause);
  }
}

Result<model::Xid> RollBackOne(Connection& connection) {
  if (auto ok = connection.Execute("BEGIN"); !ok) return std::unexpected(std::move(ok.error()));
  auto xid = connection.Scalar("SELECT pg_catalog.pg_current_xact_id()::pg_catalog.xid");
  if (!xid) return std::unexpected(std::move(xid.error()));
  if (auto ok = connection.Execute("ROLLBACK"); !ok) return std::unexpected(std::move(ok.error()));
  return model::Xid{static_cast<std::uint32_t>(std::stoul(*xid))};
}

}  // namespace lockstep::postgres
