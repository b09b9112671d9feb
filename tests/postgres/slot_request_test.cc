#include "postgres/slot_request.h"

#include <gtest/gtest.h>
#include <poll.h>

#include <chrono>
#include <optional>
#include <string>

#include "postgres/table_reader.h"
#include "tests/postgres/await.h"
#include "tests/postgres/cluster_fixture.h"

namespace lockstep::postgres {
namespace {

class SlotRequestTest : public ClusterFixture {
 protected:
  static SlotRequest Start(std::chrono::milliseconds lock_timeout = std::chrono::seconds(30)) {
    return Must(SlotRequest::Start(
        Replication(), {.name = "asked", .plugin = "pgoutput", .lock_timeout = lock_timeout}));
  }
  static model::Result<CreatedSlot> Answer(SlotRequest& request) {
    while (true) {
      auto slot = request.Poll();
      if (!slot) return std::unexpected(slot.error());
      if (*slot) return std::move(**slot);
      pollfd waiting{request.fd(), POLLIN, 0};
      if (poll(&waiting, 1, 30'000) != 1) throw std::runtime_error("no answer");
    }
  }
  static std::string Slots() {
    return Must(Sql().Scalar("SELECT count(*) FROM pg_replication_slots"));
  }
};

TEST_F(SlotRequestTest, TheSnapshotIsThereAsLongAsTheRequest) {
  std::optional<SlotRequest> request = Start();
  const CreatedSlot slot = Must(Answer(*request));
  EXPECT_TRUE(slot.consistent_point.IsValid());
  Connection reader = Sql();
  Must(BeginSnapshot(reader, slot.snapshot_name));
  EXPECT_EQ(Slots(), "1");
  request.reset();
  Must(reader.Execute("ROLLBACK"));
  // The server notices a moment later that its client has left; the slot goes last.
  Await("the slot is gone", [] { return Slots() == "0"; });
  EXPECT_FALSE(BeginSnapshot(reader, slot.snapshot_name));
}

TEST_F(SlotRequestTest, WaitsForOpenTransactionsWithoutBlocking) {
  Connection writer = Sql();
  Must(writer.Execute("BEGIN; SELECT pg_current_xact_id()"));
  SlotRequest request = Start();
  EXPECT_EQ(Must(request.Poll()), std::nullopt);
  Must(writer.Execute("COMMIT"));
  EXPECT_TRUE(Answer(request));
}

TEST_F(SlotRequestTest, AnOpenTransactionEndsItAtTheTimeout) {
  Connection writer = Sql();
  Must(writer.Execute("BEGIN; SELECT pg_current_xact_id()"));
  SlotRequest request = Start(std::chrono::milliseconds(100));
  const auto slot = Answer(request);
  ASSERT_FALSE(slot);
  EXPECT_EQ(slot.error().sqlstate, "55P03");
}

}  // namespace
}  // namespace lockstep::postgres
