// Rows of the past, told from the rows of now and what later transactions wrote.
#include "model/history.h"

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "model/type_oid.h"

namespace lockstep::model {
namespace {

constexpr std::uint32_t kLeft = 0;
constexpr std::uint32_t kRight = 1;

RelationPtr Items(const char* name) {
  return std::make_shared<const Relation>(
      Relation{.schema = "s",
               .name = name,
               .columns = {{"id", type_oid::kInt8, "bigint", true}, {"v", type_oid::kText, "text"}},
               .key = {0}});
}

// One write of a transaction; no value: the row is deleted.
struct Put {
  std::uint32_t table;
  std::int64_t id;
  std::optional<std::string> value;
};

class HistoryTest : public testing::Test {
 protected:
  void Commit(std::uint64_t lsn, const std::vector<Put>& puts) {
    std::vector<RowImage> images;
    for (const Put& put : puts) {
      auto row = put.value ? std::optional(MakeRow({put.id, Text{*put.value}})) : std::nullopt;
      images.push_back(database_.Write(put.table, MakeRow({put.id}), std::move(row)));
    }
    history_.Append({lsn}, std::move(images));
  }

  // The value of a row just after `lsn`; "-" for none.
  std::string ValueAfter(std::uint64_t lsn, std::uint32_t table, std::int64_t id) const {
    const auto row = history_.RowAfter({lsn}, database_, table, MakeRow({id}));
    return row ? std::string(std::get<Text>(std::get<Value>(row->At(1))).text) : "-";
  }

  Database database_{{Items("left"), Items("right")}};
  History history_;
};

TEST_F(HistoryTest, ARowIsAsTheLatestTransactionUpToThenLeftIt) {
  Commit(10, {{kLeft, 1, "a"}});
  Commit(20, {{kLeft, 1, "b"}});
  Commit(30, {{kLeft, 1, std::nullopt}});
  EXPECT_EQ(ValueAfter(9, kLeft, 1), "-");
  EXPECT_EQ(ValueAfter(10, kLeft, 1), "a");
  EXPECT_EQ(ValueAfter(19, kLeft, 1), "a");
  EXPECT_EQ(ValueAfter(20, kLeft, 1), "b");
  EXPECT_EQ(ValueAfter(30, kLeft, 1), "-");
}

TEST_F(HistoryTest, WithinATransactionTheFirstWriteTellsWhatWasBefore) {
  Commit(10, {{kLeft, 1, "a"}});
  Commit(20, {{kLeft, 1, "b"}, {kLeft, 1, std::nullopt}, {kLeft, 1, "c"}});
  EXPECT_EQ(ValueAfter(10, kLeft, 1), "a");
  EXPECT_EQ(ValueAfter(20, kLeft, 1), "c");
}

TEST_F(HistoryTest, TablesWithTheSameKeysAreKeptApart) {
  Commit(10, {{kLeft, 1, "left"}});
  Commit(20, {{kRight, 1, "right"}});
  EXPECT_EQ(ValueAfter(10, kLeft, 1), "left");
  EXPECT_EQ(ValueAfter(10, kRight, 1), "-");
}

TEST_F(HistoryTest, ARowThatNoTransactionTouchedIsAsItIsNow) {
  database_.Write(kLeft, MakeRow({std::int64_t{5}}), MakeRow({std::int64_t{5}, Text{"old"}}));
  Commit(10, {{kLeft, 1, "a"}});
  EXPECT_EQ(ValueAfter(1, kLeft, 5), "old");
  EXPECT_EQ(ValueAfter(10, kLeft, 9), "-");
}

TEST_F(HistoryTest, ForgettingKeepsWhatCameLater) {
  for (std::uint64_t lsn : {10, 20, 30}) Commit(lsn, {{kLeft, 1, std::to_string(lsn)}});
  history_.Forget({20});
  EXPECT_EQ(history_.size(), 1u);
  EXPECT_EQ(history_.ImagesAt({20}), nullptr);
  EXPECT_EQ(ValueAfter(20, kLeft, 1), "20");
  EXPECT_EQ(ValueAfter(30, kLeft, 1), "30");
  history_.Forget({29});
  EXPECT_EQ(history_.size(), 1u);
  history_.Forget({30});
  EXPECT_EQ(history_.size(), 0u);
  EXPECT_EQ(ValueAfter(30, kLeft, 1), "30");
}

TEST_F(HistoryTest, ImagesAreThoseOfTheTransactionAtExactlyThatLsn) {
  Commit(10, {{kLeft, 1, "a"}});
  Commit(20, {{kLeft, 1, "b"}, {kRight, 2, "c"}});
  ASSERT_NE(history_.ImagesAt({20}), nullptr);
  EXPECT_EQ(history_.ImagesAt({20})->size(), 2u);
  for (std::uint64_t lsn : {9, 11, 19, 21}) EXPECT_EQ(history_.ImagesAt({lsn}), nullptr);
}

// Every row at every commit that is not forgotten, against copies made at the time.
TEST_F(HistoryTest, AnyRowAtAnyRememberedCommitIsTheOneThatWasThere) {
  const std::uint32_t seed = 7;
  SCOPED_TRACE(seed);
  std::mt19937 random(seed);
  const auto below = [&](std::uint32_t bound) {
    return static_cast<std::uint32_t>(random() % bound);
  };
  std::map<std::uint64_t, std::map<std::pair<std::uint32_t, std::int64_t>, std::string>> copies;
  std::map<std::pair<std::uint32_t, std::int64_t>, std::string> now;
  for (std::uint64_t lsn = 10; lsn <= 1000; lsn += 10) {
    std::vector<Put> puts;
    for (std::uint32_t i = below(5); i-- > 0;) {
      Put put{below(2), below(6), std::nullopt};
      if (below(3) > 0) put.value = std::to_string(random());
      now[{put.table, put.id}] = put.value.value_or("-");
      puts.push_back(std::move(put));
    }
    Commit(lsn, puts);
    copies[lsn] = now;
  }
  history_.Forget({200});
  for (std::uint64_t lsn = 200; lsn <= 1000; lsn += 10) {
    for (const auto& [address, value] : copies[lsn]) {
      EXPECT_EQ(ValueAfter(lsn, address.first, address.second), value) << "at " << lsn;
    }
  }
}

}  // namespace
}  // namespace lockstep::model
