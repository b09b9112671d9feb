#include "model/catalog.h"

#include <gtest/gtest.h>

namespace lockstep::model {
namespace {

TEST(CatalogTest, ASessionRowIsKeyedByItsSession) {
  const RelationPtr relation = MakeSessionRelation("lockstep_1");
  EXPECT_EQ(relation->QualifiedName(), "lockstep_1.session");
  const Row row = MakeSessionRow(SessionId{3}, TransactionId{99});
  EXPECT_EQ(row.CountColumns(), relation->columns.size());
  EXPECT_EQ(relation->KeyOf(row), MakeRow({std::int64_t{3}}));
  EXPECT_EQ(row.At(1), Cell(Value(std::int64_t{99})));
}

}  // namespace
}  // namespace lockstep::model
