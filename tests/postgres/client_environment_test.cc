#include "postgres/client_environment.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <utility>

#include "tests/postgres/cluster_fixture.h"

namespace lockstep::postgres {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
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

TEST_F(ClientEnvironmentTest, AConninfoWithoutItsPasswordIsTheSameDatabase) {
  Connection sql = Must(Connection::Open(cluster().uri(), ConnectionKind::kSql));
  Must(sql.Execute("CREATE DATABASE \"it's \\ here\""));
  const std::string uri =
      "postgresql://postgres:se%27cret%5c@/it%27s%20%5c%20here?host=" + cluster().directory() +
      "&application_name=an%20audit";
  const OpenConninfo open = Must(WithoutPassword(uri));
  EXPECT_THAT(open.variables, ElementsAre(Pair("PGPASSWORD", "se'cret\\")));
  EXPECT_THAT(open.conninfo, Not(HasSubstr("cret")));
  Connection same = Must(Connection::Open(open.conninfo, ConnectionKind::kSql));
  EXPECT_EQ(Must(same.Scalar("SELECT current_database()")), "it's \\ here");
}

TEST(WithoutPasswordTest, AConninfoThatHasNoneStaysAsItIs) {
  for (const char* given : {"postgresql:///shop?sslmode=require", "dbname=shop user=app"}) {
    const OpenConninfo open = Must(WithoutPassword(given));
    EXPECT_EQ(open.conninfo, given);
    EXPECT_THAT(open.variables, IsEmpty());
  }
}

TEST(WithoutPasswordTest, ASecretWithoutAVariableOfItsOwnGetsOneOfOurs) {
  const OpenConninfo open =
      Must(WithoutPassword("postgresql://u:first@h/db?sslpassword=second&sslmode=require"));
  EXPECT_THAT(open.variables,
              ElementsAre(Pair("PGPASSWORD", "first"), Pair("LOCKSTEP_SSLPASSWORD", "second")));
  EXPECT_THAT(open.conninfo, Not(HasSubstr("second")));
  EXPECT_THAT(open.conninfo, HasSubstr("require"));
}

TEST(WithoutPasswordTest, WhatCannotBeReadIsAnError) {
  const auto open = WithoutPassword("postgresql://[::1/shop");
  ASSERT_FALSE(open);
  EXPECT_EQ(open.error().kind, model::ErrorKind::kUsage);
}

}  // namespace
}  // namespace lockstep::postgres
