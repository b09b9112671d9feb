#include "postgres/connection.h"

#include <gtest/gtest.h>
#include <postgresql/libpq-fe.h>

#include <array>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "postgres/libpq_access.h"
#include "tests/postgres/cluster_fixture.h"

namespace lockstep::postgres {
namespace {

using model::ErrorKind;

class ConnectionTest : public ClusterFixture {};

TEST_F(ConnectionTest, SettingsArePinnedOnBothKinds) {
  // The database's own settings differ from ours in every point.
  Must(
      Sql().Execute("ALTER DATABASE postgres SET DateStyle = 'SQL, DMY';"
                    "ALTER DATABASE postgres SET IntervalStyle = 'iso_8601';"
                    "ALTER DATABASE postgres SET extra_float_digits = 0;"
                    "ALTER DATABASE postgres SET bytea_output = 'escape';"
                    "ALTER DATABASE postgres SET TimeZone = 'Asia/Tokyo';"
                    "ALTER DATABASE postgres SET standard_conforming_strings = off;"
                    "ALTER DATABASE postgres SET statement_timeout = 7;"
                    "ALTER DATABASE postgres SET idle_in_transaction_session_timeout = 7;"
                    "ALTER DATABASE postgres SET default_transaction_read_only = on;"
                    "ALTER DATABASE postgres SET client_encoding = 'LATIN1'"));
  for (ConnectionKind kind : {ConnectionKind::kSql, ConnectionKind::kReplication}) {
    Connection connection = Must(Connection::Open(cluster().uri(), kind));
    EXPECT_EQ(Must(connection.Scalar(
                  "SELECT concat_ws('|', current_setting('DateStyle'), "
                  "current_setting('IntervalStyle'), current_setting('extra_float_digits'), "
                  "current_setting('bytea_output'), current_setting('TimeZone'), "
                  "current_setting('lc_monetary'), current_setting('client_encoding'), "
                  "current_setting('standard_conforming_strings'))")),
              "ISO, YMD|postgres|3|hex|UTC|C|UTF8|on");
    EXPECT_EQ(Must(connection.Scalar("SELECT concat_ws('|', current_setting('statement_timeout'), "
                                     "current_setting('idle_in_transaction_session_timeout'), "
                                     "current_setting('default_transaction_read_only'))")),
              "0|0|off");
    EXPECT_EQ(Must(connection.Scalar("SHOW application_name")), "lockstep");
    EXPECT_EQ(Must(connection.Scalar("SHOW search_path")), "pg_catalog, pg_temp");
  }
  Must(Sql().Execute("ALTER DATABASE postgres RESET ALL"));
}

TEST_F(ConnectionTest, TextComesAsTheDatabaseHasItOrInUtf8) {
  Must(Sql().Execute("CREATE DATABASE latin ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0"));
  Must(Sql().Execute("CREATE DATABASE bytes ENCODING 'SQL_ASCII' LOCALE 'C' TEMPLATE template0"));
  const auto open = [](const char* database, ConnectionKind kind, TextEncoding encoding) {
    return Must(Connection::Open(cluster().uri(database) + "&client_encoding=LATIN1", kind,
                                 {.encoding = encoding}));
  };
  for (ConnectionKind kind : {ConnectionKind::kSql, ConnectionKind::kReplication}) {
    Connection own = open("latin", kind, TextEncoding::kDatabase);
    EXPECT_EQ(Must(own.Scalar("SELECT chr(228) || 'x'")), "\xe4x");
    EXPECT_EQ(Must(own.Scalar("SELECT '\xe4' = chr(228)")), "t");
    // Another encoding's name would be written into it.
    EXPECT_EQ(Must(own.Scalar("SELECT encode(xml_send('<a/>'), 'escape')")), "<a/>");
    EXPECT_EQ(Must(open("latin", kind, TextEncoding::kUtf8).Scalar("SELECT chr(228)")), "ä");
    for (TextEncoding encoding : {TextEncoding::kDatabase, TextEncoding::kUtf8}) {
      Connection bytes = open("bytes", kind, encoding);
      EXPECT_EQ(Must(bytes.Scalar("SELECT '\xff' || chr(228)")), "\xff\xe4");
    }
    EXPECT_EQ(Must(open("postgres", kind, TextEncoding::kDatabase).Scalar("SELECT chr(228)")), "ä");
  }
}

TEST_F(ConnectionTest, OptionsOfTheUriAreKept) {
  Connection connection =
      Must(Connection::Open(cluster().uri() + "&options=-c%20work_mem%3D7MB%20-c%20TimeZone%3DJapan"
                                              "%20-c%20search_path%3Dpublic"
                                              "%20-c%20statement_timeout%3D7s&application_name=me",
                            ConnectionKind::kSql));
  EXPECT_EQ(Must(connection.Scalar("SHOW work_mem")), "7MB");
  EXPECT_EQ(Must(connection.Scalar("SHOW statement_timeout")), "7s");
  EXPECT_EQ(Must(connection.Scalar("SHOW TimeZone")), "UTC");
  EXPECT_EQ(Must(connection.Scalar("SHOW search_path")), "pg_catalog, pg_temp");
  EXPECT_EQ(Must(connection.Scalar("SHOW application_name")), "me");
}

TEST_F(ConnectionTest, ANetworkThatIsGoneIsNoticedWhenTheUriOrWeSay) {
  const auto setting = [](const Connection& connection, std::string_view wanted) {
    const std::unique_ptr<PQconninfoOption, void (*)(PQconninfoOption*)> options(
        PQconninfo(LibpqAccess::Handle(connection)), PQconninfoFree);
    for (const PQconninfoOption* option = options.get(); option->keyword != nullptr; ++option) {
      if (option->keyword == wanted) return std::string(option->val == nullptr ? "" : option->val);
    }
    return std::string("unknown");
  };
  for (ConnectionKind kind : {ConnectionKind::kSql, ConnectionKind::kReplication}) {
    const Connection ours = Must(Connection::Open(cluster().uri(), kind));
    EXPECT_EQ(setting(ours, "tcp_user_timeout"), "60000");
    EXPECT_EQ(setting(ours, "keepalives_idle"), "30");
    const Connection given =
        Must(Connection::Open(cluster().uri() + "&tcp_user_timeout=0&keepalives_idle=7", kind));
    EXPECT_EQ(setting(given, "tcp_user_timeout"), "0");
    EXPECT_EQ(setting(given, "keepalives_idle"), "7");
  }
}

// Those that not every server knows: idle_session_timeout is of 14, transaction_timeout of 17.
TEST_F(ConnectionTest, NewerTimeoutsOfTheDatabaseAreTurnedOffAndThoseOfTheUriKept) {
  const auto timeouts = [](Connection connection) {
    return Must(
        connection.Scalar("SELECT coalesce(string_agg(name || ' ' || setting, ', ' ORDER BY name), "
                          "'') FROM pg_settings WHERE name IN ('idle_session_timeout', "
                          "'transaction_timeout') AND setting <> '0'"));
  };
  const int version = Sql().server_version();
  if (version < 140000) GTEST_SKIP() << "the server knows none";
  std::string in_uri = "&options=-c%20idle_session_timeout%3D8000";
  std::string kept = "idle_session_timeout 8000";
  Must(Sql().Execute("ALTER DATABASE postgres SET idle_session_timeout = 9000"));
  if (version >= 170000) {
    Must(Sql().Execute("ALTER DATABASE postgres SET transaction_timeout = 9000"));
    in_uri += "%20-c%20transaction_timeout%3D8000";
    kept += ", transaction_timeout 8000";
  }
  for (ConnectionKind kind : {ConnectionKind::kSql, ConnectionKind::kReplication}) {
    EXPECT_EQ(timeouts(Must(Connection::Open(cluster().uri(), kind))), "");
    EXPECT_EQ(timeouts(Must(Connection::Open(cluster().uri() + in_uri, kind))), kept);
  }
  Must(Sql().Execute("ALTER DATABASE postgres RESET ALL"));
}

TEST_F(ConnectionTest, ParametersAndNullsComeBack) {
  Connection sql = Sql();
  std::array<std::optional<std::string_view>, 3> parameters = {"7", std::nullopt, ""};
  QueryResult result = Must(sql.Execute("SELECT $1::int + 1 AS n, $2::text, $3::text", parameters));
  ASSERT_EQ(result.rows(), 1);
  ASSERT_EQ(result.columns(), 3);
  EXPECT_EQ(result.ColumnName(0), "n");
  EXPECT_EQ(result.Text(0, 0), "8");
  EXPECT_EQ(result.Cell(0, 1), std::nullopt);
  EXPECT_EQ(result.Cell(0, 2), "");
}

TEST_F(ConnectionTest, TagAndAffectedRowsAreTheStatements) {
  Connection sql = Sql();
  Must(sql.Execute("CREATE TEMPORARY TABLE t(a int)"));
  QueryResult result = Must(sql.Execute("INSERT INTO t SELECT generate_series(1, 5)"));
  EXPECT_EQ(result.command_tag(), "INSERT 0 5");
  EXPECT_EQ(result.affected_rows(), 5u);
}

TEST_F(ConnectionTest, RefusedStatementNamesItselfReasonAndSqlstate) {
  Connection sql = Sql();
  model::Result<QueryResult> result = sql.Execute("SELECT 1/0");
  ASSERT_FALSE(result.has_value());
  EXPECT_EQ(result.error().kind, ErrorKind::kSql);
  EXPECT_EQ(result.error().sqlstate, "22012");
  EXPECT_EQ(result.error().message, "SELECT 1/0: division by zero");
  EXPECT_TRUE(sql.IsAlive());
}

TEST_F(ConnectionTest, ScalarOfNothingIsAnError) {
  Connection sql = Sql();
  EXPECT_FALSE(sql.Scalar("SELECT 1 WHERE false").has_value());
  EXPECT_FALSE(sql.Scalar("SELECT NULL").has_value());
}

TEST_F(ConnectionTest, TerminatedSessionIsDisconnected) {
  Connection sql = Sql();
  Must(Sql().Execute("SELECT pg_terminate_backend(" + std::to_string(sql.backend_pid()) +
                     ", 10000)"));
  model::Result<QueryResult> result = sql.Execute("SELECT 1");
  ASSERT_FALSE(result.has_value());
  EXPECT_EQ(result.error().kind, ErrorKind::kDisconnected) << result.error().message;
  EXPECT_FALSE(sql.IsAlive());
}

TEST_F(ConnectionTest, RefusedLoginsAreUsageAndTellNoPassword) {
  for (const char* part : {"user=nobody_here", "dbname=no_such_database"}) {
    model::Result<Connection> connection = Connection::Open(
        "host=" + cluster().directory() + " user=postgres dbname=postgres password=s3cret " + part,
        ConnectionKind::kSql);
    ASSERT_FALSE(connection.has_value());
    EXPECT_EQ(connection.error().kind, ErrorKind::kUsage) << connection.error().message;
    EXPECT_EQ(connection.error().sqlstate.size(), 5u) << connection.error().message;
    EXPECT_NE(connection.error().message.find("does not exist"), std::string::npos);
    EXPECT_EQ(connection.error().message.find("s3cret"), std::string::npos);
  }
}

TEST_F(ConnectionTest, CopyInLoadsRowsAndReportsTheirErrors) {
  Connection sql = Sql();
  Must(sql.Execute("CREATE TEMPORARY TABLE t(a int, b text)"));
  EXPECT_EQ(Must(sql.CopyIn("COPY t FROM STDIN", "1\tx\n2\t\\N\n")), 2u);
  EXPECT_EQ(Must(sql.Scalar("SELECT count(b) FROM t")), "1");
  model::Result<std::uint64_t> bad = sql.CopyIn("COPY t FROM STDIN", "x\ty\n");
  ASSERT_FALSE(bad.has_value());
  EXPECT_EQ(bad.error().sqlstate, "22P02");
  EXPECT_EQ(Must(sql.Scalar("SELECT count(*) FROM t")), "2");
}

TEST(Conninfo, NoServerIsDisconnected) {
  model::Result<Connection> connection =
      Connection::Open("host=/nonexistent user=x dbname=y", ConnectionKind::kSql);
  ASSERT_FALSE(connection.has_value());
  EXPECT_EQ(connection.error().kind, ErrorKind::kDisconnected);
  EXPECT_NE(connection.error().message.find("/nonexistent"), std::string::npos);
}

TEST(Conninfo, MaskShowsWhereButNoPassword) {
  EXPECT_EQ(MaskConninfo("postgresql://me:s3cret@example.org:5433/shop?sslpassword=s3cret"),
            "user=me dbname=shop host=example.org port=5433");
  for (const char* broken : {"postgresql://me:s3cret@host:bad port/x?y", "s3cret",
                             "postgresql://me:s3\"cret@[::1", "password='s3cret"}) {
    EXPECT_EQ(MaskConninfo(broken).find("cret"), std::string::npos) << broken;
    model::Result<Connection> connection = Connection::Open(broken, ConnectionKind::kSql);
    ASSERT_FALSE(connection.has_value()) << broken;
    EXPECT_EQ(connection.error().message.find("cret"), std::string::npos)
        << connection.error().message;
  }
}

}  // namespace
}  // namespace lockstep::postgres
