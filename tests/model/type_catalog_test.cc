#include "model/type_catalog.h"

#include <gtest/gtest.h>

#include "model/type_oid.h"

namespace lockstep::model {
namespace {

TEST(TypeCatalogTest, BuiltInTypesAreKnownWithoutAServer) {
  const TypeCatalog types;
  EXPECT_FALSE(types.is_complete());
  ASSERT_NE(types.Find(type_oid::kInt4), nullptr);
  EXPECT_EQ(types.Find(type_oid::kInt4)->name, "integer");
  EXPECT_EQ(*types.Find(Oid{1007}),
            (Type{Oid{1007}, TypeKind::kArray, type_oid::kInt4, "integer[]"}));
  EXPECT_EQ(*types.Find(Oid{4532}),
            (Type{Oid{4532}, TypeKind::kMultirange, Oid{3906}, "nummultirange"}));
  EXPECT_EQ(types.Find(Oid{0}), nullptr);
  EXPECT_EQ(types.Find(Oid{16'500}), nullptr);
}

TEST(TypeCatalogTest, TypesOfADatabaseAreAddedAndWin) {
  const TypeCatalog types({{Oid{16'500}, TypeKind::kEnum, Oid{}, "s.mood"},
                           {type_oid::kInt4, TypeKind::kBase, Oid{}, "from the server"}});
  EXPECT_TRUE(types.is_complete());
  EXPECT_EQ(types.Find(Oid{16'500})->name, "s.mood");
  EXPECT_EQ(types.Find(type_oid::kInt4)->name, "from the server");
  EXPECT_EQ(types.Find(type_oid::kInt8)->name, "bigint");
}

TEST(TypeCatalogTest, ADomainsBaseIsFoundThroughDomains) {
  const TypeCatalog types({{Oid{1'000'001}, TypeKind::kDomain, Oid{1'000'000}, "outer"},
                           {Oid{1'000'000}, TypeKind::kDomain, type_oid::kText, "inner"},
                           {Oid{1'000'002}, TypeKind::kDomain, Oid{1'000'002}, "ring"}});
  EXPECT_EQ(types.BaseOf(Oid{1'000'001}), type_oid::kText);
  EXPECT_EQ(types.BaseOf(type_oid::kText), type_oid::kText);
  EXPECT_EQ(types.BaseOf(Oid{99}), Oid{99});
  EXPECT_EQ(types.BaseOf(Oid{1'000'002}), Oid{1'000'002});  // and it returns
}

}  // namespace
}  // namespace lockstep::model
