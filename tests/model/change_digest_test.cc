#include "model/change_digest.h"

#include <gtest/gtest.h>

#include <functional>
#include <set>
#include <string>
#include <vector>

namespace lockstep::model {
namespace {

Row RowOf(std::int64_t id, std::string_view text) { return MakeRow({id, Text{text}}); }
Row Key(std::int64_t id) { return MakeRow({id}); }

std::string Of(const std::function<void(ChangeDigest&)>& tell) {
  ChangeDigest digest;
  tell(digest);
  return ToString(digest.digest());
}

TEST(ChangeDigestTest, NothingAddsNothing) {
  EXPECT_EQ(ChangeDigest().digest(), Digest{});
  EXPECT_NE(Of([](ChangeDigest& d) { d.Truncate("t"); }), ToString(Digest{}));
}

// Whatever a change says makes another digest: operation, table, key, row.
TEST(ChangeDigestTest, EveryPartCounts) {
  const Row key = Key(1);
  const Row other_key = Key(2);
  const std::vector<std::function<void(ChangeDigest&)>> changes = {
      [&](ChangeDigest& d) { d.Insert("t", RowOf(1, "a")); },
      [&](ChangeDigest& d) { d.Insert("u", RowOf(1, "a")); },
      [&](ChangeDigest& d) { d.Insert("t", RowOf(1, "b")); },
      [&](ChangeDigest& d) { d.Update("t", nullptr, RowOf(1, "a")); },
      [&](ChangeDigest& d) { d.Update("t", &key, RowOf(1, "a")); },
      [&](ChangeDigest& d) { d.Update("t", &other_key, RowOf(1, "a")); },
      [&](ChangeDigest& d) { d.Delete("t", key); },
      [&](ChangeDigest& d) { d.Delete("t", other_key); },
      [&](ChangeDigest& d) { d.Truncate("t"); },
      [&](ChangeDigest& d) { d.Truncate("u"); },
      [&](ChangeDigest& d) { d.Message("t", ""); },
      [&](ChangeDigest& d) { d.Message("", "t"); },
  };
  std::set<std::string> digests;
  for (const auto& change : changes) EXPECT_TRUE(digests.insert(Of(change)).second);
}

TEST(ChangeDigestTest, TheOrderCounts) {
  const auto both = [](std::int64_t first, std::int64_t second) {
    return Of([&](ChangeDigest& d) {
      d.Insert("t", RowOf(first, "a"));
      d.Insert("t", RowOf(second, "a"));
    });
  };
  EXPECT_EQ(both(1, 2), both(1, 2));
  EXPECT_NE(both(1, 2), both(2, 1));
}

TEST(ChangeDigestTest, OfMessagesOnlyTheOrderAmongThemselvesCounts) {
  const auto insert = [](ChangeDigest& d) { d.Insert("t", RowOf(1, "a")); };
  const auto message = [](ChangeDigest& d, const char* prefix) { d.Message(prefix, "m"); };
  const std::string first = Of([&](ChangeDigest& d) {
    message(d, "a");
    insert(d);
    message(d, "b");
  });
  EXPECT_EQ(first, Of([&](ChangeDigest& d) {
              insert(d);
              message(d, "a");
              message(d, "b");
            }));
  EXPECT_NE(first, Of([&](ChangeDigest& d) {
              insert(d);
              message(d, "b");
              message(d, "a");
            }));
}

TEST(ChangeDigestTest, ClearBeginsAgain) {
  ChangeDigest digest;
  digest.Truncate("t");
  digest.Clear();
  EXPECT_EQ(digest.digest(), Digest{});
}

}  // namespace
}  // namespace lockstep::model
