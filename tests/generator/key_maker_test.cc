#include "generator/key_maker.h"

#include <gtest/gtest.h>

#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "generator/live_keys.h"
#include "model/relation.h"
#include "model/row.h"
#include "model/type_oid.h"

namespace lockstep::generator {
namespace {

namespace type_oid = model::type_oid;

model::RelationPtr TableWithKey(const std::vector<model::Oid>& types) {
  auto relation = std::make_shared<model::Relation>();
  relation->name = "t";
  for (model::Oid type : types) {
    relation->key.push_back(static_cast<std::uint32_t>(relation->columns.size()));
    relation->columns.push_back({"c", type, "", true});
  }
  return relation;
}

const std::vector<std::vector<model::Oid>> kKeys = {
    {type_oid::kInt4},
    {type_oid::kInt8},
    {type_oid::kUuid},
    {type_oid::kText},
    {type_oid::kInt4, type_oid::kText},
    {type_oid::kText, type_oid::kInt8},
    {type_oid::kDate, type_oid::kUuid},
    {type_oid::kInt2, type_oid::kDate, type_oid::kText}};

TEST(KeyMakerTest, KeysAreUniqueAcrossOrdinalsAndSessions) {
  for (const std::vector<model::Oid>& types : kKeys) {
    KeyMaker keys(TableWithKey(types), 3);
    std::set<model::Row> seen;
    for (std::uint32_t session = 1; session <= 3; ++session) {
      for (KeyOrdinal ordinal = 0; ordinal < kKeyOrdinals; ++ordinal) {
        ASSERT_TRUE(seen.insert(keys.MakeKey(model::SessionId{session}, ordinal)).second)
            << "session " << session << ", ordinal " << ordinal << ", type " << types[0].value;
      }
    }
  }
}

TEST(KeyMakerTest, KeysOfManySessionsAreUniqueAndInRange) {
  for (const std::vector<model::Oid>& types : kKeys) {
    KeyMaker keys(TableWithKey(types), kMaxSessions);
    std::set<model::Row> seen;
    for (std::uint32_t session = 1; session <= kMaxSessions; ++session) {
      for (KeyOrdinal ordinal : {0u, 1u, 2u, 3u, 4u, 5u, 1000u, kKeyOrdinals - 1}) {
        model::Row key = keys.MakeKey(model::SessionId{session}, ordinal);
        ASSERT_TRUE(seen.insert(key).second);
        if (types == kKeys[0]) {
          auto number = std::get<std::int64_t>(std::get<model::Value>(key.At(0)));
          ASSERT_EQ(number, static_cast<std::int32_t>(number));
        }
      }
    }
  }
}

TEST(KeyMakerTest, LowestOrdinalsAreEdgeValues) {
  auto all = [](std::vector<model::Oid> types) {
    KeyMaker keys(TableWithKey(types), 4);
    std::set<model::Row> seen;
    for (std::uint32_t session = 1; session <= 4; ++session) {
      for (KeyOrdinal ordinal = 0; ordinal < 4; ++ordinal) {
        seen.insert(keys.MakeKey(model::SessionId{session}, ordinal));
      }
    }
    return seen;
  };
  for (std::int64_t edge : {std::int64_t{INT32_MIN}, std::int64_t{INT32_MAX}, std::int64_t{0}}) {
    EXPECT_TRUE(all({type_oid::kInt4}).contains(model::MakeRow({edge})));
  }
  for (std::int64_t edge : {INT64_MIN, INT64_MAX, std::int64_t{0}}) {
    EXPECT_TRUE(all({type_oid::kInt8}).contains(model::MakeRow({edge})));
  }
  EXPECT_TRUE(all({type_oid::kText}).contains(model::MakeRow({model::Text{""}})));
  model::Uuid uuid;
  EXPECT_TRUE(all({type_oid::kUuid}).contains(model::MakeRow({uuid})));
  uuid.bytes.fill(0xFF);
  EXPECT_TRUE(all({type_oid::kUuid}).contains(model::MakeRow({uuid})));
}

TEST(LiveKeysTest, RemovedKeysAreGoneAndTheOthersStay) {
  LiveKeys keys;
  for (KeyOrdinal key : {7u, 3u, 9u, 1u}) keys.Add(key);
  keys.Remove(3);
  EXPECT_FALSE(keys.Contains(3));
  ASSERT_EQ(keys.size(), 3u);
  EXPECT_EQ(keys[0], 7u);
  EXPECT_EQ(keys[1], 1u);
  EXPECT_EQ(keys[2], 9u);
  keys.Remove(9);
  keys.Remove(7);
  EXPECT_EQ(keys[0], 1u);
  keys.Add(3);
  EXPECT_TRUE(keys.Contains(3));
}

}  // namespace
}  // namespace lockstep::generator
