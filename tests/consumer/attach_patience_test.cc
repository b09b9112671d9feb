// What keeps a slot from being made is waited for, named, and not waited for too long.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <functional>
#include <optional>
#include <stdexcept>
#include <stop_token>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "consumer/attach_snapshot.h"
#include "consumer/consumer.h"
#include "model/error.h"
#include "postgres/slot.h"
#include "postgres/table_scope.h"
#include "tests/consumer/consumer_fixture.h"

namespace lockstep::consumer {
namespace {

using std::chrono::milliseconds;
using testing::AllOf;
using testing::HasSubstr;

class AttachPatienceTest : public ConsumerFixture {
 protected:
  void TearDown() override {
    open_.reset();
    ConsumerFixture::TearDown();
  }
  // A transaction with an xid, which stays open.
  void BeginOne() {
    open_.emplace(Must(Connection::Open(cluster().uri(), postgres::ConnectionKind::kSql,
                                        {.application_name = "the one who waits"})));
    Must(open_->Execute("BEGIN; INSERT INTO s.t VALUES (1, 'late')"));
  }
  ConsumerOptions Waiting(milliseconds timeout) {
    ConsumerOptions options = Options("patient");
    options.attach_timeout = timeout;
    options.on_wait = [this](const AttachWait& wait) {
      waits_.push_back(wait);
      return on_wait_ ? on_wait_() : model::Result<void>();
    };
    return options;
  }
  static model::Error ErrorOf(const ConsumerOptions& options) {
    auto consumer = Consumer::Attach(options);
    if (consumer) throw std::runtime_error("attached");
    return std::move(consumer.error());
  }
  // Waits until so many walsenders are there, of those that come and go.
  static void AwaitWalsenders(std::size_t count) {
    Connection sql = Sql();
    const auto give_up = std::chrono::steady_clock::now() + kPatience;
    const std::string query =
        "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'walsender'";
    while (Must(sql.Scalar(query)) != std::to_string(count)) {
      if (std::chrono::steady_clock::now() > give_up) throw std::runtime_error("walsenders stay");
    }
  }
  // All walsenders that the server has room for but one.
  static std::vector<Connection> TakeAllWalsendersButOne() {
    std::vector<Connection> taken;
    while (true) {
      auto one = Connection::Open(cluster().uri(), postgres::ConnectionKind::kReplication);
      if (!one) break;
      taken.push_back(std::move(*one));
    }
    taken.pop_back();
    AwaitWalsenders(taken.size());
    return taken;
  }
  // What reading the tables says when `between` happens after the slot's consistent point.
  static model::Result<AttachSnapshot> ReadAfter(const std::string& between) {
    Connection replication = Replication();
    TablePreparation prepared{Sql(), {}, {}};
    const AttachScope scope{.scope = postgres::TableScope::OneSchema("s"),
                            .plugin = {.name = "decoderbufs"}};
    prepared.tables = Must(ReadTables(prepared.observer, scope));
    prepared.reading.push_back(Sql());
    const auto slot = Must(postgres::CreateSlot(
        replication, {.name = "between", .plugin = "decoderbufs", .temporary = true}));
    if (!between.empty()) Write(between);
    return ReadAttachSnapshot(std::move(prepared), slot, scope);
  }

  std::optional<Connection> open_;
  std::vector<AttachWait> waits_;
  std::function<model::Result<void>()> on_wait_;
};

TEST_F(AttachPatienceTest, AnOpenTransactionIsNamedAndWaitedFor) {
  BeginOne();
  on_wait_ = [&] {
    if (waits_.size() == 2) Must(open_->Execute("COMMIT"));
    return model::Result<void>();
  };
  Follow follow(Must(Consumer::Attach(Waiting(kPatience))));
  ASSERT_GE(waits_.size(), 2U);
  ASSERT_EQ(waits_[0].transactions.size(), 1U);
  const postgres::OpenTransaction& transaction = waits_[0].transactions[0];
  EXPECT_EQ(transaction.pid, open_->backend_pid());
  EXPECT_THAT(waits_[0].reason,
              AllOf(HasSubstr("waiting for transaction " + std::to_string(transaction.xid.value)),
                    HasSubstr("pid " + std::to_string(transaction.pid)),
                    HasSubstr("the one who waits, idle in transaction, open since 20"),
                    HasSubstr("of database postgres to make slot patient")));
  EXPECT_EQ(waits_[0].limit, kPatience);
  EXPECT_GT(waits_[1].elapsed, waits_[0].elapsed);
  EXPECT_EQ(follow->replica().database().row_count(), 1U);
  ExpectReplicaEqualsSource(follow);
  Must(follow->Detach());
}

TEST_F(AttachPatienceTest, WhoProbesThePluginWaitsAndTellsLikewise) {
  BeginOne();
  on_wait_ = [&] {
    if (waits_.size() == 1) Must(open_->Execute("COMMIT"));
    return model::Result<void>();
  };
  ConsumerOptions options = Waiting(kPatience);
  options.plugin = "wal2json";
  Follow follow(Must(Consumer::Attach(options)));
  ASSERT_FALSE(waits_.empty());
  EXPECT_THAT(waits_[0].reason,
              AllOf(HasSubstr("the one who waits"), HasSubstr("to make slot lockstep_probe_")));
  ExpectReplicaEqualsSource(follow);
  Must(follow->Detach());
}

TEST_F(AttachPatienceTest, ItGivesUpInTimeAndSaysWhomItWaitedFor) {
  BeginOne();
  const auto begun = std::chrono::steady_clock::now();
  const model::Error error = ErrorOf(Waiting(milliseconds(300)));
  EXPECT_LT(std::chrono::steady_clock::now() - begun, std::chrono::seconds(10));
  EXPECT_EQ(error.sqlstate, "55P03");
  EXPECT_THAT(error.message, AllOf(HasSubstr("gave up after"), HasSubstr("the one who waits")));
  EXPECT_EQ(Slots(), "");
}

TEST_F(AttachPatienceTest, APreparedTransactionIsNamed) {
  Write("BEGIN; INSERT INTO s.t VALUES (1, 'a'); PREPARE TRANSACTION 'left behind'");
  const model::Error error = ErrorOf(Waiting(milliseconds(300)));
  EXPECT_THAT(error.message,
              AllOf(HasSubstr("waiting for prepared transaction"),
                    HasSubstr("('left behind', since 20"), HasSubstr("of database postgres")));
  Write("ROLLBACK PREPARED 'left behind'");
  EXPECT_EQ(Slots(), "");
}

TEST_F(AttachPatienceTest, WhoIsToldCanEndIt) {
  BeginOne();
  on_wait_ = [] { return model::Fail(model::ErrorKind::kEnvironment, "interrupted"); };
  EXPECT_EQ(ErrorOf(Waiting(kPatience)).message, "interrupted");
  EXPECT_EQ(waits_.size(), 1U);
  EXPECT_EQ(Slots(), "");
}

TEST_F(AttachPatienceTest, WithoutAnotherWalsenderAFailedAttachLeavesNoSlot) {
  const std::vector<Connection> taken = TakeAllWalsendersButOne();
  ConsumerOptions options = Waiting(kPatience);
  options.scope = postgres::TableScope::OneSchema("absent");
  EXPECT_THAT(ErrorOf(options).message, HasSubstr("absent has no tables"));
  EXPECT_EQ(Slots(), "");
}

// The table is truncated all the time, until that has spoilt an attempt.
TEST_F(AttachPatienceTest, OneWalsenderIsEnoughForManyAttempts) {
  const std::vector<Connection> taken = TakeAllWalsendersButOne();
  std::atomic<bool> spoilt = false;
  on_wait_ = [&] {
    if (waits_.back().reason.starts_with("finding the tables unchanged")) spoilt = true;
    return model::Result<void>();
  };
  std::jthread truncating([&spoilt](std::stop_token stop) {
    Connection sql = Sql();
    while (!spoilt && !stop.stop_requested()) Must(sql.Execute("TRUNCATE s.t"));
  });
  for (int round = 0; !spoilt && round < 100; ++round) {
    AwaitWalsenders(taken.size());
    Follow follow(Must(Consumer::Attach(Waiting(kPatience))));
    Must(follow->Detach());
  }
  EXPECT_TRUE(spoilt);
  EXPECT_EQ(Slots(), "");
}

// Between the consistent point and the locks.
TEST_F(AttachPatienceTest, TablesThatChangedMeanwhileAreNotCopied) {
  Write("INSERT INTO s.t VALUES (1, 'a')");
  const auto message_after = [&](const std::string& between) {
    auto snapshot = ReadAfter(between);
    if (snapshot) return std::string("copied");
    EXPECT_EQ(snapshot.error().kind, model::ErrorKind::kMisfit) << snapshot.error().message;
    return snapshot.error().message;
  };
  EXPECT_EQ(message_after(""), "copied");
  EXPECT_EQ(message_after("INSERT INTO s.t VALUES (2, 'b')"), "copied");
  EXPECT_EQ(message_after("TRUNCATE s.t"),
            "table s.t was truncated or rewritten while the slot was made");
  EXPECT_THAT(message_after("ALTER TABLE s.t ADD more int"), HasSubstr("altered or dropped"));
  EXPECT_THAT(message_after("ALTER TABLE s.t RENAME more TO less"), HasSubstr("altered"));
  Write("CREATE TABLE s.u(id int PRIMARY KEY, name text, less int); INSERT INTO s.u VALUES (7)");
  EXPECT_THAT(message_after("ALTER TABLE s.t RENAME TO x; ALTER TABLE s.u RENAME TO t;"
                            "ALTER TABLE s.x RENAME TO u"),
              HasSubstr("truncated or rewritten"));
  EXPECT_THAT(message_after("DROP TABLE s.u; CREATE TABLE s.u(id int PRIMARY KEY, name text, "
                            "less int)"),
              HasSubstr("truncated or rewritten"));
  EXPECT_THAT(message_after("DROP TABLE s.u"), HasSubstr("s.u"));
}

}  // namespace
}  // namespace lockstep::consumer
