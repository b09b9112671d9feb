#include "listener/identity.h"

#include <gtest/gtest.h>

#include <string>

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

TEST(IdentityTest, ThisHostHasAName) { EXPECT_TRUE(IdOfThisHost().starts_with("listener-")); }

}  // namespace
}  // namespace lockstep::listener
