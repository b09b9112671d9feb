#include "postgres/remedy.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "model/error.h"

namespace lockstep::postgres {
namespace {

using model::Error;
using model::ErrorKind;
using testing::HasSubstr;
using testing::Not;

const RemedyContext kContext{.plugin = "wal2json", .slot = "lockstep_a", .server_version = 150020};

std::string Remedy(const std::string& message, const std::string& sqlstate = {}) {
  return RemedyFor(Error{ErrorKind::kSql, message, sqlstate}, kContext);
}

// Both are a file that is not there.
TEST(RemedyTest, AMissingWalSegmentIsNoMissingPlugin) {
  const std::string segment =
      Remedy("requested WAL segment 000000010000000000000001 has already been removed", "58P01");
  EXPECT_THAT(segment, HasSubstr("the WAL that slot lockstep_a needs"));
  EXPECT_THAT(segment, HasSubstr("max_slot_wal_keep_size"));
  EXPECT_THAT(segment, Not(HasSubstr("apt-get")));
  EXPECT_EQ(Remedy("could not access file \"wal2json\": No such file or directory", "58P01"),
            "install it on the server (Debian: apt-get install postgresql-15-wal2json)");
  // In another language the SQLSTATE tells.
  EXPECT_THAT(Remedy("kann nicht auf Datei zugreifen", "58P01"),
              HasSubstr("postgresql-15-wal2json"));
}

TEST(RemedyTest, ASlotThatLostItsWalIsToBeMadeAgain) {
  for (const char* message :
       {"can no longer get changes from replication slot \"lockstep_a\"",
        "cannot read from logical replication slot \"lockstep_a\" (This slot "
        "has been invalidated because it exceeded the maximum reserved size.)"})
    EXPECT_THAT(Remedy(message, "55000"), HasSubstr("drop the slot, start again")) << message;
}

TEST(RemedyTest, TheSqlstateTellsWhereTheMessageDoesNot) {
  EXPECT_THAT(Remedy("", "55006"), HasSubstr("another client is following this slot"));
  EXPECT_THAT(Remedy("", "53400"), HasSubstr("max_replication_slots"));
  EXPECT_THAT(Remedy("", "53300"), HasSubstr("raise max_connections"));
  EXPECT_THAT(Remedy("too many connections for role \"app\"", "53300"),
              HasSubstr("ALTER ROLE ... CONNECTION LIMIT"));
  EXPECT_THAT(Remedy("too many connections for database \"shop\"", "53300"),
              HasSubstr("ALTER DATABASE ... CONNECTION LIMIT"));
  EXPECT_THAT(Remedy("", "55P03"), HasSubstr("pg_prepared_xacts"));
}

TEST(RemedyTest, WhereBothCountBothMustBeThere) {
  EXPECT_EQ(Remedy("replication slot \"lockstep_a\" already exists", "42710"),
            "drop slot lockstep_a or choose another name");
  EXPECT_EQ(Remedy("role \"a\" already exists", "42710"), "");
  EXPECT_THAT(Remedy("replication slot \"lockstep_a\" does not exist", "42704"),
              HasSubstr("was dropped or never made"));
  EXPECT_EQ(Remedy("division by zero", "22012"), "");
}

TEST(RemedyTest, OnlyWhatTheUserMustChangeIsAMistakeOfTheUser) {
  const Error usage = WithRemedy({ErrorKind::kSql, "wal_level must be >= logical", "55000"}, {});
  EXPECT_EQ(usage.kind, ErrorKind::kUsage);
  EXPECT_THAT(usage.message, HasSubstr("logical; set wal_level = logical in postgresql.conf"));
  const Error passing = WithRemedy({ErrorKind::kSql, "slot is active for PID 7", "55006"}, {});
  EXPECT_EQ(passing.kind, ErrorKind::kSql);
  EXPECT_TRUE(model::IsWorthRetry(passing));
  const Error unknown{ErrorKind::kSql, "division by zero", "22012"};
  EXPECT_EQ(WithRemedy(unknown, kContext), unknown);
}

TEST(RemedyTest, APluginThatIsNotListedIsNamed) {
  EXPECT_THAT(Remedy("library \"wal2json\" may not be used as an output plugin"),
              HasSubstr("add wal2json to output_plugin_libraries"));
}

}  // namespace
}  // namespace lockstep::postgres
