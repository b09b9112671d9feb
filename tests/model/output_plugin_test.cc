#include "model/output_plugin.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <string>

namespace lockstep::model {
namespace {

constexpr int kPostgres13 = 130011;
constexpr int kPostgres15 = 150020;
constexpr int kPostgres18 = 180001;

TEST(OutputPluginTest, EachIsFoundByItsName) {
  std::string names;
  for (const OutputPlugin& plugin : OutputPlugins()) {
    EXPECT_EQ(FindOutputPlugin(plugin.name), &plugin);
    names += (names.empty() ? "" : ", ") + std::string(plugin.name);
  }
  EXPECT_EQ(OutputPluginNames(), names);
  EXPECT_EQ(FindOutputPlugin("test_decoding"), nullptr);
  EXPECT_EQ(FindOutputPlugin("pgoutput-binary")->library, "pgoutput");
  EXPECT_EQ(FindOutputPlugin("pgoutput-binary")->oldest_server, 140000);
}

TEST(OutputPluginTest, PgoutputAloneSendsPublications) {
  for (const OutputPlugin& plugin : OutputPlugins()) {
    EXPECT_EQ(plugin.sends_publications, plugin.library == "pgoutput") << plugin.name;
  }
}

TEST(OutputPluginTest, LossesDependOnTheVersion) {
  EXPECT_EQ(LossesOf("pgoutput", {.server = kPostgres18}), LossSet());
  EXPECT_EQ(LossesOf("pgoutput", {.server = kPostgres15}), LossSet({Loss::kGeneratedColumn}));
  EXPECT_TRUE(LossesOf("pgoutput", {.server = kPostgres13}).Has(Loss::kMessage));
  EXPECT_TRUE(LossesOf("pgoutput-binary", {.server = kPostgres18}).Has(Loss::kBinaryForm));
  EXPECT_TRUE(LossesOf("wal2json", {.server = kPostgres15}).Has(Loss::kNonFinite));
  EXPECT_FALSE(LossesOf("wal2json", {kPostgres15, true}).Has(Loss::kNonFinite));
  EXPECT_TRUE(LossesOf("decoderbufs", {.server = kPostgres18}).Has(Loss::kTruncate));
}

TEST(OutputPluginTest, EveryLossHasANameOfItsOwn) {
  std::set<std::string_view> names;
  for (std::uint8_t i = 0; i < kLossCount; ++i) {
    EXPECT_TRUE(names.insert(ToString(static_cast<Loss>(i))).second);
    EXPECT_FALSE(Explain(static_cast<Loss>(i)).empty());
  }
}

TEST(OutputPluginTest, ALossSetTravelsAsBits) {
  const LossSet losses = {Loss::kTimeZone, Loss::kBinaryForm};
  EXPECT_EQ(LossSet::FromBits(losses.bits()), losses);
  EXPECT_EQ(LossSet::FromBits(0xFFFFFF00U), LossSet());
  EXPECT_TRUE(losses.Contains({Loss::kTimeZone}));
  EXPECT_FALSE(losses.Contains({Loss::kTimeZone, Loss::kMessage}));
}

}  // namespace
}  // namespace lockstep::model
