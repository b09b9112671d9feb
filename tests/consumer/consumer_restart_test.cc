// A consumer that goes on, on its slot, with tables that came or changed since it attached.
#include <gtest/gtest.h>

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "consumer/attach_snapshot.h"
#include "consumer/locked_tables.h"
#include "consumer/table_copy.h"
#include "model/error.h"
#include "model/projection.h"
#include "postgres/parallel_reader.h"
#include "postgres/slot.h"
#include "tests/consumer/scope_fixture.h"

namespace lockstep::consumer {
namespace {

using postgres::Connection;
using postgres::Must;

class ConsumerRestartTest : public ScopeFixture {
 protected:
  struct Taken {
    AttachSnapshot snapshot;
    model::Lsn consistent_point;
  };
  // All tables, copied under the snapshot of a slot that nobody reads.
  static Taken TakeSnapshot(const std::string& meanwhile = {}) {
    const AttachScope scope{TableScope::Matching("s"),
                            replication::FollowPolicy::kSetAside,
                            {GetParam(), {.server = Sql().server_version()}, {"everything"}}};
    auto prepared = Must(PrepareTables(cluster().uri(), "test", 2, scope));
    Connection replication = Replication();
    const auto slot = Must(postgres::CreateSlot(
        replication, {.name = "check", .plugin = "pgoutput", .temporary = true}));
    if (!meanwhile.empty()) Write(meanwhile);
    auto locked = Must(LockTables(prepared, slot.snapshot_name, scope));
    std::vector<postgres::TableToRead> tables;
    for (std::uint32_t i = 0; i < locked.tables.followed.size(); ++i)
      tables.push_back({locked.tables.followed[i], i, locked.states[i].bytes, RowFormFor(scope)});
    AttachSnapshot snapshot = MakeAttachSnapshot(locked, slot.consistent_point, scope);
    const model::Projection projection(Losses());
    TableCopy copy(snapshot.replica->database(), projection);
    postgres::ParallelReader reader(std::move(locked.readers), std::move(tables));
    Must(reader.Run(copy));
    return {std::move(snapshot), slot.consistent_point};
  }
};

INSTANTIATE_TEST_SUITE_P(EachPlugin, ConsumerRestartTest,
                         testing::Values("decoderbufs", "wal2json", "pgoutput", "pgoutput-binary"),
                         PluginTestName);

TEST_P(ConsumerRestartTest, EverythingBehindThePointComesOnceMoreAndFitsTheNewTables) {
  Write("INSERT INTO s.t VALUES (1, 'a')");
  Follow follow = AttachTo(TableScope::Matching("s"));
  Write(
      "CREATE TABLE s.late(id int PRIMARY KEY, n int); INSERT INTO s.late VALUES (1, 1);"
      "ALTER TABLE s.t ADD more int; INSERT INTO s.t VALUES (2, 'b', 2)");
  follow.UntilReceived(InsertLsn());
  EXPECT_EQ(follow->replica().set_aside().size(), 2U);
  Taken taken = TakeSnapshot("INSERT INTO s.t VALUES (100, 'not in the snapshot')");
  // Received and given away: it must come again.
  Write("UPDATE s.t SET more = 3 WHERE id = 100");
  const std::size_t before = follow.end_lsns().size();
  follow.UntilReceived(InsertLsn());
  EXPECT_EQ(follow.end_lsns().size(), before + 2);

  Must(follow->Restart(std::move(taken.snapshot), taken.consistent_point));
  EXPECT_EQ(follow->consistent_point(), taken.consistent_point);
  Write("UPDATE s.late SET n = 2; DELETE FROM s.t WHERE id = 1");
  ExpectEqual(follow);
  EXPECT_TRUE(follow->replica().set_aside().empty());
  EXPECT_EQ(follow->replica().database().row_count(), 3U);
  EXPECT_EQ(follow.end_lsns().size(), before + 2 + 3);
  Must(follow->Detach());
}

// The server cannot take back what was confirmed; it held nothing that is followed.
TEST_P(ConsumerRestartTest, AConfirmationBehindThePointDoesNotMatter) {
  Follow follow = AttachTo(TableScope::Matching("s"));
  Taken taken = TakeSnapshot();
  Must(Sql().Scalar("SELECT pg_create_restore_point('no transaction')"));
  follow.Until([&] { return ConfirmedFlush("scoped") > taken.consistent_point; });
  Must(follow->Restart(std::move(taken.snapshot), taken.consistent_point));
  Must(Sql().Execute(
      "SELECT pg_terminate_backend(active_pid) FROM pg_replication_slots WHERE active"));
  EXPECT_EQ(follow.UntilLost().kind, model::ErrorKind::kDisconnected);
  Must(follow.Reconnect());
  Write("INSERT INTO s.t VALUES (1, 'a')");
  ExpectEqual(follow);
  Must(follow->Detach());
}

TEST_P(ConsumerRestartTest, ASlotThatSomebodyElseConfirmedIsRefused) {
  Follow follow = AttachTo(TableScope::Matching("s"));
  Taken taken = TakeSnapshot();
  TerminateReader("scoped");
  Write("INSERT INTO s.t VALUES (1, 'skipped')");
  Write("SELECT pg_replication_slot_advance('scoped', pg_current_wal_insert_lsn())");
  const auto restarted = follow->Restart(std::move(taken.snapshot), taken.consistent_point);
  ASSERT_FALSE(restarted.has_value());
  EXPECT_EQ(restarted.error().kind, model::ErrorKind::kMisfit);
  EXPECT_NE(restarted.error().message.find("by somebody else"), std::string::npos)
      << restarted.error().message;
  EXPECT_EQ(follow->fd(), -1);
}

}  // namespace
}  // namespace lockstep::consumer
