// One session on a real server: what every operation does there is what the outcome says.
#include "applier/session.h"

#include <gtest/gtest.h>

#include <charconv>
#include <chrono>
#include <map>
#include <string>
#include <variant>
#include <vector>

#include "applier/statements.h"
#include "generator/workload.h"
#include "model/execute.h"
#include "postgres/table_reader.h"
#include "tests/applier/applier_fixture.h"

namespace lockstep::applier {
namespace {

using model::Fate;
using model::Outcome;
using Strings = std::vector<std::string>;

class SessionTest : public ApplierFixture {
 protected:
  // xmin of a row of t, as stored.
  static model::Xid StoredXmin(int key) {
    const std::string text = Scalar("SELECT xmin FROM run.t WHERE a = " + std::to_string(key));
    std::uint32_t xid = 0;
    std::from_chars(text.data(), text.data() + text.size(), xid);
    return model::Xid{xid};
  }
};

TEST_F(SessionTest, EveryOperationTakesEffect) {
  Session session = OpenSession();
  const Outcome first = RunScript(
      session,
      MakeScript(1, {Insert(1, "a"), Insert(2, "b"), Insert(3, "c"), Upsert(2, "B"), Upsert(4, "d"),
                     Update(3, "C"), Update(9, "?"), Delete(1), Delete(9)}));
  EXPECT_EQ(first.fate, Fate::kCommitted);
  EXPECT_EQ(first.id, model::TransactionId{1});
  EXPECT_EQ(first.session, model::SessionId{1});
  EXPECT_FALSE(first.was_in_doubt);
  EXPECT_EQ(first.error, "");
  std::vector<std::uint32_t> rows;
  for (const model::Effect& effect : first.effects) rows.push_back(effect.rows);
  EXPECT_EQ(rows, (std::vector<std::uint32_t>{1, 1, 1, 1, 1, 1, 0, 1, 0}));
  EXPECT_EQ(Rows(), "2=B,3=C,4=d");
  EXPECT_EQ(Scalar("SELECT transaction_id FROM run.session"), "1");
  EXPECT_TRUE(session.idle());
}

TEST_F(SessionTest, RollbackLeavesNothing) {
  Session session = OpenSession();
  const Outcome outcome =
      RunScript(session, MakeScript(1, {Insert(1, "a")}, model::ScriptEnd::kRollback));
  EXPECT_EQ(outcome.fate, Fate::kRolledBack);
  EXPECT_EQ(outcome.effects.at(0).rows, 1U);
  EXPECT_TRUE(outcome.xid.IsValid());
  EXPECT_EQ(Rows(), "");
  EXPECT_EQ(Scalar("SELECT transaction_id FROM run.session"), "0");
}

TEST_F(SessionTest, WrittenByIsTheStoredXmin) {
  Session session = OpenSession();
  const Outcome outcome =
      RunScript(session, MakeScript(1, {Insert(1, "a"), kSavepoint, Insert(2, "b"), kSavepoint,
                                        Upsert(3, "c"), kRelease, Insert(4, "d"), kRollbackTo,
                                        Upsert(5, "e"), kRelease, Insert(6, "f"), Delete(6)}));
  ASSERT_EQ(outcome.fate, Fate::kCommitted);
  const auto written_by = [&](std::size_t operation) {
    return outcome.effects.at(operation).written_by;
  };
  EXPECT_EQ(written_by(0), StoredXmin(1));
  EXPECT_EQ(written_by(0), model::Low(outcome.xid));
  EXPECT_EQ(written_by(8), StoredXmin(5));
  EXPECT_NE(written_by(8), written_by(0));  // a subtransaction's
  EXPECT_NE(written_by(4), written_by(2));
  EXPECT_FALSE(written_by(11).IsValid());  // a delete writes none
  EXPECT_EQ(Scalar("SELECT xmin FROM run.session"), std::to_string(written_by(0).value));
  EXPECT_EQ(Rows(), "1=a,5=e");
}

TEST_F(SessionTest, UniqueViolationOutsideOfASavepointFailsTheScript) {
  Session session = OpenSession();
  RunScript(session, MakeScript(1, {Insert(1, "a")}));
  const Outcome outcome =
      RunScript(session, MakeScript(2, {Insert(2, "b"), Insert(1, "again"), Insert(3, "c")}));
  EXPECT_EQ(outcome.fate, Fate::kRolledBack);
  EXPECT_EQ(SqlstatesOf(outcome), (Strings{"", "23505", "25P02"}));
  EXPECT_NE(outcome.error.find("duplicate key"), std::string::npos) << outcome.error;
  EXPECT_EQ(Rows(), "1=a");
  EXPECT_EQ(RunScript(session, MakeScript(3, {Insert(2, "b")})).fate, Fate::kCommitted);
  EXPECT_EQ(Rows(), "1=a,2=b");
}

TEST_F(SessionTest, UniqueViolationInsideOfASavepointIsRolledBackToIt) {
  Session session = OpenSession();
  RunScript(session, MakeScript(1, {Insert(1, "a")}));
  const Outcome outcome =
      RunScript(session, MakeScript(2, {Insert(2, "b"), kSavepoint, Insert(3, "c"),
                                        Insert(1, "again"), kRollbackTo, Insert(4, "d")}));
  EXPECT_EQ(outcome.fate, Fate::kCommitted);
  EXPECT_EQ(SqlstatesOf(outcome), (Strings{"", "", "", "23505", "", ""}));
  EXPECT_EQ(outcome.effects.at(5).written_by, StoredXmin(4));
  EXPECT_EQ(Rows(), "1=a,2=b,4=d");
}

// What the server skips in a failed transaction opens and closes no savepoint.
TEST_F(SessionTest, SavepointsAreCountedAsTheServerCountsThem) {
  Session session = OpenSession();
  RunScript(session, MakeScript(1, {Insert(1, "a")}));
  const std::vector<model::Script> scripts = {
      MakeScript(2, {kSavepoint, Insert(1, "?"), kSavepoint, kRollbackTo, Insert(2, "b")}),
      MakeScript(3, {kSavepoint, Insert(3, "c"), kSavepoint, Insert(1, "?"), kRelease, kRollbackTo,
                     Insert(4, "d")}),
      MakeScript(4, {Insert(5, "e"), kRollbackTo, Insert(6, "f")}),
      MakeScript(5, {Insert(5, "e"), kRelease, kSavepoint}),
      MakeScript(6, {kSavepoint, kRelease, kSavepoint, Insert(7, "g"), kRollbackTo, kRollbackTo}),
  };
  model::Database database = generator::MakeInitialDatabase(catalog_);
  (void)model::Execute(MakeScript(1, {Insert(1, "a")}), database);
  for (const model::Script& script : scripts) {
    SCOPED_TRACE(script.id.value);
    const model::Execution expected = model::Execute(script, database);
    const Outcome outcome = RunScript(session, script);
    EXPECT_EQ(outcome.fate, expected.fate) << outcome.error;
    Strings states;
    for (const model::Effect& effect : expected.effects) states.push_back(effect.sqlstate);
    EXPECT_EQ(SqlstatesOf(outcome), states);
  }
  EXPECT_EQ(Rows(), "1=a,2=b,3=c,4=d");
}

TEST_F(SessionTest, UnexpectedErrorIsReportedAndTheSessionGoesOn) {
  Session session = OpenSession();
  RunScript(session, MakeScript(1, {Insert(1, "a")}));
  Must(Sql().Execute("ALTER TABLE run.t RENAME TO hidden"));
  // The prepared statement is new, in use, or about to be prepared: the same answer.
  for (std::uint64_t id = 2; id < 6; ++id) {
    const Outcome outcome = RunScript(session, MakeScript(id, {Insert(7, "x"), Delete(1)}));
    EXPECT_EQ(outcome.fate, Fate::kRolledBack);
    EXPECT_EQ(SqlstatesOf(outcome), (Strings{"42P01", "25P02"})) << id;
    EXPECT_NE(outcome.error.find("does not exist"), std::string::npos) << outcome.error;
  }
  // A script that has nothing to do with the table.
  EXPECT_EQ(RunScript(session, MakeScript(6, {})).fate, Fate::kCommitted);
  Must(Sql().Execute("ALTER TABLE run.hidden RENAME TO t"));
  for (std::uint64_t id = 7; id < 11; ++id) {
    const auto key = static_cast<std::int64_t>(id);
    const Outcome outcome = RunScript(session, MakeScript(id, {Insert(key, "x"), Delete(key)}));
    EXPECT_EQ(outcome.fate, Fate::kCommitted) << outcome.error;
    EXPECT_EQ(outcome.error, "");
  }
  EXPECT_EQ(Rows(), "1=a");
}

// A Prepare that fails takes only its own statement with it.
TEST_F(SessionTest, OneTableGoneLeavesTheOthersWorking) {
  catalog_.tables.push_back(std::make_shared<const model::Relation>([&] {
    model::Relation other = *catalog_.tables[1];
    other.name = "u";
    return other;
  }()));
  Must(Sql().Execute(CreateTableSql(*catalog_.tables[2])));
  Session session = OpenSession();
  // Both shapes are wanted from here on.
  RunScript(session, MakeScript(1, {Insert(1, "a"), Insert(1, "a", 2)}));
  Must(Sql().Execute("DROP TABLE run.t"));
  for (std::uint64_t id = 2; id < 5; ++id) {
    const Outcome outcome =
        RunScript(session, MakeScript(id, {Insert(static_cast<std::int64_t>(id), "a", 2)}));
    EXPECT_EQ(outcome.fate, Fate::kCommitted) << outcome.error;
    EXPECT_EQ(outcome.error, "");
  }
  EXPECT_EQ(Scalar("SELECT count(*) FROM run.u"), "4");
}

TEST_F(SessionTest, FailureAtCommitIsARollback) {
  Must(Sql().Execute(
      "CREATE FUNCTION run.refuse() RETURNS trigger LANGUAGE plpgsql AS "
      "$$ BEGIN IF NEW.b = 'bad' THEN RAISE EXCEPTION 'refused late' USING ERRCODE = 'P0042'; "
      "END IF; RETURN NULL; END $$; CREATE CONSTRAINT TRIGGER late AFTER INSERT ON run.t "
      "DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION run.refuse()"));
  for (bool bracket_commits : {false, true}) {
    Session session = OpenSession(catalog_, cluster().uri(), bracket_commits);
    const Outcome outcome = RunScript(session, MakeScript(1, {Insert(1, "bad")}));
    EXPECT_EQ(outcome.fate, Fate::kRolledBack);
    EXPECT_EQ(SqlstatesOf(outcome), (Strings{""}));
    EXPECT_NE(outcome.error.find("refused late"), std::string::npos) << outcome.error;
    EXPECT_FALSE(outcome.bracket.has_value());
    EXPECT_EQ(Rows(), "");
    EXPECT_EQ(RunScript(session, MakeScript(2, {Insert(1, "good"), Delete(1)})).fate,
              Fate::kCommitted);
  }
}

TEST_F(SessionTest, BracketHoldsTheCommit) {
  Session session = OpenSession(catalog_, cluster().uri(), true);
  const model::Lsn before = Must(Sql().ScalarLsn("SELECT pg_current_wal_insert_lsn()"));
  const Outcome outcome = RunScript(session, MakeScript(1, {Insert(1, "a")}));
  const model::Lsn after = Must(Sql().ScalarLsn("SELECT pg_current_wal_insert_lsn()"));
  ASSERT_TRUE(outcome.bracket.has_value());
  EXPECT_LE(before, outcome.bracket->before);
  EXPECT_LT(outcome.bracket->before, outcome.bracket->after);
  EXPECT_LE(outcome.bracket->after, after);
  EXPECT_FALSE(
      RunScript(session, MakeScript(2, {}, model::ScriptEnd::kRollback)).bracket.has_value());
}

// More in both directions than the sockets hold: a session that only writes, or only reads, would
// wait for ever.
TEST_F(SessionTest, ManyLargeOperationsDoNotDeadlock) {
  Session session = OpenSession();
  const std::string large(8'000, 'x');
  std::vector<model::Operation> operations;
  for (int i = 0; i < 5'000; ++i) operations.push_back(Insert(i, large));
  const Outcome outcome = RunScript(session, MakeScript(1, operations));
  EXPECT_EQ(outcome.fate, Fate::kCommitted) << outcome.error;
  EXPECT_EQ(Scalar("SELECT count(*) || ' ' || sum(length(b)) FROM run.t"), "5000 40000000");
}

// Every set of assigned columns is a shape of its own; only kMaxPrepared of them are prepared.
TEST_F(SessionTest, MoreShapesThanAreKeptPrepared) {
  constexpr std::uint32_t kColumns = 12;  // 4,095 sets
  model::Relation wide = *catalog_.tables[1];
  wide.name = "wide";
  wide.columns.resize(1);
  for (std::uint32_t i = 1; i <= kColumns; ++i) {
    wide.columns.push_back({"c" + std::to_string(i), model::type_oid::kInt4, "integer", false});
  }
  catalog_.tables.push_back(std::make_shared<const model::Relation>(wide));
  Must(Sql().Execute(CreateTableSql(wide)));
  Must(Sql().Execute("INSERT INTO run.wide VALUES (1)"));
  Session session = OpenSession();
  for (std::uint64_t round = 1; round <= 3; ++round) {
    std::vector<model::Operation> operations;
    for (std::uint32_t set = 1; set < 1U << kColumns; ++set) {
      model::RowBuilder builder;
      builder.Add(model::Cell(model::NotSent{}));
      for (std::uint32_t i = 0; i < kColumns; ++i) {
        if ((set >> i & 1) != 0) {
          builder.Add(model::Value(static_cast<std::int64_t>(round * 10'000 + set)));
        } else {
          builder.Add(model::Cell(model::NotSent{}));
        }
      }
      operations.emplace_back(std::in_place_type<model::UpdateRow>, 2,
                              model::MakeRow({std::int64_t{1}}), builder.Build());
    }
    const Outcome outcome = RunScript(session, MakeScript(round, operations));
    ASSERT_EQ(outcome.fate, Fate::kCommitted) << outcome.error;
  }
  EXPECT_EQ(Scalar("SELECT c1 || ' ' || c12 FROM run.wide"), "34095 34095");
}

// The generator's scripts mean on the server what they mean on the model, operation by operation.
TEST_F(SessionTest, GeneratedScriptsDoAsTheModelSays) {
  constexpr std::uint64_t kSeed = 20240611;
  SCOPED_TRACE("seed " + std::to_string(kSeed));
  generator::Workload workload(
      {.seed = kSeed, .transactions = 400, .sessions = 1, .schema = "generated"});
  const model::Catalog& catalog = workload.catalog();
  Connection sql = Sql();
  Must(CreateSchema(sql, catalog));
  model::Database database = generator::MakeInitialDatabase(catalog);
  // By table and key: the xid that wrote the row.
  std::map<std::pair<std::uint32_t, model::Row>, model::Xid> written_by;
  Session session = OpenSession(catalog, cluster().uri());
  std::size_t violations = 0;
  for (auto step = workload.Next(); !std::holds_alternative<wire::End>(step);
       step = workload.Next()) {
    const auto* script = std::get_if<model::Script>(&step);
    if (script == nullptr) continue;
    const model::Execution expected = model::Execute(*script, database);
    const Outcome outcome = RunScript(session, *script);
    ASSERT_EQ(outcome.fate, expected.fate) << script->id.value << ": " << outcome.error;
    ASSERT_EQ(outcome.effects.size(), expected.effects.size());
    for (std::size_t i = 0; i < expected.effects.size(); ++i) {
      ASSERT_EQ(outcome.effects[i].rows, expected.effects[i].rows)
          << script->id.value << " operation " << i;
      ASSERT_EQ(outcome.effects[i].sqlstate, expected.effects[i].sqlstate)
          << script->id.value << " operation " << i << ": " << outcome.error;
      violations += expected.effects[i].sqlstate == "23505" ? 1 : 0;
    }
    for (std::size_t i = 0; i < expected.images.size(); ++i) {
      const model::RowImage& image = expected.images[i];
      const std::uint32_t operation = expected.image_operation[i];
      if (image.after) {
        written_by[{image.table, image.key}] = operation == model::Execution::kSessionUpdate
                                                   ? model::Low(outcome.xid)
                                                   : outcome.effects[operation].written_by;
      } else {
        written_by.erase({image.table, image.key});
      }
    }
  }
  EXPECT_GT(violations, 0U);

  // Rows and the xmin of each, as they are stored.
  model::Database stored(catalog.tables);
  std::size_t rows = 0;
  for (std::uint32_t table = 0; table < catalog.tables.size(); ++table) {
    const model::Relation& relation = *catalog.tables[table];
    const auto check = [&](const postgres::TableRow& row) -> model::Result<void> {
      const model::Row key = relation.KeyOf(row.row);
      EXPECT_EQ(row.xmin, (written_by[{table, key}])) << relation.name;
      stored.Write(table, key, row.row);
      ++rows;
      return {};
    };
    Must(postgres::ReadTable(sql, relation, check, postgres::RowForm::kWithXmin));
  }
  EXPECT_EQ(rows, written_by.size());
  EXPECT_EQ(stored.digest(), database.digest());
  Must(DropSchema(sql, catalog));
}

}  // namespace
}  // namespace lockstep::applier
