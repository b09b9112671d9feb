#include "applier/session.h"

#include <fmt/format.h>

#include <cassert>
#include <charconv>
#include <chrono>
#include <thread>
#include <utility>
#include <variant>

#include "model/overloaded.h"

namespace lockstep::applier {
namespace {

using model::Effect;
using model::Fate;
using model::Outcome;
using model::Result;

// A statement with one of 300 column sets per table is prepared; a rarer one is parsed each time,
// so that the server's memory for a session is bounded.
constexpr std::size_t kMaxPrepared = 2'000;
constexpr const char* kInsertLsn = "SELECT pg_catalog.pg_current_wal_insert_lsn()";
constexpr const char* kInFailedTransaction = "25P02";

template <typename T>
T ParseUnsigned(std::optional<std::string_view> text) {
  T number = 0;
  if (text) std::from_chars(text->data(), text->data() + text->size(), number);
  return number;
}

Result<postgres::Connection> OpenConnection(const SessionOptions& options) {
  return postgres::Connection::Open(
      options.conninfo, postgres::ConnectionKind::kSql,
      {.application_name = fmt::format("lockstep applier session {}", options.id.value)});
}

// How long a server may take to come back: a restart with crash recovery of a large database.
constexpr std::chrono::seconds kReconnectLimit{60};
constexpr std::chrono::milliseconds kReconnectPause{200};

// The server process of a lost connection may still read the script, and commit it after we asked:
// it must be gone first. kDisconnected while it is not.
Result<void> EndLostBackend(postgres::Connection& connection, int backend_pid) {
  auto ended = connection.Execute(
      fmt::format("SELECT pg_catalog.pg_terminate_backend(pid) FROM pg_catalog.pg_stat_activity "
                  "WHERE pid = {} AND "
                  "pid <> pg_catalog.pg_backend_pid() AND usename = session_user AND "
                  "application_name = pg_catalog.current_setting('application_name')",
                  backend_pid));
  if (!ended) return std::unexpected(std::move(ended.error()));
  if (ended->rows() == 0) return {};
  return model::Fail(
      model::ErrorKind::kDisconnected,
      fmt::format("the server process {} of a lost connection does not end", backend_pid));
}

struct AskedFate {
  bool committed = false;
  model::FullXid xid;  // epoch 0: all that xmin tells
};

// Locking the session row waits for a backend that still works on the lost COMMIT; a plain SELECT
// could answer before.
Result<AskedFate> AskFate(postgres::Connection& connection, const model::Catalog& catalog,
                          model::SessionId session, model::TransactionId id) {
  const model::Relation& relation = *catalog.tables[model::kSessionTable];
  auto row = connection.Execute(fmt::format(
      "SELECT transaction_id, xmin FROM {}.{} WHERE session = {} FOR UPDATE",
      model::SqlIdentifier(relation.schema), model::SqlIdentifier(relation.name), session.value));
  if (!row) return model::Fail("asking what became of a COMMIT", std::move(row.error()));
  if (row->rows() != 1) {
    return model::Fail(model::ErrorKind::kEnvironment,
                       fmt::format("the row of session {} is gone from {}", session.value,
                                   relation.QualifiedName()));
  }
  return AskedFate{ParseUnsigned<std::uint64_t>(row->Text(0, 0)) == id.value,
                   model::FullXid{ParseUnsigned<std::uint64_t>(row->Text(0, 1))}};
}

// 0 where nobody wants to know.
Result<model::Lsn> ReadPosition(postgres::Connection& connection, const SessionOptions& options) {
  return options.bracket_commits ? connection.ScalarLsn(kInsertLsn) : model::Lsn{};
}

}  // namespace

Result<Session> Session::Open(const SessionOptions& options, const model::Catalog& catalog) {
  auto connection = OpenConnection(options);
  if (!connection) return std::unexpected(std::move(connection.error()));
  const auto position = ReadPosition(*connection, options);
  if (!position) return std::unexpected(position.error());
  auto pipeline = postgres::Pipeline::Start(std::move(*connection));
  if (!pipeline) return std::unexpected(std::move(pipeline.error()));
  return Session(options, catalog, std::move(*pipeline), *position);
}

std::optional<model::TransactionId> Session::current() const {
  return script_ ? std::optional(script_->id) : std::nullopt;
}

Result<std::optional<Outcome>> Session::Start(model::Script script) {
  assert(idle());
  script_ = std::move(script);
  auto sent = Send();
  if (sent) return std::nullopt;
  if (!model::IsWorthRetry(sent.error())) return std::unexpected(std::move(sent.error()));
  // Lost while idle. It has no socket any more that would call Drive.
  return Settle();
}

Result<void> Session::Send() {
  outcome_ = {.id = script_->id, .session = script_->session};
  outcome_.effects.resize(script_->operations.size());
  end_tag_.reset();
  if (auto ok = PrepareWanted(); !ok) return ok;
  if (auto ok = SendSql("BEGIN", {}); !ok) return ok;
  const Statement& update = statements_.SessionUpdate(script_->session, script_->id);
  if (auto ok = SendStatement(update, {Slot::Kind::kSessionUpdate}); !ok) return ok;
  for (std::uint32_t i = 0; i < script_->operations.size(); ++i) {
    if (auto ok = SendOperation(script_->operations[i], {Slot::Kind::kOperation, i}); !ok)
      return ok;
  }
  if (auto ok = SendEnd(); !ok) return ok;
  return pipeline_.Flush();
}

Result<void> Session::PrepareWanted() {
  preparing_.clear();
  for (const auto& [name, sql] : wanted_) {
    slots_.push_back({Slot::Kind::kPrepare, static_cast<std::uint32_t>(preparing_.size())});
    preparing_.push_back(name);
    prepared_.emplace(name, false);
    if (auto ok = pipeline_.Prepare(name, sql); !ok) return ok;
    // A table may be gone: that fails this Prepare only.
    if (auto ok = SendSync(); !ok) return ok;
  }
  wanted_.clear();
  return {};
}

Result<void> Session::SendOperation(const model::Operation& operation, Slot slot) {
  // All savepoints have one name: as in the model, the later two mean the innermost that is open.
  return std::visit(
      model::Overloaded{
          [&](model::Savepoint) { return SendSql("SAVEPOINT s", slot); },
          [&](model::RollbackToSavepoint) -> Result<void> {
            if (auto ok = SendSync(); !ok) return ok;
            return SendSql("ROLLBACK TO SAVEPOINT s", slot);
          },
          [&](model::ReleaseSavepoint) { return SendSql("RELEASE SAVEPOINT s", slot); },
          [&](const model::TruncateTable& truncate) {
            return SendSql(TruncateSql(*catalog_->tables[truncate.table]), slot);
          },
          [&](const auto& row_operation) {
            return SendStatement(statements_.Make(row_operation), slot);
          },
      },
      operation);
}

Result<void> Session::SendEnd() {
  if (script_->end == model::ScriptEnd::kRollback) {
    // It must reach the server whatever failed before it.
    if (auto ok = SendSync(); !ok) return ok;
    if (auto ok = SendSql("ROLLBACK", {Slot::Kind::kEnd}); !ok) return ok;
    return SendSync();
  }
  if (options_.bracket_commits) {
    if (auto ok = SendSql(kInsertLsn, {Slot::Kind::kBefore}); !ok) return ok;
  }
  if (auto ok = SendSql("COMMIT", {Slot::Kind::kEnd}); !ok) return ok;
  if (options_.bracket_commits) {
    if (auto ok = SendSql(kInsertLsn, {Slot::Kind::kAfter}); !ok) return ok;
  }
  return SendSync();
}

Result<void> Session::SendStatement(const Statement& statement, Slot slot) {
  const auto known = prepared_.find(statement.name);
  const bool is_prepared = known != prepared_.end() && known->second;
  if (!is_prepared) {
    std::string sql = statements_.Sql();
    slots_.push_back(slot);  // its failure is the statement's
    if (auto ok = pipeline_.Prepare("", sql); !ok) return ok;
    if (known == prepared_.end() && prepared_.size() + wanted_.size() < kMaxPrepared)
      wanted_.emplace(statement.name, std::move(sql));
  }
  slots_.push_back(slot);
  return pipeline_.SendPrepared(is_prepared ? statement.name : "", statement.parameters);
}

Result<void> Session::SendSql(const std::string& sql, Slot slot) {
  slots_.push_back(slot);
  return pipeline_.SendSql(sql);
}

Result<void> Session::SendSync() {
  slots_.push_back({});
  return pipeline_.Sync();
}

Result<std::optional<Outcome>> Session::Drive() {
  auto outcome = Advance();
  if (outcome || !model::IsWorthRetry(outcome.error())) return outcome;
  return Settle();
}

Result<std::optional<Outcome>> Session::Advance() {
  if (auto ok = pipeline_.Flush(); !ok) return std::unexpected(std::move(ok.error()));
  // Also while idle: an end of the connection that is not read keeps its socket readable.
  while (idle() || !slots_.empty()) {
    auto result = pipeline_.Next();
    if (!result) return std::unexpected(std::move(result.error()));
    if (!*result) return std::nullopt;
    OnResult(slots_.front(), **result);
    slots_.pop_front();
  }
  return Conclude();
}

void Session::OnResult(const Slot& slot, const postgres::PipelineResult& result) {
  std::visit(model::Overloaded{
                 [&](const postgres::CommandOk& ok) { OnSuccess(slot, ok); },
                 [&](const postgres::CommandFailed& failed) {
                   OnFailure(slot, failed.error.sqlstate, failed.error.message);
                 },
                 [&](postgres::CommandAborted) { OnFailure(slot, kInFailedTransaction, {}); },
                 [](postgres::SyncReached) {},
             },
             result);
}

void Session::OnSuccess(const Slot& slot, const postgres::CommandOk& ok) {
  const auto lsn = [&] {
    return model::ParseLsn(ok.FirstValue().value_or("0/0")).value_or(model::Lsn{});
  };
  switch (slot.kind) {
    case Slot::Kind::kOther:
      break;
    case Slot::Kind::kPrepare:
      prepared_[preparing_[slot.index]] = true;
      break;
    case Slot::Kind::kSessionUpdate:
      outcome_.xid = model::FullXid{ParseUnsigned<std::uint64_t>(ok.FirstValue())};
      break;
    case Slot::Kind::kOperation: {
      Effect& effect = outcome_.effects[slot.index];
      effect.rows = static_cast<std::uint32_t>(ok.result.affected_rows());
      effect.written_by = model::Xid{ParseUnsigned<std::uint32_t>(ok.FirstValue())};
      break;
    }
    case Slot::Kind::kBefore:
      outcome_.bracket = model::CommitBracket{.before = lsn()};
      break;
    case Slot::Kind::kEnd:
      end_tag_ = std::string(ok.result.command_tag());
      break;
    case Slot::Kind::kAfter:
      if (outcome_.bracket) outcome_.bracket->after = position_before_ = lsn();
      break;
  }
}

void Session::OnFailure(const Slot& slot, const std::string& sqlstate, const std::string& message) {
  if (slot.kind == Slot::Kind::kPrepare) {  // no part of the script
    prepared_.erase(preparing_[slot.index]);
    return;
  }
  if (slot.kind == Slot::Kind::kOperation) {
    // The first answer counts: after a Parse that failed, the statement itself is aborted.
    std::string& reported = outcome_.effects[slot.index].sqlstate;
    if (reported.empty()) reported = sqlstate;
  }
  if (outcome_.error.empty()) outcome_.error = message;
}

Result<std::optional<Outcome>> Session::Conclude() {
  if (!end_tag_) {
    // COMMIT was skipped with the rest of its segment: the transaction is still open, and failed.
    if (auto ok = SendSql("ROLLBACK", {Slot::Kind::kEnd}); !ok)
      return std::unexpected(std::move(ok.error()));
    if (auto ok = SendSync(); !ok) return std::unexpected(std::move(ok.error()));
    if (auto ok = pipeline_.Flush(); !ok) return std::unexpected(std::move(ok.error()));
    return std::nullopt;
  }
  outcome_.fate = *end_tag_ == "COMMIT" ? Fate::kCommitted : Fate::kRolledBack;
  if (outcome_.fate == Fate::kRolledBack) outcome_.bracket.reset();
  if (outcome_.bracket && !outcome_.bracket->after.IsValid()) {
    // The reading alone failed (somebody cancelled it).
    if (auto ok = SendSql(kInsertLsn, {Slot::Kind::kAfter}); !ok)
      return std::unexpected(std::move(ok.error()));
    if (auto ok = SendSync(); !ok) return std::unexpected(std::move(ok.error()));
    if (auto ok = pipeline_.Flush(); !ok) return std::unexpected(std::move(ok.error()));
    return std::nullopt;
  }
  script_.reset();
  return std::move(outcome_);
}

Result<std::optional<Outcome>> Session::Settle() {
  const auto give_up = std::chrono::steady_clock::now() + kReconnectLimit;
  while (true) {
    auto outcome = TrySettle();
    if (outcome || !model::IsWorthRetry(outcome.error()) ||
        std::chrono::steady_clock::now() > give_up) {
      return outcome;
    }
    std::this_thread::sleep_for(kReconnectPause);
  }
}

Result<std::optional<Outcome>> Session::TrySettle() {
  slots_.clear();
  prepared_.clear();
  wanted_.clear();
  auto connection = OpenConnection(options_);
  if (!connection) return std::unexpected(std::move(connection.error()));
  if (auto ok = EndLostBackend(*connection, backend_pid_); !ok)
    return std::unexpected(std::move(ok.error()));
  AskedFate fate;
  if (script_ && script_->end == model::ScriptEnd::kCommit) {
    auto asked = AskFate(*connection, *catalog_, options_.id, script_->id);
    if (!asked) return std::unexpected(std::move(asked.error()));
    fate = *asked;
  }
  // After the answer: a commit in doubt ends below it. Before the script is run again: its commit
  // ends above it, also when the server crashed and its WAL ends earlier than it did.
  const auto position = ReadPosition(*connection, options_);
  if (!position) return std::unexpected(position.error());
  const int backend_pid = connection->backend_pid();
  auto pipeline = postgres::Pipeline::Start(std::move(*connection));
  if (!pipeline) return std::unexpected(std::move(pipeline.error()));
  pipeline_ = std::move(*pipeline);
  backend_pid_ = backend_pid;
  if (fate.committed) return TakeSettledOutcome(fate.xid, *position);
  position_before_ = *position;
  if (!script_) return std::nullopt;
  // It did not commit and never will: once more.
  if (auto ok = Send(); !ok) return std::unexpected(std::move(ok.error()));
  return std::nullopt;
}

Outcome Session::TakeSettledOutcome(model::FullXid xid, model::Lsn position_after) {
  if (!outcome_.xid.IsValid()) outcome_.xid = xid;
  outcome_.effects.clear();  // some answers were lost with the connection
  if (options_.bracket_commits) {
    const model::Lsn before = outcome_.bracket ? outcome_.bracket->before : position_before_;
    outcome_.bracket = model::CommitBracket{before, position_after};
    position_before_ = position_after;
  }
  outcome_.was_in_doubt = true;
  outcome_.fate = Fate::kCommitted;
  script_.reset();
  return std::move(outcome_);
}

}  // namespace lockstep::applier
