#include "tests/wire/sample_messages.h"

#include <limits>
#include <memory>
#include <string>
#include <utility>

#include "model/row.h"
#include "model/value.h"

namespace lockstep::wire {
namespace {

using model::Digest;
using model::Lsn;
using model::MakeRow;
using model::Row;
using model::Xid;

constexpr std::uint64_t kLargest = std::numeric_limits<std::uint64_t>::max();

Row KeyRow() { return MakeRow({std::int64_t{-7}, model::Text{"a\"b"}}); }

Row FullRow() {
  return MakeRow({std::int64_t{-7}, model::Text{"a\"b"}, model::Null{}, true, 1.5,
                  model::Numeric{"1.50"}, model::Bytes{std::string_view("\0\xff", 2)},
                  model::Date{-3}, model::Time{5}, model::Timestamp{model::Timestamp::kInfinity},
                  model::Uuid{{1, 2, 3}}, model::Other{"inet", "10.0.0.1"}});
}

Row AssignmentRow() {
  model::RowBuilder builder;
  builder.Add(model::Cell(model::NotSent{}));
  builder.Add(model::Cell(model::Value(model::Text{"new"})));
  return builder.Build();
}

model::Catalog SampleCatalog() {
  auto table = std::make_shared<model::Relation>();
  table->schema = "lockstep_3f2a";
  table->name = "Ta \xff ble";  // not UTF-8
  table->columns = {{"id", model::Oid{20}, "bigint", true},
                    {"Nam e", model::Oid{25}, "text", false, "'\xff' || id"}};
  table->key = {1, 0};
  table->identity = model::ReplicaIdentity::kFull;
  model::Catalog catalog;
  catalog.schema = "lockstep_3f2a";
  catalog.sessions = 4;
  catalog.types = {{"mo od", "TYPE {} AS ENUM ('\xff')"}, {"price", "DOMAIN {} AS numeric"}};
  catalog.tables = {model::MakeSessionRelation("lockstep_3f2a"), table};
  catalog.owners = {{}, model::SessionId{3}};
  return catalog;
}

model::Script SampleScript() {
  model::Script script;
  script.id.value = kLargest;
  script.session.value = 3;
  script.end = model::ScriptEnd::kRollback;
  script.operations = {
      model::InsertRow{1, FullRow()},
      model::Savepoint{},
      model::UpsertRow{300, FullRow(), {1, 2, 70'000}},
      model::UpdateRow{1, KeyRow(), AssignmentRow()},
      model::RollbackToSavepoint{},
      model::DeleteRow{4'000'000'000u, KeyRow()},
      model::TruncateTable{4'000'000'000u},
      model::EmitMessage{"it's", "\xff"},
      model::EmitMessage{},
      model::ReleaseSavepoint{},
      model::TruncateTable{3},
      model::EmitMessage{"p", std::string("a\0b", 3)},
  };
  return script;
}

model::Outcome SampleOutcome() {
  model::Outcome outcome;
  outcome.id.value = 12;
  outcome.session.value = 2;
  outcome.xid.value = (std::uint64_t{3} << 32) | 77;
  outcome.fate = model::Fate::kCommitted;
  outcome.was_in_doubt = true;
  outcome.effects = {{1, Xid{78}, ""}, {0, Xid{}, "23505"}};
  outcome.bracket = model::CommitBracket{Lsn{5}, Lsn{kLargest}};
  outcome.error = "duplicate key \xfe";
  return outcome;
}

model::Verdict SampleVerdict() {
  model::Verdict verdict;
  verdict.kind = model::VerdictKind::kDiverged;
  verdict.reason = "A row differs.";
  verdict.seed = 42;
  verdict.workload_hash = Digest{1, 2};
  verdict.postgres_version = "15.20";
  verdict.commit_order = model::CommitOrderSource::kBrackets;
  verdict.transactions = {10, 8, 1, 1};
  verdict.listeners = {{"listener-1",
                        "pgoutput",
                        10,
                        20,
                        8,
                        1,
                        Lsn{99},
                        Digest{3, 4},
                        Lsn{11},
                        Lsn{98},
                        true,
                        {{"time_zone", 5}},
                        {{"t", Lsn{50}, "truncated"}}}};
  verdict.expected = Digest{5, 6};
  verdict.source = Digest{7, 8};
  verdict.generator = Digest{9, 10};
  verdict.rows_compared = 1000;
  verdict.situations = {{"truncate", 3}, {"key_swap", 0}};
  const model::NamedTexts key = {{"id", "1"}};
  const model::NamedTexts row = {{"id", "1"}, {"note", std::nullopt}, {"empty", ""}};
  verdict.first_divergence = model::FirstDivergence{
      .listener = "listener-1",
      .commit = model::TransactionId{12},
      .xid = Xid{77},
      .end_lsn = Lsn{98},
      .table = "t",
      .rows = {{.key = key, .expected = row, .source = model::NamedTexts{}, .replicated = {}}}};
  return verdict;
}

}  // namespace

std::vector<Message> SampleMessages() {
  const RowAddress address{.table = "T q", .key = KeyRow()};
  return {
      CatalogMade{.catalog = SampleCatalog(), .seed = 42, .bracket_commits = true},
      Ready{.postgres_version = "15.20"},
      Join{.listener = "listener-1", .plugin = "wal2json", .losses = {model::Loss::kMessage}},
      Attach{.schema = "lockstep_3f2a", .publication = "p"},
      Hello{.listener = "listener-1",
            .plugin = "pgoutput",
            .slot = "s",
            .consistent_point = Lsn{0x16B374D848},
            .digest = Digest{kLargest, 1},
            .blind_tables = {"a", "b\xff"}},
      SampleScript(),
      model::Script{},
      Barrier{.number = 1},
      BarrierReached{.number = 2, .lsn = Lsn{3}},
      BarrierRelease{.number = 4},
      End{.scripts = 5,
          .barriers = 6,
          .workload_hash = Digest{7, 8},
          .digest = Digest{9, 10},
          .situations = {{"truncate", kLargest}, {"key_swap", 0}},
          .committed = kLargest - 1},
      SampleOutcome(),
      model::Outcome{},
      Settled{.lsn = Lsn{kLargest}},
      Commit{.xid = Xid{1},
             .end_lsn = Lsn{2},
             .digest = Digest{3, 4},
             .changes_digest = Digest{5, 6},
             .changes = 5,
             .run_changes = 6},
      Position{.received = Lsn{1}, .confirmed = Lsn{2}},
      Misfit{.xid = Xid{1}, .end_lsn = Lsn{2}, .table = "t", .message = "m", .key = KeyRow()},
      Accepted{.lsn = Lsn{1}},
      RowsRequest{.end_lsn = Lsn{1}, .rows = {address, address}},
      RowsReply{.end_lsn = Lsn{1}, .rows = {{address, FullRow()}, {address, std::nullopt}}},
      Credit{.scripts = 1, .bytes = kLargest},
      Status{.process = "generator", .counters = {{"transactions", 1200}, {"bytes", kLargest}}},
      Failure{.process = "applier", .error = {model::ErrorKind::kSql, "no \xff table", "42P01"}},
      SampleVerdict(),
      model::Verdict{},
      Quarantine{.table = "a"},
      Quarantined{.table = "a", .end_lsn = Lsn{7}, .reason = "r"},
      Leave{.listener = "listener-1", .received = Lsn{9}},
      Finish{},
  };
}

}  // namespace lockstep::wire
