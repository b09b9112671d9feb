// What a database is set to for its applications changes nothing of what a run or an audit finds.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
#include <filesystem>
#include <string>

#include "postgres/connection.h"
#include "tests/integration/audit_fixture.h"
#include "tests/integration/audit_run.h"
#include "tests/integration/lockstep_run.h"
#include "tests/postgres/await.h"
#include "tests/postgres/cluster_fixture.h"

namespace lockstep::integration {
namespace {

using postgres::Await;
using postgres::Must;

// Each test has a database of its own.
class SettingsTest : public AuditFixture {
 protected:
  SettingsTest() : AuditFixture("settings") {}
  void SetUp() override { Must(Ours().Execute("CREATE DATABASE settings")); }
  void TearDown() override {
    AuditFixture::TearDown();
    Must(Ours().Execute("DROP DATABASE settings WITH (FORCE)"));
  }

  void Set(const std::string& settings) const {
    for (std::size_t at = 0; at < settings.size();) {
      const std::size_t end = std::min(settings.find(';', at), settings.size());
      Execute("ALTER DATABASE settings SET " + settings.substr(at, end - at));
      at = end + 1;
    }
  }
  void ExpectEqual(const AuditEnded& ended, const std::string& table) {
    EXPECT_EQ(ended.exit_code, 0) << ended.output;
    for (const auto& listener : ended.report.at("listeners")) {
      for (const auto& found : listener["tables"]) {
        if (found["table"] != table) continue;
        EXPECT_EQ(found["status"], "equal") << listener["plugin"] << found;
        EXPECT_GT(found["changes"], 0) << listener["plugin"];
      }
    }
  }
};

class EachSettingTest : public SettingsTest, public testing::WithParamInterface<const char*> {};

// Those with a false verdict once, and all that the sessions of a run could be disturbed by.
INSTANTIATE_TEST_SUITE_P(
    Set, EachSettingTest,
    testing::Values("default_transaction_isolation = 'serializable'", "array_nulls = off",
                    "quote_all_identifiers = on",
                    "synchronous_commit = off;row_security = off;xmloption = 'document';"
                    "xmlbinary = 'hex';transform_null_equals = on;check_function_bodies = off;"
                    "session_replication_role = 'replica';default_transaction_deferrable = on;"
                    "default_toast_compression = 'pglz';plan_cache_mode = 'force_generic_plan';"
                    "search_path = '';exit_on_error = on;lc_numeric = 'C.UTF-8';"
                    "ignore_checksum_failure = on;constraint_exclusion = on"));

TEST_P(EachSettingTest, ARunConverges) {
  Set(GetParam());
  std::filesystem::create_directories(Path("run"));
  LockstepRun({.transactions = 400, .plugin = "all", .database = Conninfo()}, Path("run"))
      .End()
      .Converges();
}

TEST_P(EachSettingTest, AnAuditFindsNothing) {
  Execute("CREATE TABLE public.t(id int PRIMARY KEY, a text[], x xml, d date, \"Q\" numeric)");
  Set(GetParam());
  const AuditEnded ended =
      Audit({"--plugin=all"},
            Psql("SET statement_timeout = 0; SET xmloption = 'content'; SET array_nulls = on;"
                 "INSERT INTO public.t SELECT n, ARRAY[NULL, 'NULL', 'x'], '<a/>text', "
                 "'2024-01-01', n / 7.0 FROM generate_series(1, 100) n;"
                 "UPDATE public.t SET a = '{NULL}' WHERE id % 3 = 0"));
  ExpectEqual(ended, "t");
}

// The text of such a value says the schema, or does not, by the session's search path.
TEST_F(SettingsTest, NamesInValuesAreTheSameOnBothWays) {
  Execute(
      "CREATE TABLE public.target(id int PRIMARY KEY);"
      "CREATE FUNCTION public.f() RETURNS int LANGUAGE sql AS 'SELECT 1';"
      "CREATE TABLE public.r(id int PRIMARY KEY, entity regclass, rows_of regtype, many regclass[],"
      " made_by regproc, space regnamespace);"
      "INSERT INTO public.r VALUES (1, 'public.target', 'public.target', "
      "'{public.target,pg_class}', 'public.f', 'public')");
  const AuditEnded ended =
      Audit({"--plugin=pgoutput,wal2json,decoderbufs"},
            Psql("INSERT INTO r VALUES (2, 'target', 'target', '{target}', 'f', 'public');"
                 "UPDATE r SET id = 10 WHERE id = 1"));
  ExpectEqual(ended, "r");
}

// All that the audit commits by itself: publications, the log of schema changes.
TEST_F(SettingsTest, NothingOfOursWaitsForAStandby) {
  Execute("CREATE TABLE public.t(id int PRIMARY KEY, v text); INSERT INTO t VALUES (1, 'a')");
  Execute("ALTER SYSTEM SET synchronous_standby_names = 'away'");
  Execute("SELECT pg_reload_conf()");
  Await("the server waits for the standby",
        [&] { return Scalar("SHOW synchronous_standby_names") == "away"; });
  const AuditEnded ended =
      Audit({"--plugin=pgoutput,wal2json", "--install-triggers"},
            Psql("SET synchronous_commit = local; INSERT INTO t VALUES (2, 'b')"));
  ExpectEqual(ended, "t");
  std::filesystem::create_directories(Path("run"));
  LockstepRun({.transactions = 200, .database = Conninfo()}, Path("run")).End().Converges();
  Execute("ALTER SYSTEM RESET synchronous_standby_names");
  Execute("SELECT pg_reload_conf()");
}

}  // namespace
}  // namespace lockstep::integration
