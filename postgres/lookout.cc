#include "postgres/lookout.h"

#include <fmt/format.h>
#include <postgresql/libpq-fe.h>

#include <cctype>
#include <charconv>
#include <string_view>
#include <utility>

#include "postgres/identity_guard.h"
#include "postgres/libpq_access.h"

namespace lockstep::postgres {
namespace {

constexpr std::chrono::seconds kConnectTimeout{2};
constexpr std::chrono::seconds kReconnectPause{10};
// What is not answered by then never will be.
constexpr std::chrono::seconds kAnswerTimeout{30};
constexpr int kTellsWaitStart = 140000;
// None of them may be long: we would be what others wait for.
constexpr const char* kLimits = "SET statement_timeout = '2s'; SET lock_timeout = '100ms'";
constexpr std::chrono::milliseconds kPatience{100};

enum Field { kPid, kSince, kWaited, kStatement, kSchema, kTable };

// Only sessions that wait are asked whom for. Of the statement enough to name it.
std::string Question(const std::string& publications, int server_version) {
  return fmt::format(
      "DO $lockstep${} $lockstep$; "
      "SELECT a.pid, l.since::pg_catalog.text, "
      "EXTRACT(epoch FROM pg_catalog.clock_timestamp() - l.since)::pg_catalog.text, "
      "pg_catalog.left(a.query, 200), n.nspname, c.relname FROM pg_catalog.pg_stat_activity a "
      "CROSS JOIN LATERAL (SELECT {} AS since, k.relation FROM pg_catalog.pg_locks k "
      "WHERE k.pid = a.pid AND NOT k.granted LIMIT 1) l "
      "LEFT JOIN pg_catalog.pg_class c ON c.oid = l.relation "
      "LEFT JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace "
      "WHERE a.wait_event_type = 'Lock' AND a.datname = pg_catalog.current_database() "
      "AND NOT pg_catalog.starts_with(a.application_name, 'lockstep ') "
      "AND EXISTS (SELECT FROM pg_catalog.unnest(pg_catalog.pg_blocking_pids(a.pid)) b(pid) "
      "JOIN pg_catalog.pg_stat_activity o ON o.pid = b.pid "
      "WHERE pg_catalog.starts_with(o.application_name, 'lockstep '))",
      UnpublishLostSql(publications, kPatience),
      server_version >= kTellsWaitStart ? "COALESCE(k.waitstart, a.query_start)" : "a.query_start");
}

// What it begins with, and of what there are many kinds the second word too: "TRUNCATE", "ALTER
// TABLE".
std::string FirstWords(std::string_view query) {
  std::string words;
  for (int word = 0; word < 2; ++word) {
    while (!query.empty() && std::isspace(static_cast<unsigned char>(query.front())))
      query.remove_prefix(1);
    std::size_t end = 0;
    while (end < query.size() && std::isalpha(static_cast<unsigned char>(query[end]))) ++end;
    if (end == 0) break;
    std::string upper;
    for (const char c : query.substr(0, end))
      upper.push_back(static_cast<char>(std::toupper(static_cast<unsigned char>(c))));
    words += (words.empty() ? "" : " ") + upper;
    query.remove_prefix(end);
    if (upper != "ALTER" && upper != "CREATE" && upper != "DROP") break;
  }
  return words;
}

LockWait WaitAt(const QueryResult& rows, int row) {
  LockWait wait{.since = std::string(rows.Text(row, kSince)),
                .statement = FirstWords(rows.Text(row, kStatement))};
  const std::string_view pid = rows.Text(row, kPid);
  std::from_chars(pid.data(), pid.data() + pid.size(), wait.pid);
  const std::string_view waited = rows.Text(row, kWaited);
  std::from_chars(waited.data(), waited.data() + waited.size(), wait.waited_s);
  if (!rows.IsNull(row, kTable)) {
    wait.table =
        TableName{std::string(rows.Text(row, kSchema)), std::string(rows.Text(row, kTable))};
  }
  return wait;
}

}  // namespace

std::vector<LockWait> Lookout::Look(Clock::time_point now) {
  if (!connection_) Connect(now);
  std::vector<LockWait> waits;
  if (!connection_) return waits;
  if (asked_) {
    PGconn* handle = LibpqAccess::Handle(*connection_);
    if (PQconsumeInput(handle) == 0 || now > asked_at_ + kAnswerTimeout) {
      connection_.reset();
      return waits;
    }
    if (PQisBusy(handle) != 0) return waits;
    // One result for each statement, then none.
    while (PGresult* next = PQgetResult(handle)) {
      const QueryResult result(next);
      for (int row = 0; row < result.rows(); ++row) waits.push_back(WaitAt(result, row));
      if (PQisBusy(handle) != 0) return waits;
    }
    asked_ = false;
  }
  Ask(now);
  return waits;
}

void Lookout::Connect(Clock::time_point now) {
  asked_ = false;
  if (now < next_try_) return;
  next_try_ = now + kReconnectPause;
  auto connection =
      Connection::Open(conninfo_, ConnectionKind::kSql,
                       {.application_name = "lockstep audit", .connect_timeout = kConnectTimeout});
  if (!connection || !connection->Execute(kLimits)) return;
  connection_ = std::move(*connection);
}

void Lookout::Ask(Clock::time_point now) {
  const std::string question = Question(publications_, connection_->server_version());
  asked_ = PQsendQuery(LibpqAccess::Handle(*connection_), question.c_str()) == 1;
  asked_at_ = now;
  if (!asked_) connection_.reset();
}

}  // namespace lockstep::postgres
