// What an audit does to others, seen from outside.
#include "postgres/lookout.h"

#include <gtest/gtest.h>

#include <future>
#include <string>
#include <vector>

#include "postgres/connection.h"
#include "postgres/relation_reader.h"
#include "tests/postgres/cluster_fixture.h"

namespace lockstep::postgres {
namespace {

class LookoutTest : public ClusterFixture {
 protected:
  void SetUp() override { Must(sql_.Execute("CREATE SCHEMA s; CREATE TABLE s.t(id int)")); }
  void TearDown() override { Must(sql_.Execute("DROP SCHEMA s CASCADE")); }
  // Until it has something to tell.
  static std::vector<LockWait> Await(Lookout& lookout) {
    std::vector<LockWait> waits;
    postgres::Await("a wait is seen", [&] {
      waits = lookout.Look(Lookout::Clock::now());
      return !waits.empty();
    });
    return waits;
  }
  Connection Holder(const std::string& application) {
    Connection holder = Must(
        Connection::Open(cluster().uri(), ConnectionKind::kSql, {.application_name = application}));
    Must(holder.Execute("BEGIN; LOCK TABLE s.t IN ACCESS SHARE MODE"));
    return holder;
  }

  Connection sql_ = Sql();
  Lookout lookout_{cluster().uri(), "lockstep_00000001_"};
};

TEST_F(LookoutTest, WhoWaitsForOneOfOursIsSeenWithTheStatementAndTheTable) {
  Connection ours = Holder("lockstep audit-x");
  auto altering = std::async([] { return Sql().Execute("  alter\n table s.t ADD n int"); });
  AwaitWaiterFor("s.t");
  const std::vector<LockWait> first = Await(lookout_);
  ASSERT_EQ(first.size(), 1U);
  EXPECT_EQ(first[0].statement, "ALTER TABLE");
  EXPECT_EQ(first[0].table, (TableName{"s", "t"}));
  const std::vector<LockWait> second = Await(lookout_);
  ASSERT_EQ(second.size(), 1U);
  EXPECT_EQ(second[0].since, first[0].since);
  EXPECT_GT(second[0].waited_s, first[0].waited_s);
  Must(ours.Execute("COMMIT"));
  Must(altering.get());
}

TEST_F(LookoutTest, WhoWaitsForSomebodyElseIsNotOurs) {
  Connection theirs = Holder("psql");
  auto dropping = std::async([] { return Sql().Execute("DROP TABLE s.t"); });
  AwaitWaiterFor("s.t");
  for (int look = 0; look < 5; ++look) EXPECT_TRUE(lookout_.Look(Lookout::Clock::now()).empty());
  Must(theirs.Execute("COMMIT"));
  Must(dropping.get());
}

TEST_F(LookoutTest, WhatLosesItsIdentityIsSoonPublishedNoLonger) {
  Must(
      sql_.Execute("CREATE TABLE s.u(id int PRIMARY KEY); "
                   "CREATE PUBLICATION lockstep_00000001_pgoutput FOR TABLE s.u; "
                   "CREATE PUBLICATION theirs FOR TABLE s.u; "
                   "ALTER TABLE s.u DROP CONSTRAINT u_pkey; INSERT INTO s.u VALUES (1)"));
  postgres::Await("it is published no longer", [&] {
    (void)lookout_.Look(Lookout::Clock::now());
    return Must(sql_.Scalar("SELECT string_agg(pubname, ' ') FROM pg_publication_tables")) ==
           "theirs";
  });
  Must(
      sql_.Execute("DROP PUBLICATION theirs; UPDATE s.u SET id = 2; "
                   "DROP PUBLICATION lockstep_00000001_pgoutput"));
}

TEST_F(LookoutTest, AServerThatIsGoneHoldsUpNobodyAndIsAskedAgainWhenItIsBack) {
  (void)lookout_.Look(Lookout::Clock::now());
  Must(cluster().Crash());
  for (int look = 0; look < 5; ++look) EXPECT_TRUE(lookout_.Look(Lookout::Clock::now()).empty());
  Must(cluster().StartAgain());
  sql_ = Sql();
  Connection ours = Holder("lockstep audit-x");
  auto truncating = std::async([] { return Sql().Execute("TRUNCATE s.t"); });
  AwaitWaiterFor("s.t");
  EXPECT_EQ(Await(lookout_)[0].statement, "TRUNCATE");
  Must(ours.Execute("COMMIT"));
  Must(truncating.get());
}

}  // namespace
}  // namespace lockstep::postgres
