#include "postgres/commit_order.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <utility>
#include <variant>

#include "model/relation.h"
#include "postgres/libpq_access.h"

namespace lockstep::postgres {
namespace {

using model::Error;
using model::ErrorKind;
using model::Fail;
using model::Lsn;
using model::Result;

// {0}: where to begin, {1}: how far to read at most, {2}: the extension's schema. The function
// refuses a start at the end of the log, and gives the records that begin at or after the start and
// end at or before its bound. A COMMIT PREPARED record has no xid of its own: its description
// begins with the prepared one's.
constexpr std::string_view kQuery = R"(
WITH bound AS MATERIALIZED (
  SELECT f.flushed, least(f.flushed, {0}::pg_catalog.pg_lsn + {1}) AS upper
  FROM (SELECT pg_catalog.pg_current_wal_flush_lsn() AS flushed) f),
record AS MATERIALIZED (
  SELECT r.end_lsn,
         CASE WHEN r.resource_manager <> 'Transaction' THEN NULL
              WHEN r.record_type = 'COMMIT' THEN r.xid::pg_catalog.text
              WHEN r.record_type = 'COMMIT_PREPARED'
              THEN coalesce(substring(r.description FROM '^([0-9]+):'), 'unknown') END AS xid
  FROM bound b, LATERAL {2}.pg_get_wal_records_info({0}::pg_catalog.pg_lsn, b.upper) r
  WHERE b.upper > {0}::pg_catalog.pg_lsn)
SELECT xid, end_lsn FROM record WHERE xid IS NOT NULL
UNION ALL SELECT 'read', coalesce(pg_catalog.max(end_lsn), {0}::pg_catalog.pg_lsn) FROM record
UNION ALL SELECT 'flushed', flushed FROM bound)";

// Who owns the schema could put a function of his own in the place of the extension's, and we would
// call it. The role pg_database_owner (14) stands for the database's owner.
constexpr std::string_view kSchemaQuery = R"(
SELECT n.nspname, o.rolsuper OR o.rolname = current_user, o.rolname
FROM pg_catalog.pg_extension e JOIN pg_catalog.pg_namespace n ON n.oid = e.extnamespace
JOIN pg_catalog.pg_database d ON d.datname = pg_catalog.current_database()
JOIN pg_catalog.pg_roles s ON s.oid = n.nspowner
JOIN pg_catalog.pg_roles o
  ON o.oid = CASE s.rolname WHEN 'pg_database_owner' THEN d.datdba ELSE s.oid END
WHERE e.extname = 'pg_walinspect')";

// The log ends in the middle of the first record after the start: it is being written. In English,
// where this user may ask for that (session_settings).
bool IsUnfinishedRecord(const Error& error) {
  return error.message.find("could not find a valid record after") != std::string::npos;
}

}  // namespace

Result<std::string> CommitOrder::WhyUnavailable(Connection& connection) {
  if (connection.server_version() < 150000) {
    return fmt::format("pg_walinspect comes with PostgreSQL 15; this server is {}",
                       connection.server_version() / 10000);
  }
  Result<QueryResult> schema = connection.Execute(std::string(kSchemaQuery));
  if (!schema) return std::unexpected(schema.error());
  if (schema->rows() == 0) {
    Result<QueryResult> created =
        connection.Execute("CREATE EXTENSION IF NOT EXISTS pg_walinspect SCHEMA pg_catalog");
    if (!created) {
      if (created.error().kind == ErrorKind::kDisconnected) {
        return std::unexpected(created.error());
      }
      return created.error().message +
             "; have a superuser run CREATE EXTENSION pg_walinspect (Debian: in postgresql-15 and "
             "later)";
    }
    schema = connection.Execute(std::string(kSchemaQuery));
    if (!schema) return std::unexpected(schema.error());
    if (schema->rows() == 0) return std::string("pg_walinspect vanished while it was created");
  }
  if (schema->Text(0, 1) != "t") {
    return fmt::format(
        "pg_walinspect is in schema {}, which {} owns, who could put other functions in its place: "
        "have a superuser run ALTER EXTENSION pg_walinspect SET SCHEMA pg_catalog",
        schema->Text(0, 0), schema->Text(0, 2));
  }
  std::string function =
      fmt::format("{}.pg_get_wal_records_info(pg_catalog.pg_lsn, pg_catalog.pg_lsn)",
                  model::SqlIdentifier(std::string(schema->Text(0, 0))));
  Result<std::string> allowed = connection.Scalar(fmt::format(
      "SELECT pg_catalog.has_function_privilege({}, 'EXECUTE')", model::SqlLiteral(function)));
  if (!allowed) return std::unexpected(allowed.error());
  if (*allowed == "t") return std::string();
  return std::string(
      "this user may not read the log: GRANT pg_read_server_files TO the user (as a superuser)");
}

Result<CommitOrder> CommitOrder::Start(Connection connection, Lsn from, std::uint64_t step_bytes) {
  Result<std::string> schema = connection.Scalar(std::string(kSchemaQuery));
  if (!schema) return Fail("pg_walinspect is not there", schema.error());
  Result<Pipeline> pipeline = Pipeline::Start(std::move(connection));
  if (!pipeline) return std::unexpected(pipeline.error());
  return CommitOrder(std::move(*pipeline), model::SqlIdentifier(*schema), from, step_bytes);
}

Result<void> CommitOrder::Request() {
  if (pipeline_.pending() > 0) return {};
  std::string start = model::SqlLiteral(model::ToString(read_to_));
  Result<void> sent = pipeline_.SendSql(fmt::format(fmt::runtime(kQuery), start, step_, schema_));
  if (sent) sent = pipeline_.Sync();
  if (sent) sent = pipeline_.Flush();
  return sent;
}

Result<CommitBatch> CommitOrder::ParseBatch(const QueryResult& result) {
  CommitBatch batch;
  Lsn flushed;
  bool complete = false;
  for (int row = 0; row < result.rows(); ++row) {
    std::string_view what = result.Text(row, 0);
    Result<Lsn> lsn = model::ParseLsn(result.Text(row, 1));
    if (!lsn) return Fail("pg_walinspect", lsn.error());
    if (what == "read") {
      batch.read_to = *lsn;
    } else if (what == "flushed") {
      flushed = *lsn;
      complete = true;
    } else {
      model::CommitRecord commit{.xid = {}, .end_lsn = *lsn};
      auto [end, error] = std::from_chars(what.data(), what.data() + what.size(), commit.xid.value);
      if (error != std::errc() || end != what.data() + what.size()) {
        return Fail(ErrorKind::kMalformed,
                    fmt::format("pg_walinspect: the commit that ends at {} has no xid ({})",
                                model::ToString(*lsn), what));
      }
      batch.commits.push_back(commit);
    }
  }
  if (!complete) return Fail(ErrorKind::kMalformed, "pg_walinspect gave an incomplete answer");
  std::ranges::sort(batch.commits, {}, &model::CommitRecord::end_lsn);
  bool moved = batch.read_to > read_to_;
  // The rest up to `flushed`, if any, is less than a step: it is the start of a record.
  batch.at_end = flushed.value <= read_to_.value + step_;
  step_ = moved || batch.at_end ? step_bytes_ : step_ * 2;
  read_to_ = batch.read_to;
  return batch;
}

Result<std::optional<CommitBatch>> CommitOrder::Next() {
  while (true) {
    Result<std::optional<PipelineResult>> next = pipeline_.Next();
    if (!next) return std::unexpected(next.error());
    if (!next->has_value()) return std::nullopt;
    PipelineResult& result = **next;
    if (auto* ok = std::get_if<CommandOk>(&result)) {
      Result<CommitBatch> batch = ParseBatch(ok->result);
      if (!batch) return std::unexpected(batch.error());
      batch_ = std::move(*batch);
    } else if (auto* failed = std::get_if<CommandFailed>(&result)) {
      if (!IsUnfinishedRecord(failed->error)) {
        Error error = failed->error;
        error.kind = ErrorKind::kEnvironment;
        return Fail(
            fmt::format("reading the commit order after {} (is the log still there? a slot, or "
                        "wal_keep_size, keeps it)",
                        model::ToString(read_to_)),
            std::move(error));
      }
      batch_ = CommitBatch{.commits = {}, .read_to = read_to_, .at_end = true};
    } else if (std::holds_alternative<SyncReached>(result)) {
      return std::exchange(batch_, std::nullopt);
    }
  }
}

Result<std::vector<model::CommitRecord>> CommitOrder::ReadTo(Lsn end,
                                                             std::chrono::milliseconds timeout) {
  // How soon the log is looked at again when it had nothing more.
  constexpr int kAgain_ms = 2;
  auto deadline = std::chrono::steady_clock::now() + timeout;
  std::vector<model::CommitRecord> commits;
  while (read_to_ < end) {
    if (std::chrono::steady_clock::now() > deadline) {
      return Fail(ErrorKind::kDisconnected,
                  fmt::format("commit order: read to {}, not to {}, within {} ms",
                              model::ToString(read_to_), model::ToString(end), timeout.count()));
    }
    if (Result<void> sent = Request(); !sent) return std::unexpected(sent.error());
    if (Result<void> sent = Flush(); !sent) return std::unexpected(sent.error());
    Result<std::optional<CommitBatch>> batch = Next();
    if (!batch) return std::unexpected(batch.error());
    if (batch->has_value()) {
      commits.insert(commits.end(), (*batch)->commits.begin(), (*batch)->commits.end());
      if (!(*batch)->at_end) continue;
      WaitFor(-1, false, kAgain_ms);
    } else {
      WaitFor(fd(), WantsWrite(), 1000);
    }
  }
  return commits;
}

}  // namespace lockstep::postgres
