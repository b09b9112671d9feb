// Audits of tables whose keys a plugin does not show as they are: two rows of the source are one to
// whoever follows, which is neither a difference nor equal.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <algorithm>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "tests/integration/audit_fixture.h"
#include "tests/integration/audit_run.h"

namespace lockstep::integration {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

constexpr const char* kTimetz = "its zone is lost";
constexpr const char* kTimestampEnd = "arrive as infinity";
constexpr const char* kNonFinite = "NaN, Infinity and -Infinity";
constexpr const char* kGenerated = "stored generated columns are left out";

// On which plugins a table is excluded, and what its reason says.
struct Outcome {
  std::vector<std::string> excluded_on = {};
  const char* says = "";
};
const std::vector<std::string> kOnPgoutput = {"pgoutput", "pgoutput-binary"};

class AuditKeysTest : public AppAuditFixture {
 protected:
  // Of each table in app, on each plugin.
  static void Expect(const AuditEnded& ended, const std::map<std::string, Outcome>& outcomes) {
    EXPECT_EQ(ended.exit_code, 0) << ended.output;
    EXPECT_EQ(ended.report.at("verdict"), "converged");
    EXPECT_EQ(ended.report.at("listeners").size(), 4u);
    for (const auto& listener : ended.report.at("listeners")) {
      EXPECT_THAT(listener["differences"], IsEmpty()) << listener["plugin"];
      for (const auto& table : listener["tables"]) {
        const auto outcome = outcomes.find(table["table"]);
        if (outcome == outcomes.end()) continue;
        const auto& [excluded_on, says] = outcome->second;
        const std::string plugin = listener["plugin"];
        const bool excluded = std::ranges::find(excluded_on, plugin) != excluded_on.end();
        EXPECT_EQ(table["status"], excluded ? "excluded" : "equal") << listener["plugin"] << table;
        if (!excluded) continue;
        EXPECT_THAT(std::string(table["reason"]), HasSubstr(says)) << listener["plugin"] << table;
        EXPECT_THAT(std::string(table["reason"]), HasSubstr("of the key is not shown as it is"));
      }
    }
  }
};

// Two rows of the source would be one, at the attach already and without any change.
TEST_F(AuditKeysTest, CopiedRowsThatLookAlikeExcludeTheTable) {
  Execute(
      "CREATE TABLE app.keep(id int PRIMARY KEY);"
      "CREATE TABLE app.gk(a int, b int GENERATED ALWAYS AS (a * 2) STORED PRIMARY KEY);"
      "INSERT INTO app.gk(a) VALUES (1), (2);"
      "CREATE TABLE app.gk2(a int, b int GENERATED ALWAYS AS (a * 2) STORED NOT NULL, "
      "c int NOT NULL);"
      "CREATE UNIQUE INDEX gk2_key ON app.gk2 (c, b);"
      "ALTER TABLE app.gk2 REPLICA IDENTITY USING INDEX gk2_key;"
      "INSERT INTO app.gk2 VALUES (1, DEFAULT, 1), (2, DEFAULT, 1);"
      "CREATE TABLE app.nan(id int, n numeric, f float8, PRIMARY KEY (id, n, f));"
      "INSERT INTO app.nan VALUES (1, 'NaN', 1), (1, 'Infinity', 1), (2, 1, '-Infinity');"
      "CREATE TABLE app.tz(t timetz PRIMARY KEY);"
      "INSERT INTO app.tz VALUES ('12:00+05:30'), ('06:30+00');"
      "CREATE TABLE app.ends(ts timestamp PRIMARY KEY, tz timestamptz);"
      "INSERT INTO app.ends VALUES ('infinity'), ('294247-01-10 04:00:54.775807')");
  Expect(Audit({"--plugin=all"}, Psql("INSERT INTO app.keep VALUES (1)")),
         {{"keep", {}},
          {"gk", {kOnPgoutput, kGenerated}},
          {"gk2", {kOnPgoutput, kGenerated}},
          {"nan", {{"wal2json"}, kNonFinite}},
          {"tz", {{"decoderbufs"}, kTimetz}},
          {"ends", {{"decoderbufs"}, kTimestampEnd}}});
}

// The generated ones are known beforehand; the others are equal as long as no such value is there.
TEST_F(AuditKeysTest, ValuesThatComeInTheStreamExcludeTheTable) {
  Execute(
      "CREATE TABLE app.keep(id int PRIMARY KEY);"
      "CREATE TABLE app.gk(a int, b int GENERATED ALWAYS AS (a * 2) STORED PRIMARY KEY);"
      "CREATE TABLE app.nan(f float4 PRIMARY KEY); CREATE TABLE app.one_nan(f float8 PRIMARY KEY);"
      "CREATE TABLE app.gone_nan(f float8 PRIMARY KEY);"
      "CREATE TABLE app.tz(t timetz PRIMARY KEY, n int); CREATE TABLE app.utc(t timetz PRIMARY "
      "KEY);"
      "CREATE TABLE app.ends(ts timestamptz PRIMARY KEY);"
      "CREATE TABLE app.infinite(ts timestamptz PRIMARY KEY);"
      "CREATE TABLE app.moved(id int, n numeric, PRIMARY KEY (id, n));"
      "ALTER TABLE app.moved REPLICA IDENTITY FULL;");
  Expect(
      Audit({"--plugin=all"},
            Psql("INSERT INTO app.keep VALUES (1);"
                 "INSERT INTO app.gk(a) VALUES (1), (2); UPDATE app.gk SET a = a + 5;"
                 "INSERT INTO app.nan VALUES (1), ('NaN'); INSERT INTO app.nan VALUES ('Infinity');"
                 "DELETE FROM app.nan WHERE f = 'NaN';"
                 "INSERT INTO app.one_nan VALUES ('NaN');"
                 "INSERT INTO app.gone_nan VALUES ('NaN'), (1);"
                 "DELETE FROM app.gone_nan WHERE f = 'NaN';"
                 "INSERT INTO app.tz VALUES ('12:00+05:30', 1); INSERT INTO app.tz VALUES "
                 "('06:30+00', 2); UPDATE app.tz SET n = 3; DELETE FROM app.tz;"
                 "INSERT INTO app.utc VALUES ('12:00+00'), ('13:00+00'); DELETE FROM app.utc "
                 "WHERE t = '12:00+00';"
                 "INSERT INTO app.ends VALUES ('294247-01-10 04:00:54.775807+00'), ('infinity');"
                 "INSERT INTO app.infinite VALUES ('infinity'), ('-infinity'), ('2020-01-01');"
                 "DELETE FROM app.infinite WHERE ts = '-infinity';"
                 "INSERT INTO app.moved VALUES (1, 1), (1, 'Infinity');"
                 "UPDATE app.moved SET n = 'NaN' WHERE n = 1")),
      {{"keep", {}},
       {"gk", {kOnPgoutput, kGenerated}},
       {"nan", {{"wal2json"}, kNonFinite}},
       {"one_nan", {{"wal2json"}, kNonFinite}},
       {"gone_nan", {}},
       {"tz", {{"decoderbufs"}, kTimetz}},
       {"utc", {}},
       {"ends", {{"decoderbufs"}, kTimestampEnd}},
       {"infinite", {}},
       {"moved", {{"wal2json"}, kNonFinite}}});
}

// Text is shown as it is, and equal rows without a key are counted.
TEST_F(AuditKeysTest, WhereNothingIsLostTheTableIsEqual) {
  Execute(
      "CREATE DOMAIN app.number AS float8; CREATE DOMAIN app.time AS timetz;"
      "CREATE TYPE app.pair AS (f float8, t timetz);"
      "CREATE TABLE app.domains(f app.number, t app.time, PRIMARY KEY (f, t));"
      "CREATE TABLE app.nested(f float8[], n numrange, t timetz[], p app.pair, r tsrange, "
      "PRIMARY KEY (f, n, t, p, r));"
      "CREATE TABLE app.keyless(f float8, t timetz, ts timestamp, a int, "
      "g int GENERATED ALWAYS AS (a + 1) STORED);"
      "CREATE TABLE app.whole(f float8, t timetz, ts timestamp, a int, "
      "g int GENERATED ALWAYS AS (a + 1) STORED); ALTER TABLE app.whole REPLICA IDENTITY FULL");
  const std::string domains =
      "INSERT INTO app.domains VALUES ('NaN', '12:00+05:30'), ('Infinity', '06:30+00');";
  const std::string nested =
      "INSERT INTO app.nested VALUES ('{NaN}', '[1,NaN]', '{12:00+05:30}', '(NaN,12:00+05:30)', "
      "'[2020-01-01,294247-01-10 04:00:54.775807]'),"
      "('{Infinity}', '[1,Infinity]', '{06:30+00}', '(Infinity,06:30+00)', "
      "'[2020-01-01,infinity]');";
  const std::string rows =
      "VALUES ('NaN', '12:00+05:30', 'infinity', 1), ('Infinity', '06:30+00', "
      "'294247-01-10 04:00:54.775807', 2), (NULL, '06:30+00', 'infinity', 1);";
  const std::string all = domains + nested + "INSERT INTO app.keyless(f, t, ts, a) " + rows +
                          "INSERT INTO app.whole(f, t, ts, a) " + rows;
  Execute(all);
  Expect(Audit({"--plugin=all"},
               Psql("DELETE FROM app.domains WHERE f = 'NaN'; UPDATE app.domains SET t = "
                    "'12:00+05:30'; DELETE FROM app.nested; INSERT INTO app.keyless(f, t, ts, a) " +
                    rows + nested +
                    "UPDATE app.whole SET a = 3 WHERE f = 'NaN'; UPDATE app.whole SET f = 'NaN' "
                    "WHERE f IS NULL; DELETE FROM app.whole WHERE f = 'Infinity'")),
         {{"domains", {}}, {"nested", {}}, {"keyless", {}}, {"whole", {}}});
}

// Made, altered, and read anew meanwhile: nothing is tried again and again.
TEST_F(AuditKeysTest, ATableThatIsMadeOrAlteredMeanwhileIsJudgedByItsNewKey) {
  Execute(
      "CREATE TABLE app.keep(id int PRIMARY KEY);"
      "CREATE TABLE app.mended(id int, f float8, PRIMARY KEY (id, f));"
      "INSERT INTO app.mended VALUES (1, 'NaN'), (1, 'Infinity')");
  AuditRun run = Start({"--watch", "--plugin=all", "--checkpoint=1s"}, {});
  WaitUntilAttached(run);
  Execute("CREATE TABLE app.gk(a int, b int GENERATED ALWAYS AS (a * 2) STORED PRIMARY KEY)");
  Execute("INSERT INTO app.gk(a) VALUES (1), (2)");
  Execute("CREATE TABLE app.nan(f float8 PRIMARY KEY); INSERT INTO app.nan VALUES ('NaN'), (1)");
  Execute(MakeReadAnew("app", "last"));
  for (const char* plugin : {"decoderbufs", "wal2json", "pgoutput", "pgoutput-binary"})
    WaitUntilReadAnew(run, plugin, "app.last");
  Execute("INSERT INTO app.gk(a) VALUES (3); INSERT INTO app.nan VALUES ('Infinity')");
  Execute("ALTER TABLE app.mended ADD k serial, DROP CONSTRAINT mended_pkey, ADD PRIMARY KEY (k)");
  Execute("INSERT INTO app.mended VALUES (2, 'NaN'); INSERT INTO app.keep VALUES (1)");
  run.Signal(SIGINT);
  const AuditEnded ended = run.End();
  Expect(ended, {{"keep", {}},
                 {"mended", {}},
                 {"last", {}},
                 {"gk", {kOnPgoutput, kGenerated}},
                 {"nan", {{"wal2json"}, kNonFinite}}});
}

}  // namespace
}  // namespace lockstep::integration
