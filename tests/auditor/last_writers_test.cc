#include "auditor/last_writers.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <vector>

namespace lockstep::auditor {
namespace {

const model::Row kKey = model::MakeRow({std::int64_t{1}});

std::vector<model::RowImage> Write(std::uint32_t table) {
  return {{table, kKey, std::nullopt, kKey}};
}

TEST(LastWritersTest, TheLastOneOfEachRowIsFound) {
  LastWriters writers;
  writers.SetTables({10, 11});
  writers.OnApplied(Write(0), {{7}, {70}});
  writers.OnApplied(Write(1), {{8}, {80}});
  writers.OnApplied(Write(0), {{9}, {90}});
  EXPECT_EQ(writers.Find(0, kKey)->xid.value, 9u);
  EXPECT_EQ(writers.Find(1, kKey)->end_lsn.value, 80u);
  EXPECT_FALSE(writers.Find(1, model::MakeRow({std::int64_t{2}})));
}

TEST(LastWritersTest, ATableKeepsItsWritersUnderAnotherNumberAndANewOneHasNone) {
  LastWriters writers;
  writers.SetTables({10, 11});
  writers.OnApplied(Write(0), {{7}, {70}});
  writers.OnApplied(Write(1), {{8}, {80}});
  writers.SetTables({12, 10});
  EXPECT_FALSE(writers.Find(0, kKey));
  EXPECT_EQ(writers.Find(1, kKey)->xid.value, 7u);
}

}  // namespace
}  // namespace lockstep::auditor
