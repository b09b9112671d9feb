#include "launcher/slot_rule.h"

#include <gtest/gtest.h>

#include <string>

namespace lockstep::launcher {
namespace {

using postgres::ListedSlot;

// An inactive slot of a run that is there.
ListedSlot Slot() {
  return {.name = "lockstep_0badcafe_1",
          .owner = postgres::SlotOwner{"lockstep_0badcafe", "1"},
          .named_by_us = true,
          .plugin = "pgoutput",
          .database = "shop",
          .held_wal_bytes = 5'000'000,
          .wal_status = "reserved",
          .run_exists = true};
}

Decision Of(const ListedSlot& slot, const PruneRule& rule = {}) {
  return Decide(slot, "shop", rule);
}

TEST(SlotRule, ASlotWhoseRunIsGoneIsDropped) {
  ListedSlot slot = Slot();
  slot.run_exists = false;
  EXPECT_EQ(Of(slot), (Decision{true, "inactive, and its run's schema lockstep_0badcafe is gone"}));
  slot.run_exists.reset();  // not known
  EXPECT_FALSE(Of(slot).drop);
}

TEST(SlotRule, AnInvalidatedSlotIsDropped) {
  ListedSlot slot = Slot();
  slot.wal_status = "lost";
  EXPECT_EQ(Of(slot), (Decision{true, "the server has invalidated it"}));
}

TEST(SlotRule, ASlotOfARunThatIsThereStaysUntilABoundSaysOtherwise) {
  ListedSlot slot = Slot();
  EXPECT_EQ(Of(slot), (Decision{false,
                                "its run's schema is there: --older-than or --wal-above "
                                "drop it all the same"}));
  EXPECT_TRUE(Of(slot, {.wal_above_bytes = 4'999'999}).drop);
  EXPECT_FALSE(Of(slot, {.wal_above_bytes = 5'000'000}).drop);
  EXPECT_EQ(Of(slot, {.wal_above_bytes = 1}).reason, "inactive, and holds 5.0 MB of WAL");
  // A server before 17.
  EXPECT_NE(Of(slot, {.older_than_s = 0}).reason.find("PostgreSQL 17"), std::string::npos);
  slot.inactive_s = 7200;
  EXPECT_EQ(Of(slot, {.older_than_s = 7200}), (Decision{true, "inactive for 2 h"}));
  EXPECT_FALSE(Of(slot, {.older_than_s = 7201}).drop);
}

// Whatever the rule says.
TEST(SlotRule, WhatIsNotOursOrInUseStays) {
  const PruneRule everything{.older_than_s = 0, .wal_above_bytes = 0};
  ListedSlot good = Slot();
  good.run_exists = false;
  good.wal_status = "lost";
  good.inactive_s = 1'000'000;
  ASSERT_TRUE(Of(good, everything).drop);

  ListedSlot foreign = good;
  foreign.owner.reset();
  EXPECT_EQ(Of(foreign, everything), (Decision{false, "not Lockstep's"}));
  ListedSlot active = good;
  active.active = true;
  active.pid = 7;
  EXPECT_EQ(Of(active, everything), (Decision{false, "in use by pid 7"}));
  ListedSlot temporary = good;
  temporary.temporary = true;
  EXPECT_FALSE(Of(temporary, everything).drop);
  ListedSlot elsewhere = good;
  elsewhere.database = "stock";
  EXPECT_FALSE(Of(elsewhere, everything).drop);
  ListedSlot probe = good;
  probe.owner->run.clear();
  EXPECT_FALSE(Of(probe, everything).drop);
  ListedSlot by_session = good;
  by_session.named_by_us = false;
  EXPECT_FALSE(Of(by_session, everything).drop);
}

TEST(SlotRule, DurationsHaveOneUnit) {
  EXPECT_EQ(DurationText(119), "119 s");
  EXPECT_EQ(DurationText(120), "2 min");
  EXPECT_EQ(DurationText(7200), "2 h");
  EXPECT_EQ(DurationText(172800), "2 days");
}

}  // namespace
}  // namespace lockstep::launcher
