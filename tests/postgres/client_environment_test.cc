#include "postgres/client_environment.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <utility>

#include "tests/postgres/cluster_fixture.h"

namespace lockstep::postgres {
namespace {

using ::testing::Contains;
using ::testing::Pair;
using ::testing::SizeIs;

class ClientEnvironmentTest : public ClusterFixture {};

TEST_F(ClientEnvironmentTest, HasWhatTheUriLeavesOpenToo) {
  const std::string uri = "postgresql:///postgres?host=" + cluster().directory() + "&user=postgres";
  Connection sql = Must(Connection::Open(uri, ConnectionKind::kSql));
  const auto variables = Must(ClientEnvironment(sql, uri));
  EXPECT_THAT(variables, SizeIs(4));
  EXPECT_THAT(variables, Contains(Pair("PGHOST", cluster().directory())));
  EXPECT_THAT(variables, Contains(Pair("PGPORT", "5432")));
  EXPECT_THAT(variables, Contains(Pair("PGUSER", "postgres")));
  EXPECT_THAT(variables, Contains(Pair("PGDATABASE", "postgres")));
}

TEST_F(ClientEnvironmentTest, HasThePasswordAndWhatElseTheUriSays) {
  const std::string uri = cluster().uri();
  Connection sql = Must(Connection::Open(uri, ConnectionKind::kSql));
  const auto variables = Must(ClientEnvironment(
      sql, "postgresql://someone:secret@elsewhere/db?sslmode=require&connect_timeout=5"));
  EXPECT_THAT(variables, Contains(Pair("PGPASSWORD", "secret")));
  EXPECT_THAT(variables, Contains(Pair("PGSSLMODE", "require")));
  EXPECT_THAT(variables, Contains(Pair("PGCONNECT_TIMEOUT", "5")));
  EXPECT_THAT(variables, Contains(Pair("PGUSER", "postgres")));
}

}  // namespace
}  // namespace lockstep::postgres
