#include "postgres/lock_wait.h"

#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <vector>

#include "postgres/connection.h"
#include "postgres/relation_reader.h"
#include "tests/postgres/cluster_fixture.h"

namespace lockstep::postgres {
namespace {

using namespace std::chrono_literals;

class LockWaitTest : public ClusterFixture {
 protected:
  void SetUp() override { Must(sql_.Execute("SET deadlock_timeout = '2s'")); }
  // What lock_timeout is set to, and that it is so for the transaction alone.
  std::string Bound(const std::string& expression) {
    Must(sql_.Execute("BEGIN; SELECT " + expression));
    std::string timeout = Must(sql_.Scalar("SHOW lock_timeout"));
    Must(sql_.Execute("COMMIT"));
    EXPECT_EQ(Must(sql_.Scalar("SHOW lock_timeout")), "0");
    return timeout;
  }

  Connection sql_ = Sql();
};

TEST_F(LockWaitTest, AShareOfDeadlockTimeoutOrTheLimit) {
  EXPECT_EQ(Bound(BoundTableWaitSql(10s, {})), "100ms");
  EXPECT_EQ(Bound(BoundTableWaitSql(7ms, {})), "7ms");
  EXPECT_EQ(Bound(BoundWaitWithTableSql(10s)), "20ms");
  EXPECT_EQ(Bound(BoundPublicationWaitSql(10s)), "3s");
  // 0 would be for ever.
  Must(sql_.Execute("SET deadlock_timeout = '1ms'"));
  EXPECT_EQ(Bound(BoundWaitWithTableSql(10s)), "1ms");
}

TEST_F(LockWaitTest, ATableThatIsGoneIsAnError) {
  Must(sql_.Execute("CREATE TABLE \"It's\"()"));
  EXPECT_EQ(Bound(BoundTableWaitSql(10s, {{"public", "It's"}})), "100ms");
  Must(sql_.Execute("DROP TABLE \"It's\""));
  EXPECT_EQ(sql_.Execute("SELECT " + BoundTableWaitSql(10s, {{"public", "It's"}})).error().sqlstate,
            "42P01");
}

// It gives the table up to whoever has waited for deadlock_timeout.
TEST_F(LockWaitTest, BehindAutovacuumItIsLonger) {
  Must(sql_.Execute("ALTER SYSTEM SET autovacuum_naptime = '1s'"));
  Must(sql_.Execute("SELECT pg_reload_conf()"));
  Must(
      sql_.Execute("CREATE TABLE other(i int); CREATE TABLE slow(i int) WITH "
                   "(autovacuum_vacuum_threshold = 1, autovacuum_vacuum_scale_factor = 0, "
                   "autovacuum_vacuum_cost_delay = 100, autovacuum_vacuum_cost_limit = 1); "
                   "INSERT INTO slow SELECT generate_series(1, 100000); DELETE FROM slow"));
  Await("autovacuum has the table", [&] {
    return Must(sql_.Scalar("SELECT count(*) FROM pg_locks l JOIN pg_stat_activity a USING (pid) "
                            "WHERE a.backend_type = 'autovacuum worker' AND l.granted "
                            "AND l.relation = 'slow'::regclass")) != "0";
  });
  EXPECT_EQ(Bound(BoundTableWaitSql(10s, {{"public", "other"}})), "100ms");
  EXPECT_EQ(Bound(BoundTableWaitSql(10s, {{"public", "other"}, {"public", "slow"}})), "3s");
  // It would take a minute and more.
  Must(sql_.Execute("SET deadlock_timeout = '300ms'"));
  Await("autovacuum gives it up", [&] {
    const auto locked =
        sql_.Execute("BEGIN; SELECT " + BoundTableWaitSql(10s, {{"public", "slow"}}) +
                     "; LOCK TABLE slow IN SHARE UPDATE EXCLUSIVE MODE");
    Must(sql_.Execute("ROLLBACK"));
    return locked.has_value();
  });
}

}  // namespace
}  // namespace lockstep::postgres
