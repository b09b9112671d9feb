// Transactions of others that have not ended, and waiting for one of them.
#include "postgres/open_transactions.h"

#include <gtest/gtest.h>

#include <chrono>
#include <future>
#include <string>

#include "model/ids.h"
#include "tests/postgres/cluster_fixture.h"

namespace lockstep::postgres {
namespace {

constexpr std::chrono::seconds kPatience{30};

class OpenTransactionsTest : public ClusterFixture {
 protected:
  // Of the transaction that the session begins with it.
  model::Xid Begin() {
    Must(session_.Execute("BEGIN"));
    return {static_cast<std::uint32_t>(
        std::stoul(Must(session_.Scalar("SELECT pg_current_xact_id()::xid"))))};
  }
  Connection session_ = Sql();
  Connection observer_ = Sql();
};

TEST_F(OpenTransactionsTest, OneWithAnXidIsNamedUntilItEnds) {
  const model::Xid xid = Begin();
  const auto open = Must(ReadOpenTransactions(observer_));
  ASSERT_EQ(open.size(), 1u);
  EXPECT_EQ(open[0].xid, xid);
  EXPECT_EQ(open[0].pid, session_.backend_pid());
  EXPECT_EQ(open[0].state, "idle in transaction");
  Must(session_.Execute("COMMIT"));
  EXPECT_TRUE(Must(ReadOpenTransactions(observer_)).empty());
}

TEST_F(OpenTransactionsTest, WhatHasEndedIsNotWaitedFor) {
  const model::Xid xid = Begin();
  Must(session_.Execute("COMMIT"));
  EXPECT_TRUE(Must(AwaitEnd(observer_, xid, kPatience)));
}

TEST_F(OpenTransactionsTest, WhatIsOpenIsWaitedForUpToTheLimit) {
  const model::Xid xid = Begin();
  EXPECT_FALSE(Must(AwaitEnd(observer_, xid, std::chrono::milliseconds(20))));
  auto ended = std::async([&] { return Must(AwaitEnd(observer_, xid, kPatience)); });
  EXPECT_EQ(ended.wait_for(std::chrono::milliseconds(50)), std::future_status::timeout);
  Must(session_.Execute("COMMIT"));
  EXPECT_TRUE(ended.get());
}

}  // namespace
}  // namespace lockstep::postgres
