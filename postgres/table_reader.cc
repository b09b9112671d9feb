#include "postgres/table_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <cassert>
#include <cstddef>
#include <iterator>
#include <memory>
#include <span>
#include <string_view>
#include <utility>

#include "postgres/libpq_access.h"
#include "postgres/partition_tree.h"

namespace lockstep::postgres {
namespace {

using model::Error;
using model::ErrorKind;
using model::Fail;
using model::Relation;
using model::Result;

constexpr const char* kBegin = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";

struct FreeMemory {
  void operator()(char* memory) const { PQfreemem(memory); }
};

}  // namespace

Result<void> BeginSnapshot(Connection& connection, const std::string& snapshot_name) {
  Result<QueryResult> begun = connection.Execute(kBegin);
  if (!begun) return std::unexpected(begun.error());
  if (snapshot_name.empty()) return {};
  Result<QueryResult> set =
      connection.Execute("SET TRANSACTION SNAPSHOT " + model::SqlLiteral(snapshot_name));
  if (set) return {};
  Error error = set.error();
  (void)connection.Execute("ROLLBACK");
  if (error.kind == ErrorKind::kSql) {
    error.kind = ErrorKind::kUsage;
    error.message +=
        "; the snapshot lives only while its replication connection is open and idle: make a new "
        "one";
  }
  return std::unexpected(std::move(error));
}

namespace {

// The partitions of a relation that hold rows, as the snapshot shows them.
std::string PartitionsQuery(const Relation& relation) {
  return fmt::format(
      "SELECT pg_catalog.format('%I.%I', p.nspname, t.relname) FROM pg_catalog.pg_class c "
      "JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace CROSS JOIN LATERAL "
      "({} SELECT tree.oid FROM tree) l JOIN pg_catalog.pg_class t ON t.oid = l.oid "
      "JOIN pg_catalog.pg_namespace p ON p.oid = t.relnamespace "
      "WHERE n.nspname = {} AND c.relname = {} AND t.relkind = 'r' ORDER BY t.oid DESC",
      kPartitionTree, model::SqlLiteral(relation.schema), model::SqlLiteral(relation.name));
}

std::vector<std::string> CommandsFor(const QueryResult& partitions, const Relation& relation,
                                     RowForm form) {
  std::vector<std::string> commands;
  for (int row = 0; row < partitions.rows(); ++row)
    commands.push_back(CopyCommand(relation, form, std::string(partitions.Text(row, 0))));
  return commands;
}

Result<void> CopyOut(Connection& connection, const std::string& command, CopyRowParser& parser,
                     const std::function<Result<void>(const TableRow&)>& consume) {
  PGconn* handle = LibpqAccess::Handle(connection);
  ResultHandle begun(PQexec(handle, command.c_str()));
  if (PQresultStatus(begun.get()) != PGRES_COPY_OUT) {
    return std::unexpected(ErrorOf(handle, begun.get(), Abbreviate(command)));
  }
  Result<void> outcome;
  char* buffer = nullptr;
  int size = 0;
  while ((size = PQgetCopyData(handle, &buffer, 0)) > 0) {
    std::unique_ptr<char, FreeMemory> owned(buffer);
    if (!outcome) continue;  // the rest has to be read before the connection is of use again
    std::string_view line(buffer, static_cast<std::size_t>(size));
    Result<TableRow> row = parser.Parse(line);
    outcome = row ? consume(*row) : Result<void>(std::unexpected(row.error()));
    if (!outcome) (void)connection.Cancel();
  }
  while (PGresult* next = PQgetResult(handle)) {
    ResultHandle result(next);
    if (outcome && PQresultStatus(next) != PGRES_COMMAND_OK) {
      outcome = std::unexpected(ErrorOf(handle, next, Abbreviate(command)));
    }
  }
  if (outcome && !connection.IsAlive()) {
    outcome = std::unexpected(ErrorOf(handle, nullptr, Abbreviate(command)));
  }
  return outcome;
}

}  // namespace

Result<void> ReadTable(Connection& connection, const Relation& relation,
                       const std::function<Result<void>(const TableRow&)>& consume, RowForm form) {
  std::vector<std::string> commands = {CopyCommand(relation, form)};
  if (relation.is_partitioned) {
    auto partitions = connection.Execute(PartitionsQuery(relation));
    if (!partitions) return std::unexpected(std::move(partitions.error()));
    commands = CommandsFor(*partitions, relation, form);
  }
  CopyRowParser parser(relation, form);
  for (; !commands.empty(); commands.pop_back()) {
    if (auto ok = CopyOut(connection, commands.back(), parser, consume); !ok) return ok;
  }
  return {};
}

namespace {

std::string LockCommand(std::span<const model::RelationPtr> tables) {
  std::string names;
  for (const model::RelationPtr& table : tables) {
    names += fmt::format("{}{}.{}", names.empty() ? "" : ", ", model::SqlIdentifier(table->schema),
                         model::SqlIdentifier(table->name));
  }
  return fmt::format("LOCK TABLE {} IN ACCESS SHARE MODE", names);
}

}  // namespace

bool TellsOfChange(const Error& error) {
  // A lock or an answer not in time, a deadlock, no such table or schema, a right that was taken
  // away, and an internal error: "tuple concurrently updated", "could not open relation with OID".
  constexpr std::string_view kChanges[] = {"55P03", "57014", "40P01", "42P01",
                                           "3F000", "42501", "XX000"};
  return std::ranges::find(kChanges, error.sqlstate) != std::end(kChanges);
}

Result<void> LockTables(Connection& connection, const std::vector<model::RelationPtr>& tables) {
  if (tables.empty()) return {};
  Result<QueryResult> locked = connection.Execute(LockCommand(tables));
  if (!locked) return Fail("locking the tables to read", locked.error());
  return {};
}

Result<void> BeginSnapshotAndLock(Connection& connection, const std::string& snapshot_name,
                                  const std::vector<model::RelationPtr>& tables,
                                  std::chrono::milliseconds lock_timeout) {
  std::string sql = fmt::format("{}; SET TRANSACTION SNAPSHOT {}; SET LOCAL lock_timeout = {}",
                                kBegin, model::SqlLiteral(snapshot_name), lock_timeout.count());
  if (!tables.empty()) sql += "; " + LockCommand(tables);
  Result<QueryResult> done = connection.Execute(sql);
  if (!done) return Fail("locking the tables under the slot's snapshot", done.error());
  return {};
}

namespace {

// Of those that are not all free, one half and then the other.
Result<void> LockFree(Connection& connection, std::span<const model::RelationPtr> tables,
                      std::vector<bool>& locked) {
  auto done = connection.Execute(
      fmt::format("SAVEPOINT tables; {} NOWAIT; RELEASE SAVEPOINT tables", LockCommand(tables)));
  if (done) {
    locked.insert(locked.end(), tables.size(), true);
    return {};
  }
  if (!TellsOfChange(done.error())) return std::unexpected(std::move(done.error()));
  auto back = connection.Execute("ROLLBACK TO SAVEPOINT tables; RELEASE SAVEPOINT tables");
  if (!back) return std::unexpected(std::move(back.error()));
  if (tables.size() == 1) {
    locked.push_back(false);
    return {};
  }
  const std::size_t half = tables.size() / 2;
  if (auto ok = LockFree(connection, tables.first(half), locked); !ok) return ok;
  return LockFree(connection, tables.subspan(half), locked);
}

}  // namespace

Result<std::vector<bool>> LockThoseFree(Connection& connection,
                                        const std::vector<model::RelationPtr>& tables) {
  std::vector<bool> locked;
  if (tables.empty()) return locked;
  if (auto ok = LockFree(connection, tables, locked); !ok)
    return Fail("locking the tables that nobody holds", ok.error());
  return locked;
}

Result<TableReader> TableReader::Start(Connection connection, const std::string& snapshot_name,
                                       const std::vector<model::RelationPtr>& locked) {
  assert(connection.kind() == ConnectionKind::kSql);
  if (Result<void> begun = BeginSnapshot(connection, snapshot_name); !begun) {
    return std::unexpected(begun.error());
  }
  if (Result<void> ok = LockTables(connection, locked); !ok) return std::unexpected(ok.error());
  return Adopt(std::move(connection));
}

Result<TableReader> TableReader::Adopt(Connection connection) {
  TableReader reader(std::move(connection));
  if (PQsetnonblocking(LibpqAccess::Handle(reader.connection_), 1) != 0) {
    return std::unexpected(reader.Failure());
  }
  return reader;
}

Error TableReader::Failure() const {
  return ErrorOf(
      LibpqAccess::Handle(connection_), nullptr,
      fmt::format("reading table {}", relation_ ? relation_->QualifiedName() : "(none yet)"));
}

int TableReader::fd() const { return PQsocket(LibpqAccess::Handle(connection_)); }

Result<void> TableReader::Flush() {
  int left = PQflush(LibpqAccess::Handle(connection_));
  if (left < 0) return std::unexpected(Failure());
  wants_write_ = left == 1;
  return {};
}

Result<void> TableReader::Send(const std::string& sql) {
  if (PQsendQuery(LibpqAccess::Handle(connection_), sql.c_str()) != 1)
    return std::unexpected(Failure());
  state_ = State::kAsked;
  return Flush();
}

Result<void> TableReader::Read(model::RelationPtr relation, RowForm form) {
  assert(done());
  relation_ = std::move(relation);
  form_ = form;
  parser_.emplace(*relation_, form_);
  return Send(relation_->is_partitioned ? PartitionsQuery(*relation_)
                                        : CopyCommand(*relation_, form_));
}

// Takes the results around the rows. False: nothing can be done before more has arrived.
Result<bool> TableReader::Advance() {
  PGconn* handle = LibpqAccess::Handle(connection_);
  if (PQisBusy(handle) != 0) return false;
  ResultHandle result(PQgetResult(handle));
  if (!result) {
    if (!connection_.IsAlive()) return std::unexpected(Failure());
    state_ = State::kIdle;
    if (commands_.empty()) return true;
    const std::string next = std::move(commands_.back());
    commands_.pop_back();
    if (auto ok = Send(next); !ok) return std::unexpected(std::move(ok.error()));
    return true;
  }
  switch (PQresultStatus(result.get())) {
    case PGRES_COPY_OUT:
      state_ = State::kCopying;
      return true;
    case PGRES_COMMAND_OK:
      return true;
    case PGRES_TUPLES_OK:
      commands_ = CommandsFor(QueryResult(result.release()), *relation_, form_);
      return true;
    default:
      return std::unexpected(
          ErrorOf(handle, result.get(), "reading table " + relation_->QualifiedName()));
  }
}

Result<std::optional<TableRow>> TableReader::Next() {
  PGconn* handle = LibpqAccess::Handle(connection_);
  bool consumed = false;
  while (state_ != State::kIdle) {
    if (state_ == State::kCopying) {
      char* buffer = nullptr;
      int size = PQgetCopyData(handle, &buffer, 1);
      std::unique_ptr<char, FreeMemory> owned(buffer);
      if (size < -1) return std::unexpected(Failure());
      if (size == -1) {
        state_ = State::kEnding;
        continue;
      }
      if (size > 0) {
        std::string_view line(buffer, static_cast<std::size_t>(size));
        Result<TableRow> row = parser_->Parse(line);
        if (!row) return std::unexpected(row.error());
        return std::move(*row);
      }
    } else {
      Result<bool> advanced = Advance();
      if (!advanced) return std::unexpected(advanced.error());
      if (*advanced) continue;
    }
    if (consumed) return std::nullopt;
    if (PQconsumeInput(handle) == 0) return std::unexpected(Failure());
    consumed = true;
  }
  return std::nullopt;
}

Result<Connection> TableReader::Finish() && {
  assert(done());
  PQsetnonblocking(LibpqAccess::Handle(connection_), 0);
  Result<QueryResult> committed = connection_.Execute("COMMIT");
  if (!committed) return std::unexpected(committed.error());
  return std::move(connection_);
}

}  // namespace lockstep::postgres
