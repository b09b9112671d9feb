// A table that cannot be followed any longer is set aside with its reason, and the others go on.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <string>
#include <string_view>

#include "consumer/consumer.h"
#include "model/digest.h"
#include "model/error.h"
#include "model/lsn.h"
#include "model/output_plugin.h"
#include "model/relation.h"
#include "postgres/publication.h"
#include "postgres/table_scope.h"
#include "replication/replica.h"
#include "tests/consumer/scope_fixture.h"

namespace lockstep::consumer {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::ResultOf;

class ConsumerSetAsideTest : public ScopeFixture {
 protected:
  static bool IsPgoutput() { return std::string_view(GetParam()).starts_with("pgoutput"); }
  // With publications that let no UPDATE fail.
  static Follow AttachPublishing() {
    const TableScope scope = TableScope::Matching("s");
    Connection sql = Sql();
    Must(sql.Execute("DROP PUBLICATION everything"));
    const auto tables = Must(postgres::ReadScope(sql, scope));
    ConsumerOptions options = AuditOptions(scope);
    Must(postgres::CreateScopePublications(sql, "audit", tables, std::chrono::seconds(1)));
    options.publications = postgres::ScopePublicationNames("audit");
    return Follow(Must(Consumer::Attach(options)));
  }
  // Follows up to now and compares all tables but those that were set aside.
  static void ExpectOthersEqual(Follow& follow) {
    follow.UntilReceived(InsertLsn());
    const replication::Replica& replica = follow->replica();
    for (std::uint32_t i = 0; i < replica.database().table_count(); ++i) {
      const model::Relation& relation = *replica.database().table(i).relation();
      const model::TableDigest& digest = replica.database().table(i).digest();
      if (ReasonOf(follow, relation.name).empty()) {
        EXPECT_EQ(digest, SourceDigestOf(relation, Losses())) << relation.QualifiedName();
      } else {
        EXPECT_EQ(digest.rows, 0U);
      }
    }
  }
  // Why the table was set aside; empty: it was not.
  static std::string ReasonOf(Follow& follow, const std::string& table) {
    for (const replication::SetAsideTable& one : follow->replica().set_aside()) {
      if (one.name == table) return one.reason;
    }
    return {};
  }
  void TearDown() override {
    Connection sql = Sql();
    Must(postgres::DropScopePublications(sql, "audit"));
    ScopeFixture::TearDown();
  }
};

INSTANTIATE_TEST_SUITE_P(EachPlugin, ConsumerSetAsideTest,
                         testing::Values("decoderbufs", "wal2json", "pgoutput", "pgoutput-binary"),
                         PluginTestName);

TEST_P(ConsumerSetAsideTest, ATableWithoutIdentityOnceItIsUpdatedOrDeletedFrom) {
  Write(
      "CREATE TABLE s.log(a int); CREATE TABLE s.\"Lo.\"\"g\"(a int); CREATE TABLE s.late(id int "
      "PRIMARY KEY DEFERRABLE); CREATE TABLE s.quiet(a int); CREATE TABLE s.nothing(id int PRIMARY "
      "KEY); ALTER TABLE s.nothing REPLICA IDENTITY NOTHING; INSERT INTO s.log VALUES (1), (1);"
      "INSERT INTO s.\"Lo.\"\"g\" VALUES (1); INSERT INTO s.late VALUES (1);"
      "INSERT INTO s.quiet VALUES (1), (1); INSERT INTO s.nothing VALUES (1)");
  Follow follow = AttachPublishing();
  EXPECT_EQ(follow->insert_only().size(), 5U);
  Write("INSERT INTO s.log VALUES (2); INSERT INTO s.quiet VALUES (1); INSERT INTO s.t VALUES (1)");
  ExpectOthersEqual(follow);
  EXPECT_THAT(follow->replica().set_aside(), IsEmpty());

  Write(
      "BEGIN; UPDATE s.t SET name = 'before'; UPDATE s.log SET a = a + 1; INSERT INTO s.log VALUES "
      "(9); INSERT INTO s.t VALUES (2, 'after'); COMMIT");
  follow.UntilReceived(InsertLsn());
  const model::Lsn updated = follow.end_lsns().back();
  Write("DELETE FROM s.\"Lo.\"\"g\"; UPDATE s.late SET id = id; DELETE FROM s.nothing");
  Write("UPDATE s.log SET a = 0; INSERT INTO s.quiet VALUES (2); UPDATE s.t SET id = id + 10");
  if (IsPgoutput()) {
    // It says nothing of them: insert_only() has them.
    follow.UntilReceived(InsertLsn());
    EXPECT_THAT(follow->replica().set_aside(), IsEmpty());
  } else {
    ExpectOthersEqual(follow);
    const auto& aside = follow->replica().set_aside();
    ASSERT_EQ(aside.size(), 4U);
    EXPECT_EQ(aside[0].name, "log");
    EXPECT_EQ(aside[0].schema, "s");
    EXPECT_EQ(aside[0].end_lsn, updated);
    EXPECT_THAT(aside[0].reason, HasSubstr("replica identity"));
    EXPECT_THAT(ReasonOf(follow, "Lo.\"g"), HasSubstr("replica identity"));
    EXPECT_THAT(ReasonOf(follow, "late"), HasSubstr("replica identity"));
    EXPECT_THAT(ReasonOf(follow, "nothing"), HasSubstr("replica identity"));
  }
  Must(follow->Detach());
}

TEST_P(ConsumerSetAsideTest, ATableWhoseColumnsChanged) {
  Write(
      "CREATE TABLE s.more(id int PRIMARY KEY, a int); CREATE TABLE s.less(id int PRIMARY KEY, a "
      "int); CREATE TABLE s.other(id int PRIMARY KEY, a int); CREATE TABLE s.named(id int PRIMARY "
      "KEY, a int); CREATE TABLE s.typed(id int PRIMARY KEY, a int);"
      "CREATE TABLE s.tagged(id int PRIMARY KEY, a int); INSERT INTO s.more VALUES (1, 1)");
  Follow follow = AttachTo(TableScope::Matching("s"));
  Write(
      "BEGIN; INSERT INTO s.more VALUES (2, 2); INSERT INTO s.t VALUES (1, 'a'); "
      "ALTER TABLE s.more ADD b int; INSERT INTO s.more VALUES (3, 3, 3); COMMIT");
  Write("ALTER TABLE s.less DROP a; INSERT INTO s.less VALUES (1)");
  Write(
      "ALTER TABLE s.other ALTER a TYPE text; UPDATE s.other SET a = 'x';"
      "INSERT INTO s.other VALUES (1, 'y')");
  Write("ALTER TABLE s.named RENAME a TO b; INSERT INTO s.named VALUES (1, 1)");
  Write(
      "CREATE TYPE s.mood AS ENUM ('ok'); ALTER TABLE s.typed ADD m s.mood;"
      "INSERT INTO s.typed VALUES (1, 1, 'ok'); INSERT INTO s.typed VALUES (2, 2, 'ok')");
  Write(
      "ALTER TABLE s.tagged ALTER a TYPE s.mood USING 'ok'; INSERT INTO s.tagged VALUES (1, 'ok')");
  Write("UPDATE s.t SET name = 'still followed'; DELETE FROM s.more");
  ExpectOthersEqual(follow);
  for (const char* table : {"more", "less", "other", "named", "typed", "tagged"})
    EXPECT_NE(ReasonOf(follow, table), "") << table;
  EXPECT_EQ(follow->replica().set_aside().size(), 6U);
  EXPECT_EQ(follow->replica().database().row_count(), 1U);
  Must(follow->Detach());
}

TEST_P(ConsumerSetAsideTest, TablesThatCameLaterAreNamedOnce) {
  Write("CREATE SCHEMA elsewhere; CREATE TABLE elsewhere.moved(id int PRIMARY KEY)");
  Follow follow = AttachTo(TableScope::Matching("s"));
  Write(
      "CREATE TABLE s.\"La.\"\"ter\"(id int PRIMARY KEY); CREATE TABLE s.empty(a int);"
      "CREATE TABLE s.filled AS SELECT 1 AS a");
  Write("INSERT INTO s.\"La.\"\"ter\" SELECT generate_series(1, 1000)");
  Write(
      "UPDATE s.\"La.\"\"ter\" SET id = -id; INSERT INTO s.t VALUES (1, 'a');"
      "ALTER TABLE elsewhere.moved SET SCHEMA s; INSERT INTO s.moved VALUES (1);"
      "ALTER TABLE s.moved RENAME TO renamed; INSERT INTO s.renamed VALUES (2)");
  ExpectOthersEqual(follow);
  const auto name = [](const replication::SetAsideTable& table) { return table.name; };
  EXPECT_THAT(follow->replica().set_aside(),
              ElementsAre(ResultOf(name, "filled"), ResultOf(name, "La.\"ter"),
                          ResultOf(name, "moved"), ResultOf(name, "renamed")));
  EXPECT_THAT(ReasonOf(follow, "La.\"ter"), HasSubstr("was not there"));
  EXPECT_EQ(follow->replica().database().table_count(), 1U);

  // It stays so on a new connection.
  TerminateReader("scoped");
  EXPECT_EQ(follow.UntilLost().kind, model::ErrorKind::kDisconnected);
  Must(follow.Reconnect());
  Write("DELETE FROM s.\"La.\"\"ter\"; UPDATE s.t SET name = 'b'");
  ExpectOthersEqual(follow);
  EXPECT_EQ(follow->replica().set_aside().size(), 4U);
  Must(follow->Detach());
  Write("DROP SCHEMA elsewhere");
}

TEST_P(ConsumerSetAsideTest, AnAlteredTableThatIsTruncated) {
  if (Losses().Has(model::Loss::kTruncate)) GTEST_SKIP() << "the plugin does not send it";
  Write(
      "INSERT INTO s.t VALUES (1, 'a'); CREATE TABLE s.u(id int PRIMARY KEY);"
      "INSERT INTO s.u VALUES (1)");
  Follow follow = AttachTo(TableScope::Matching("s"));
  Write("CREATE TYPE s.mood AS ENUM ('ok'); ALTER TABLE s.t ADD m s.mood; TRUNCATE s.t, s.u");
  ExpectOthersEqual(follow);
  EXPECT_EQ(follow->replica().database().row_count(), 0U);
  Must(follow->Detach());
}

TEST_P(ConsumerSetAsideTest, ATableThatIsCreatedAgainWherePgoutputTells) {
  if (!IsPgoutput()) GTEST_SKIP() << "the plugin knows tables by name";
  Write("CREATE TABLE s.u(id int PRIMARY KEY)");
  Follow follow = AttachTo(TableScope::Matching("s"));
  Write("INSERT INTO s.u VALUES (1), (2); INSERT INTO s.t VALUES (1, 'a')");
  Write("DROP TABLE s.u; CREATE TABLE s.u(id int PRIMARY KEY); INSERT INTO s.u VALUES (3)");
  ExpectOthersEqual(follow);
  EXPECT_THAT(ReasonOf(follow, "u"), HasSubstr("another table has the name now"));
  EXPECT_EQ(follow->replica().set_aside().size(), 1U);
  Must(follow->Detach());
}

TEST_P(ConsumerSetAsideTest, AnIdentityThatIsTakenAway) {
  Write(
      "CREATE TABLE s.log(a int); ALTER TABLE s.log REPLICA IDENTITY FULL;"
      "INSERT INTO s.log VALUES (1), (2); INSERT INTO s.t VALUES (1, 'a')");
  Follow follow = AttachPublishing();
  Write("UPDATE s.log SET a = 3 WHERE a = 1");
  ExpectOthersEqual(follow);
  EXPECT_THAT(follow->replica().set_aside(), IsEmpty());
  if (IsPgoutput()) {
    Write("ALTER TABLE s.log REPLICA IDENTITY NOTHING");
    EXPECT_EQ(Sql().Execute("DELETE FROM s.log").error().sqlstate, "55000");
  } else {
    Write(
        "DROP PUBLICATION audit; ALTER TABLE s.log REPLICA IDENTITY NOTHING;"
        "DELETE FROM s.log; UPDATE s.t SET id = 2");
    ExpectOthersEqual(follow);
    EXPECT_THAT(ReasonOf(follow, "log"), HasSubstr("replica identity"));
  }
  Must(follow->Detach());
}

}  // namespace
}  // namespace lockstep::consumer
