#include "postgres/plugin_probe.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "postgres/local_cluster.h"
#include "postgres/slot.h"
#include "tests/postgres/cluster_fixture.h"

namespace lockstep::postgres {
namespace {

using model::ErrorKind;
using testing::HasSubstr;

class PluginProbeTest : public ClusterFixture {
 protected:
  void TearDown() override {
    EXPECT_EQ(Must(Sql().Scalar("SELECT count(*) FROM pg_replication_slots")), "0");
  }
};

// Debian 12's is 2.5; numeric-data-types-as-string came with 2.6.
TEST_F(PluginProbeTest, Wal2json25DoesNotKnowNumbersAsStrings) {
  const auto version = Must(ProbePlugin(cluster().uri(), "wal2json"));
  EXPECT_EQ(version.server, Sql().server_version());
  EXPECT_FALSE(version.wal2json_numbers_as_strings);
}

TEST_F(PluginProbeTest, AnOptionIsKnownOrNot) {
  Connection connection = Replication();
  for (const char* plugin : {"wal2json", "test_decoding"})
    Must(CreateSlot(connection, {.name = plugin, .plugin = plugin}));
  EXPECT_TRUE(Must(KnowsOption(connection, "wal2json", "include-lsn")));
  EXPECT_TRUE(Must(KnowsOption(connection, "test_decoding", "include-xids")));
  EXPECT_FALSE(Must(KnowsOption(connection, "wal2json", "numeric-data-types-as-string")));
  EXPECT_FALSE(Must(KnowsOption(connection, "wal2json", "no-such-option")));
  for (const char* plugin : {"wal2json", "test_decoding"}) Must(DropSlot(connection, plugin));
}

TEST_F(PluginProbeTest, ASlotThatIsNotThereIsNotAnUnknownOption) {
  Connection connection = Sql();
  const auto known = KnowsOption(connection, "absent", "include-lsn");
  ASSERT_FALSE(known.has_value());
  EXPECT_EQ(known.error().sqlstate, "42704");
}

// No slot is made for them, so that even a server without a free one can be asked.
TEST_F(PluginProbeTest, APluginWithoutVersionsIsAskedForTheServersOnly) {
  for (int i = 0; i < 100; ++i) {
    auto slot = Sql().Execute("SELECT pg_create_logical_replication_slot('s" + std::to_string(i) +
                              "', 'pgoutput')");
    if (!slot) break;
  }
  for (const char* name : {"decoderbufs", "pgoutput", "pgoutput-binary"}) {
    const auto version = ProbePlugin(cluster().uri(), name);
    ASSERT_TRUE(version.has_value()) << version.error().message;
    EXPECT_EQ(*version, (model::PluginVersion{.server = Sql().server_version()}));
  }
  const auto refused = ProbePlugin(cluster().uri(), "wal2json");
  EXPECT_THAT(refused.error().message, HasSubstr("probing the output plugin wal2json"));
  EXPECT_THAT(refused.error().message, HasSubstr("max_replication_slots"));
  Must(Sql().Execute("SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots"));
}

TEST_F(PluginProbeTest, APluginThatCannotBeFollowedIsRefusedByName) {
  const auto version = ProbePlugin(cluster().uri(), "test_decoding");
  ASSERT_FALSE(version.has_value());
  EXPECT_EQ(version.error().kind, ErrorKind::kUsage);
  EXPECT_THAT(version.error().message, HasSubstr("\"test_decoding\""));
}

TEST_F(PluginProbeTest, AServerThatIsNotThereIsDisconnected) {
  const auto version = ProbePlugin("host=/tmp/lockstep-no-such-directory", "wal2json");
  ASSERT_FALSE(version.has_value());
  EXPECT_EQ(version.error().kind, ErrorKind::kDisconnected);
}

// With one slot on the server, the next probe would find it taken.
TEST(PluginProbeOnASmallServer, NoSlotOutlivesItsProbe) {
  LocalCluster small = Must(LocalCluster::Start({.settings = {{"max_replication_slots", "1"}}}));
  for (int i = 0; i < 20; ++i) Must(ProbePlugin(small.uri(), "wal2json"));
}

}  // namespace
}  // namespace lockstep::postgres
