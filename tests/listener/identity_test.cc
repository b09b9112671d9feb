#include "listener/identity.h"

#include <gtest/gtest.h>

#include <set>
#include <string>
#include <vector>

#include "postgres/slot_list.h"

namespace lockstep::listener {
namespace {

TEST(IdentityTest, ContainerIsNamedByItsId) {
  EXPECT_EQ(IdOfHost("3f2a90b1c4de"), "listener-3f2a90b1c4de");
}

TEST(IdentityTest, LongHostNameLeavesRoomForTheSchemaInASlotsName) {
  const std::string id = IdOfHost(std::string(64, 'a'));
  EXPECT_LE(std::string("lockstep_5be3ca04_").size() + id.size(), 63u);
}

TEST(IdentityTest, LongHostNamesThatDifferAtTheEndStayDifferent) {
  EXPECT_NE(IdOfHost(std::string(60, 'a') + "1"), IdOfHost(std::string(60, 'a') + "2"));
}

TEST(SlotNameTest, AContainersIsReadable) {
  EXPECT_EQ(SlotName("lockstep_5be3ca04", IdOfHost("3f2a90b1c4de")),
            "lockstep_5be3ca04_listener_3f2a90b1c4de");
  EXPECT_EQ(SlotName("lockstep_5be3ca04", "listener-1"), "lockstep_5be3ca04_listener_1");
  EXPECT_EQ(SlotName("lockstep_5be3ca04", "cache"), "lockstep_5be3ca04_cache");
}

TEST(SlotNameTest, WhatCannotStandThereIsReplacedAndGetsAHash) {
  const std::string name = SlotName("lockstep_5be3ca04", IdOfHost("Web-1.example"));
  const std::string start = "lockstep_5be3ca04_listener_web_1_example_";
  EXPECT_TRUE(name.starts_with(start)) << name;
  EXPECT_EQ(name.size(), start.size() + 8) << name;
  EXPECT_EQ(name, SlotName("lockstep_5be3ca04", IdOfHost("Web-1.example")));
}

TEST(SlotNameTest, TwoListenersNeverShareOne) {
  std::vector<std::string> ids = {"listener_1", "listener-1", "Listener-1", "cache", "Cache"};
  for (const std::string host : {"a-b", "a.b", "a_b", "A1", "B1", "a1", "b1", "\u00e4", "\u00f6"}) {
    ids.push_back(IdOfHost(host));
  }
  for (const std::string& long_host : {std::string(60, 'a'), std::string(60, '-')}) {
    for (const char* end : {"1", "2"}) {
      ids.push_back(IdOfHost(long_host + end));
      ids.push_back(long_host + end);
    }
  }
  std::set<std::string> names;
  for (const std::string& id : ids) {
    const std::string name = SlotName("lockstep_5be3ca04", id);
    EXPECT_TRUE(names.insert(name).second) << id << ": " << name;
    EXPECT_LE(name.size(), 63u) << name;
    EXPECT_EQ(name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789_"), name.npos) << name;
    const auto owner = postgres::OwnerByName(name);
    ASSERT_TRUE(owner.has_value()) << name;
    EXPECT_EQ(owner->run, "lockstep_5be3ca04");
  }
}

TEST(IdentityTest, ThisHostHasAName) { EXPECT_TRUE(IdOfThisHost().starts_with("listener-")); }

}  // namespace
}  // namespace lockstep::listener
