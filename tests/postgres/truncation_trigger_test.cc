#include "postgres/truncation_trigger.h"

#include <gtest/gtest.h>

#include <chrono>
#include <future>
#include <string>
#include <utility>
#include <vector>

#include "model/error.h"
#include "model/relation.h"
#include "model/truncation_log.h"
#include "postgres/relation_reader.h"
#include "tests/postgres/cluster_fixture.h"

namespace lockstep::postgres {
namespace {

using Tables = std::vector<std::string>;

constexpr std::chrono::seconds kPatience{30};

std::string Hex(std::string_view text) {
  std::string hex;
  for (const char c : text) {
    hex += "0123456789abcdef"[static_cast<unsigned char>(c) >> 4];
    hex += "0123456789abcdef"[static_cast<unsigned char>(c) & 15];
  }
  return hex;
}

// Of a decoderbufs message: "insert a" for a change of table a, else empty. The table's name is
// field 3, behind it the operation is field 4.
std::string Describe(const std::string& hex, const Tables& tables) {
  const char* const operations[] = {"insert ", "update ", "delete "};
  for (const std::string& table : tables) {
    for (int operation = 0; operation < 3; ++operation) {
      const std::string mark = Hex(table) + "200" + std::to_string(operation);
      if (hex.find(mark) != hex.npos) return operations[operation] + table;
    }
  }
  return {};
}

class TruncationTriggerTest : public ClusterFixture {
 protected:
  // Waits are as long as they are asked to be.
  void SetUp() override {
    Must(
        sql_.Execute("SET deadlock_timeout = '30min'; DROP SCHEMA IF EXISTS \"My shop\" CASCADE; "
                     "CREATE SCHEMA \"My shop\"; "
                     "SET search_path = \"My shop\"; CREATE TABLE aa (i int PRIMARY KEY); "
                     "CREATE TABLE bb (i int PRIMARY KEY REFERENCES aa)"));
  }
  std::string Scalar(const std::string& text) { return Must(sql_.Scalar(text)); }
  void Install(const Tables& tables) {
    Must(InstallTruncationTriggers(sql_, kSchema, InShop(tables), kPatience));
  }
  static std::vector<TableName> InShop(const Tables& tables) {
    std::vector<TableName> names;
    for (const std::string& table : tables) names.push_back({kSchema, table});
    return names;
  }
  // For whatever lock.
  static void AwaitWaiter() {
    Connection sql = Sql();
    Await("somebody waits for a lock", [&] {
      return Must(sql.Scalar("SELECT count(*) FROM pg_locks WHERE NOT granted")) != "0";
    });
  }
  // "schema.name" of those of other schemas.
  Tables Installed(const std::string& log_schema = kSchema) {
    Tables tables;
    for (const TableName& table : Must(ReadTruncationTriggers(sql_, log_schema)))
      tables.push_back(table.schema == kSchema ? table.name : table.QualifiedName());
    return tables;
  }

  // The changes that decoderbufs sends of `statements`; of a row of the log with its table's name.
  std::string StreamOf(const std::string& statements) {
    Must(sql_.Execute("SELECT pg_create_logical_replication_slot('s', 'decoderbufs', true)"));
    Must(sql_.Execute(statements));
    auto sent = Must(sql_.Execute(
        "SELECT encode(data, 'hex') FROM pg_logical_slot_peek_binary_changes('s', NULL, NULL)"));
    std::string changes;
    for (int row = 0; row < sent.rows(); ++row) {
      const std::string hex(sent.Text(row, 0));
      std::string change = Describe(hex, {"aa", "bb", std::string(model::kTruncationLog)});
      if (change == "insert lockstep_truncation") {
        for (const char* table : {"aa", "bb"}) {
          // Datum string, field 8, of two bytes.
          if (hex.find("4202" + Hex(table)) != hex.npos) change = "truncate " + std::string(table);
        }
      }
      if (!change.empty()) changes += (changes.empty() ? "" : ", ") + change;
    }
    Must(sql_.Execute("SELECT pg_drop_replication_slot('s')"));
    return changes;
  }

  // The schema is the shopkeeper's, and a guest may create in it; a superuser follows it.
  void OpenTheShop() {
    Must(sql_.Execute(
        "DROP ROLE IF EXISTS shopkeeper, guest; CREATE ROLE shopkeeper; CREATE ROLE guest; "
        "ALTER SCHEMA \"My shop\" OWNER TO shopkeeper; "
        "GRANT USAGE, CREATE ON SCHEMA \"My shop\" TO guest; "
        "CREATE TABLE ran_as (who text); GRANT INSERT ON ran_as TO PUBLIC; "
        "CREATE FUNCTION tell() RETURNS trigger LANGUAGE plpgsql AS "
        "'BEGIN INSERT INTO \"My shop\".ran_as VALUES (current_user); RETURN NEW; END'"));
  }
  void CloseTheShop() {
    Must(sql_.Execute(
        "RESET ROLE; DROP SCHEMA \"My shop\" CASCADE; DROP OWNED BY shopkeeper, guest; "
        "DROP ROLE shopkeeper, guest"));
  }
  // As `role`, a table of the log's name that runs code at an INSERT.
  void PlantLog(const std::string& role) {
    Must(sql_.Execute("SET ROLE " + role +
                      "; CREATE TABLE lockstep_truncation (id bigint, table_schema text, "
                      "table_name text); "
                      "CREATE TRIGGER t BEFORE INSERT ON lockstep_truncation FOR EACH ROW "
                      "EXECUTE FUNCTION tell(); GRANT ALL ON lockstep_truncation TO PUBLIC; "
                      "RESET ROLE"));
  }
  model::Error InstallFails() {
    auto installed = InstallTruncationTriggers(sql_, kSchema, InShop({"aa", "bb"}), kPatience);
    return installed ? model::Error{.message = "installed"} : std::move(installed.error());
  }

  static constexpr const char* kSchema = "My shop";
  static constexpr const char* kOwn = "lockstep_00000001_truncation";
  Connection sql_ = Sql();
};

TEST_F(TruncationTriggerTest, WithoutItNothingOfATruncationIsSent) {
  EXPECT_EQ(StreamOf("INSERT INTO aa VALUES (1); TRUNCATE aa, bb; INSERT INTO aa VALUES (2)"),
            "insert aa, insert aa");
}

TEST_F(TruncationTriggerTest, TheRowStandsWhereTheTruncationDoes) {
  Install({"aa", "bb"});
  EXPECT_EQ(StreamOf("BEGIN; INSERT INTO aa VALUES (1); INSERT INTO bb VALUES (1); TRUNCATE bb; "
                     "INSERT INTO aa VALUES (2); TRUNCATE aa CASCADE; INSERT INTO aa VALUES (3); "
                     "COMMIT"),
            "insert aa, insert bb, truncate bb, delete lockstep_truncation, insert aa, "
            "truncate aa, delete lockstep_truncation, truncate bb, delete lockstep_truncation, "
            "insert aa");
  EXPECT_EQ(Scalar("SELECT count(*) FROM lockstep_truncation"), "0");
}

TEST_F(TruncationTriggerTest, ATruncationThatIsRolledBackIsNotSent) {
  Install({"aa", "bb"});
  EXPECT_EQ(StreamOf("BEGIN; INSERT INTO aa VALUES (1); SAVEPOINT s; TRUNCATE aa, bb; "
                     "ROLLBACK TO s; INSERT INTO aa VALUES (2); COMMIT"),
            "insert aa, insert aa");
}

TEST_F(TruncationTriggerTest, TruncatingAPartitionedTableFiresForItsPartitions) {
  Must(
      sql_.Execute("DROP TABLE aa, bb; CREATE TABLE whole (i int PRIMARY KEY) "
                   "PARTITION BY RANGE (i); "
                   "CREATE TABLE aa PARTITION OF whole FOR VALUES FROM (0) TO (10); "
                   "CREATE TABLE bb PARTITION OF whole FOR VALUES FROM (10) TO (20)"));
  Install({"aa", "bb"});
  EXPECT_EQ(StreamOf("TRUNCATE whole"),
            "truncate aa, delete lockstep_truncation, truncate bb, delete lockstep_truncation");
}

TEST_F(TruncationTriggerTest, WhoeverMayTruncateFiresIt) {
  Install({"aa", "bb"});
  Must(sql_.Execute(
      "DROP ROLE IF EXISTS cleaner; CREATE ROLE cleaner; "
      "GRANT USAGE ON SCHEMA \"My shop\" TO cleaner; GRANT TRUNCATE ON bb TO cleaner"));
  // Its own search path and objects do not matter to the function.
  EXPECT_EQ(StreamOf("SET ROLE cleaner; CREATE TEMP TABLE lockstep_truncation (id int); "
                     "TRUNCATE bb; DROP TABLE pg_temp.lockstep_truncation; RESET ROLE"),
            "truncate bb, delete lockstep_truncation");
  // Nobody can make a trigger that lies.
  Must(sql_.Execute("SET ROLE cleaner; CREATE TEMP TABLE mine (i int)"));
  auto trigger = sql_.Execute(
      "CREATE TRIGGER t AFTER TRUNCATE ON mine EXECUTE FUNCTION "
      "\"My shop\".lockstep_truncation()");
  ASSERT_FALSE(trigger.has_value());
  EXPECT_EQ(trigger.error().sqlstate, "42501");
  Must(sql_.Execute("RESET ROLE; DROP OWNED BY cleaner; DROP ROLE cleaner"));
}

TEST_F(TruncationTriggerTest, ItFiresForWhatASubscriptionAppliesToo) {
  Install({"aa", "bb"});
  EXPECT_EQ(StreamOf("SET session_replication_role = replica; TRUNCATE bb; "
                     "RESET session_replication_role"),
            "truncate bb, delete lockstep_truncation");
}

TEST_F(TruncationTriggerTest, InstallingAgainChangesNothing) {
  Install({"aa"});
  Install({"bb", "aa"});
  EXPECT_EQ(Installed(), (Tables{"aa", "bb"}));
  EXPECT_EQ(StreamOf("TRUNCATE bb"), "truncate bb, delete lockstep_truncation");
}

TEST_F(TruncationTriggerTest, OldServersGetStatementsTheyKnow) {
  const std::string old =
      TruncationLogSql(kSchema) + TruncationTriggerSql(kSchema, {kSchema, "aa"}, 130000);
  EXPECT_EQ(old.find("OR REPLACE TRIGGER"), old.npos) << old;
  Must(sql_.Execute(old));
  Must(sql_.Execute(old));
  EXPECT_EQ(Installed(), Tables{"aa"});
  const std::string recent = TruncationTriggerSql(kSchema, {kSchema, "aa"}, 140000);
  EXPECT_EQ(recent.find("DROP TRIGGER"), recent.npos) << recent;
}

TEST_F(TruncationTriggerTest, ADisabledTriggerIsNoneAndOneGoesWithItsTable) {
  Install({"aa", "bb"});
  Must(sql_.Execute("ALTER TABLE aa DISABLE TRIGGER \"My shop\""));
  EXPECT_EQ(Installed(), Tables{"bb"});
  Must(sql_.Execute("CREATE SCHEMA elsewhere; ALTER TABLE bb SET SCHEMA elsewhere"));
  EXPECT_EQ(Installed(), Tables{"elsewhere.bb"});
  Must(sql_.Execute("DROP SCHEMA elsewhere CASCADE"));
  EXPECT_EQ(Installed(), Tables{});
}

TEST_F(TruncationTriggerTest, RemovingLeavesNothingAlsoASecondTime) {
  Install({"aa", "bb"});
  Must(RemoveTruncationTriggers(sql_, kSchema));
  EXPECT_EQ(Installed(), Tables{});
  EXPECT_EQ(Scalar("SELECT count(*) FROM pg_proc WHERE proname = 'lockstep_truncation'"), "0");
  EXPECT_EQ(Scalar("SELECT count(*) FROM pg_class WHERE relname ~ '^lockstep_truncation'"), "0");
  Must(RemoveTruncationTriggers(sql_, kSchema));
  Must(RemoveTruncationTriggers(sql_, "no such schema"));
}

TEST_F(TruncationTriggerTest, ATableThatIsGoneIsAMisfitAndTheOthersGetTheirs) {
  const auto installed =
      InstallTruncationTriggers(sql_, kSchema, InShop({"aa", "missing", "bb"}), kPatience);
  ASSERT_FALSE(installed.has_value());
  EXPECT_EQ(installed.error().kind, model::ErrorKind::kMisfit);
  EXPECT_EQ(installed.error().sqlstate, "42P01");
  EXPECT_NE(installed.error().message.find("schema My shop"), std::string::npos);
  EXPECT_EQ(Installed(), (Tables{"aa", "bb"}));
}

TEST_F(TruncationTriggerTest, ATableOfAnotherUserIsAMistakeOfTheUser) {
  Must(
      sql_.Execute("DROP ROLE IF EXISTS guest; CREATE ROLE guest; "
                   "GRANT USAGE, CREATE ON SCHEMA \"My shop\" TO guest; SET ROLE guest"));
  const auto installed = InstallTruncationTriggers(sql_, kSchema, InShop({"aa"}), kPatience);
  Must(sql_.Execute("RESET ROLE; DROP OWNED BY guest; DROP ROLE guest"));
  ASSERT_FALSE(installed.has_value());
  EXPECT_EQ(installed.error().kind, model::ErrorKind::kUsage);
  EXPECT_NE(installed.error().message.find("must own the tables"), std::string::npos);
}

TEST_F(TruncationTriggerTest, WhatASuperuserInstallsRunsAsTheSchemasOwner) {
  OpenTheShop();
  Install({"aa", "bb"});
  EXPECT_EQ(Scalar("SELECT string_agg(DISTINCT pg_get_userbyid(owner), ' ') FROM "
                   "(SELECT relowner FROM pg_class WHERE relname ~ '^lockstep_truncation' "
                   "UNION ALL SELECT proowner FROM pg_proc WHERE proname = 'lockstep_truncation') "
                   "AS made(owner)"),
            "shopkeeper");
  EXPECT_EQ(StreamOf("TRUNCATE bb"), "truncate bb, delete lockstep_truncation");
  // So whoever can replace the log, as the schema's owner can, gets no rights by it.
  Must(sql_.Execute("SET ROLE shopkeeper; DROP TABLE lockstep_truncation; RESET ROLE"));
  PlantLog("shopkeeper");
  Must(sql_.Execute("TRUNCATE bb"));
  EXPECT_EQ(Scalar("SELECT string_agg(who, ' ') FROM ran_as"), "shopkeeper");
  CloseTheShop();
}

TEST_F(TruncationTriggerTest, ALogThatASuperuserMadeForHimselfIsGivenToTheSchemasOwner) {
  Install({"aa"});
  OpenTheShop();
  Install({"aa", "bb"});
  EXPECT_EQ(Scalar("SELECT tableowner FROM pg_tables WHERE tablename = 'lockstep_truncation'"),
            "shopkeeper");
  EXPECT_EQ(StreamOf("TRUNCATE bb"), "truncate bb, delete lockstep_truncation");
  CloseTheShop();
}

TEST_F(TruncationTriggerTest, ATableOrFunctionThatWasPutThereIsRefused) {
  OpenTheShop();
  PlantLog("guest");
  const model::Error table = InstallFails();
  EXPECT_EQ(table.kind, model::ErrorKind::kUsage) << table.message;
  EXPECT_NE(table.message.find("a table \"My shop\".lockstep_truncation already, and it belongs to "
                               "guest, not to shopkeeper"),
            std::string::npos)
      << table.message;
  EXPECT_NE(table.message.find("DROP TABLE \"My shop\".lockstep_truncation"), std::string::npos);
  Must(
      sql_.Execute("DROP TABLE lockstep_truncation; SET ROLE guest; "
                   "CREATE FUNCTION lockstep_truncation() RETURNS trigger LANGUAGE plpgsql AS "
                   "'BEGIN RETURN NULL; END'; RESET ROLE"));
  const model::Error function = InstallFails();
  EXPECT_EQ(function.kind, model::ErrorKind::kUsage) << function.message;
  EXPECT_NE(function.message.find("a function \"My shop\".lockstep_truncation() already"),
            std::string::npos)
      << function.message;
  EXPECT_EQ(Installed(), Tables{});
  EXPECT_EQ(Scalar("SELECT count(*) FROM pg_class WHERE relname ~ '^lockstep_truncation'"), "0");
  EXPECT_EQ(Scalar("SELECT prosecdef FROM pg_proc WHERE proname = 'lockstep_truncation'"), "f");
  CloseTheShop();
}

TEST_F(TruncationTriggerTest, ALogThatSomebodyElseReplacedIsNotWrittenTo) {
  OpenTheShop();
  Install({"aa", "bb"});
  Must(sql_.Execute("DROP TABLE lockstep_truncation"));
  PlantLog("guest");
  Must(sql_.Execute("TRUNCATE bb"));
  EXPECT_EQ(Scalar("SELECT count(*) FROM ran_as"), "0");
  CloseTheShop();
}

TEST_F(TruncationTriggerTest, ASchemasNameCannotEndTheStatement) {
  const std::string name = "a $lockstep$ 'b' \"c\" %s {} $lockstep_$;";
  Must(sql_.Execute("CREATE SCHEMA " + model::SqlIdentifier(name)));
  Must(sql_.Execute("CREATE TABLE " + model::SqlIdentifier(name) + ".t (i int PRIMARY KEY)"));
  Must(InstallTruncationTriggers(sql_, name, {{name, "t"}}, kPatience));
  EXPECT_EQ(Must(ReadTruncationTriggers(sql_, name)).size(), 1U);
  Must(sql_.Execute("TRUNCATE " + model::SqlIdentifier(name) + ".t"));
  Must(sql_.Execute("DROP SCHEMA " + model::SqlIdentifier(name) + " CASCADE"));
}

// A lock that is kept while another is waited for makes a deadlock with a user's transaction.
TEST_F(TruncationTriggerTest, WhileOneTableIsWaitedForTheOthersAreFree) {
  Connection user = Sql();
  Must(user.Execute("SET search_path = \"My shop\"; BEGIN; INSERT INTO bb SELECT 1 WHERE false"));
  auto busy = std::async([&] {
    return InstallTruncationTriggers(sql_, kSchema, InShop({"aa", "bb"}), kPatience);
  });
  AwaitWaiterFor("\"My shop\".bb");
  Must(user.Execute("SET LOCAL lock_timeout = '100ms'; INSERT INTO aa VALUES (1)"));
  Must(user.Execute("COMMIT"));
  Must(busy.get());

  Must(user.Execute("BEGIN; SELECT * FROM bb"));
  auto removal = std::async([&] { return RemoveTruncationTriggers(sql_, kSchema); });
  AwaitWaiterFor("\"My shop\".bb");
  Must(user.Execute("SET LOCAL lock_timeout = '100ms'; SELECT * FROM aa; COMMIT"));
  Must(removal.get());
  EXPECT_EQ(Installed(), Tables{});
}

TEST_F(TruncationTriggerTest, WritersAreWaitedForUpToTheLimitAndTheOthersServed) {
  Connection user = Sql();
  Must(user.Execute("BEGIN; LOCK TABLE \"My shop\".bb IN ROW EXCLUSIVE MODE"));
  const auto installed =
      InstallTruncationTriggers(sql_, kSchema, InShop({"bb", "aa"}), std::chrono::milliseconds(20));
  ASSERT_FALSE(installed.has_value());
  EXPECT_EQ(installed.error().kind, model::ErrorKind::kMisfit);
  EXPECT_EQ(installed.error().sqlstate, "55P03");
  EXPECT_EQ(Installed(), Tables{"aa"});  // which comes later
}

// GRANT locks the table's row in the catalog, and not the table. Who did that may come to write to
// the table: it is not waited for with the table's lock.
TEST_F(TruncationTriggerTest, WhoChangedItsRowInTheCatalogMayWriteToTheTable) {
  Must(sql_.Execute("SET deadlock_timeout = '1s'; CREATE TABLE cc (i int)"));
  Connection user = Sql();
  Must(user.Execute("BEGIN; GRANT SELECT ON \"My shop\".cc TO PUBLIC"));
  const auto installed =
      InstallTruncationTriggers(sql_, kSchema, InShop({"cc"}), std::chrono::hours(1));
  EXPECT_EQ(installed.error().sqlstate, "55P03");
  Must(user.Execute("INSERT INTO \"My shop\".cc VALUES (1); COMMIT"));
}

// The server calls it an internal error. The next try has more luck.
TEST_F(TruncationTriggerTest, ATableWhoseRightsAreChangedMeanwhileIsTriedAgain) {
  Must(sql_.Execute("CREATE TABLE cc (i int)"));
  Connection user = Sql();
  Must(user.Execute("BEGIN; GRANT SELECT ON \"My shop\".cc TO PUBLIC"));
  auto installing = std::async(
      [&] { return InstallTruncationTriggers(sql_, kSchema, InShop({"cc"}), kPatience); });
  AwaitWaiter();
  Must(user.Execute("COMMIT"));
  EXPECT_EQ(installing.get().error().kind, model::ErrorKind::kMisfit);
  Install({"cc"});
  EXPECT_EQ(Installed(), Tables{"cc"});
}

TEST_F(TruncationTriggerTest, RemovingOutlastsATransaction) {
  Install({"aa", "bb"});
  Connection user = Sql();
  Must(user.Execute("BEGIN; SELECT * FROM \"My shop\".bb"));
  auto removal = std::async([&] { return RemoveTruncationTriggers(sql_, kSchema); });
  EXPECT_EQ(removal.wait_for(std::chrono::milliseconds(1500)), std::future_status::timeout);
  Must(user.Execute("COMMIT"));
  Must(removal.get());
  EXPECT_EQ(Installed(), Tables{});
}

TEST_F(TruncationTriggerTest, ListenersThatInstallAtTheSameTimeAreNotInEachOthersWay) {
  Connection other = Sql();
  for (int round = 0; round < 20; ++round) {
    auto theirs = std::async([&] {
      return InstallTruncationTriggers(other, kSchema, InShop({"aa", "bb"}), kPatience);
    });
    const auto ours = InstallTruncationTriggers(sql_, kSchema, InShop({"aa", "bb"}), kPatience);
    Must(theirs.get());
    Must(ours);
    Must(RemoveTruncationTriggers(sql_, kSchema));
  }
}

// ---- a log in a schema of its own ----

// A user's schema must go as without us, a table be moved and renamed, a role need no rights.
TEST_F(TruncationTriggerTest, NothingOfItLiesInAUsersSchema) {
  Must(InstallTruncationTriggers(sql_, kOwn, InShop({"aa", "bb"}), kPatience));
  EXPECT_EQ(Installed(kOwn), (Tables{"aa", "bb"}));
  EXPECT_EQ(StreamOf("TRUNCATE bb"), "truncate bb, delete lockstep_truncation");
  Must(
      sql_.Execute("CREATE SCHEMA \"new shop\"; ALTER TABLE bb RENAME TO cc; "
                   "ALTER TABLE cc SET SCHEMA \"new shop\"; TRUNCATE \"new shop\".cc; "
                   "DROP TABLE \"new shop\".cc, aa; DROP SCHEMA \"new shop\"; "
                   "DROP SCHEMA \"My shop\""));
  Must(RemoveTruncationTriggers(sql_, kOwn));
  EXPECT_EQ(Scalar("SELECT count(*) FROM pg_namespace WHERE nspname ~ '^lockstep'"), "0");
  Must(RemoveTruncationTriggers(sql_, kOwn));
}

TEST_F(TruncationTriggerTest, TwoLogsAreNotInEachOthersWay) {
  const std::string other = "lockstep_00000002_truncation";
  Must(InstallTruncationTriggers(sql_, kOwn, InShop({"aa", "bb"}), kPatience));
  Must(InstallTruncationTriggers(sql_, other, InShop({"aa", "bb"}), kPatience));
  Must(RemoveTruncationTriggers(sql_, kOwn));
  EXPECT_EQ(Installed(other), (Tables{"aa", "bb"}));
  EXPECT_EQ(StreamOf("TRUNCATE bb"), "truncate bb, delete lockstep_truncation");
  Must(RemoveTruncationTriggers(sql_, other));
  EXPECT_EQ(Scalar("SELECT count(*) FROM pg_trigger WHERE NOT tgisinternal"), "0");
}

// To a subscriber that has no such table, which would stop for it.
TEST_F(TruncationTriggerTest, NothingIsWrittenThatAPublicationOfAllTablesWouldSend) {
  Must(InstallTruncationTriggers(sql_, kOwn, InShop({"aa", "bb"}), kPatience));
  Must(sql_.Execute("CREATE PUBLICATION everything FOR ALL TABLES"));
  EXPECT_EQ(StreamOf("TRUNCATE bb"), "");
  Must(sql_.Execute("ALTER PUBLICATION everything SET (publish = 'truncate')"));
  EXPECT_EQ(StreamOf("TRUNCATE bb"), "truncate bb, delete lockstep_truncation");
  Must(
      sql_.Execute("DROP PUBLICATION everything; "
                   "CREATE PUBLICATION lockstep_00000001_pgoutput_inserts FOR ALL TABLES"));
  EXPECT_EQ(StreamOf("TRUNCATE bb"), "truncate bb, delete lockstep_truncation");
  Must(sql_.Execute("DROP PUBLICATION lockstep_00000001_pgoutput_inserts"));
  Must(RemoveTruncationTriggers(sql_, kOwn));
}

TEST_F(TruncationTriggerTest, ATruncateOutlivesTheLog) {
  Must(InstallTruncationTriggers(sql_, kOwn, InShop({"aa", "bb"}), kPatience));
  Must(sql_.Execute("DROP TABLE lockstep_00000001_truncation.lockstep_truncation; TRUNCATE bb"));
  Must(RemoveTruncationTriggers(sql_, kOwn));
}

// Each would read what the other writes, if it looked for its row.
TEST_F(TruncationTriggerTest, SerializableTransactionsThatTruncateDoNotMeet) {
  Must(InstallTruncationTriggers(sql_, kOwn, InShop({"aa", "bb"}), kPatience));
  Must(sql_.Execute("ALTER TABLE bb DROP CONSTRAINT bb_i_fkey"));
  Connection other = Sql();
  Must(sql_.Execute("BEGIN ISOLATION LEVEL SERIALIZABLE; TRUNCATE aa"));
  Must(other.Execute("BEGIN ISOLATION LEVEL SERIALIZABLE; TRUNCATE \"My shop\".bb"));
  Must(sql_.Execute("TRUNCATE aa; COMMIT"));
  Must(other.Execute("COMMIT"));
  Must(RemoveTruncationTriggers(sql_, kOwn));
}

// Its owner could have the function do anything, with the rights of whoever truncates.
TEST_F(TruncationTriggerTest, ASchemaThatSomebodyElseMadeForItIsRefused) {
  OpenTheShop();
  const std::string lasting = "lockstep_truncation";
  Must(
      sql_.Execute("DO $$ BEGIN EXECUTE pg_catalog.format('GRANT CREATE ON DATABASE %I TO guest', "
                   "pg_catalog.current_database()); END $$; SET ROLE guest; "
                   "CREATE SCHEMA lockstep_truncation; RESET ROLE"));
  const auto installed = InstallTruncationTriggers(sql_, lasting, InShop({"aa", "bb"}), kPatience);
  ASSERT_FALSE(installed.has_value());
  EXPECT_EQ(installed.error().kind, model::ErrorKind::kUsage);
  EXPECT_NE(installed.error().message.find("a schema lockstep_truncation already, and it belongs "
                                           "to guest"),
            std::string::npos)
      << installed.error().message;
  Must(sql_.Execute("DROP SCHEMA lockstep_truncation"));
  CloseTheShop();
}

TEST_F(TruncationTriggerTest, WithoutTheRightToMakeASchemaItIsSaidWhatToDo) {
  OpenTheShop();
  Must(sql_.Execute("ALTER TABLE aa OWNER TO shopkeeper; SET ROLE shopkeeper"));
  const auto installed = InstallTruncationTriggers(sql_, kOwn, InShop({"aa"}), kPatience);
  Must(sql_.Execute("RESET ROLE"));
  ASSERT_FALSE(installed.has_value());
  EXPECT_EQ(installed.error().kind, model::ErrorKind::kUsage);
  EXPECT_NE(installed.error().message.find("GRANT CREATE ON DATABASE"), std::string::npos);
  CloseTheShop();
}

}  // namespace
}  // namespace lockstep::postgres
