#include "generator/catalog_maker.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <string>
#include <vector>

#include "model/relation.h"
#include "model/type_oid.h"

namespace lockstep::generator {
namespace {

namespace type_oid = model::type_oid;

constexpr std::uint64_t kSeeds = 200;

bool NeedsQuotes(const std::string& name) { return model::QuoteIfNeeded(name) != name; }

std::vector<model::Relation> TablesOf(std::uint64_t seed) {
  std::vector<model::Relation> tables;
  for (const model::RelationPtr& table : MakeCatalog(seed, {}).tables) tables.push_back(*table);
  tables.erase(tables.begin());
  return tables;
}

TEST(CatalogMakerTest, SameSeedSameCatalogOtherSeedAnother) {
  EXPECT_EQ(TablesOf(1), TablesOf(1));
  EXPECT_NE(TablesOf(1), TablesOf(2));
}

TEST(CatalogMakerTest, SchemaAndSessionsChangeNoTable) {
  model::Catalog a = MakeCatalog(5, {.schema = "a", .sessions = 2});
  model::Catalog b = MakeCatalog(5, {.schema = "b", .sessions = 9});
  EXPECT_EQ(a.schema, "a");
  EXPECT_EQ(b.sessions, 9u);
  ASSERT_EQ(a.tables.size(), b.tables.size());
  for (std::size_t i = 0; i < a.tables.size(); ++i) {
    model::Relation moved = *a.tables[i];
    EXPECT_EQ(moved.schema, "a");
    moved.schema = "b";
    EXPECT_EQ(moved, *b.tables[i]);
  }
}

TEST(CatalogMakerTest, EveryCatalogCoversAllTypesOutsideKeys) {
  for (std::uint64_t seed = 0; seed < kSeeds; ++seed) {
    std::set<std::string> types;
    for (const model::Relation& table : TablesOf(seed)) {
      for (std::uint32_t i = 0; i < table.columns.size(); ++i) {
        if (table.IsKeyColumn(i)) continue;
        std::string name = table.columns[i].type_name;
        types.insert(name.substr(0, name.find('(')) + (name.find('(') < name.size() ? "(" : ""));
      }
    }
    for (const char* type : {"boolean",
                             "smallint",
                             "integer",
                             "bigint",
                             "real",
                             "double precision",
                             "numeric",
                             "numeric(",
                             "text",
                             "character varying(",
                             "uuid",
                             "bytea",
                             "date",
                             "time without time zone",
                             "timestamp without time zone",
                             "timestamp with time zone",
                             "jsonb",
                             "time with time zone",
                             "interval",
                             "inet",
                             "integer[]",
                             "text[]",
                             "numeric[]",
                             "int4range",
                             "numrange",
                             "tstzrange",
                             "daterange",
                             "price",
                             "quantity",
                             "\"Code\"",
                             "mood",
                             "mood[]",
                             "\"Place of birth\""}) {
      EXPECT_TRUE(types.contains(type)) << type << " at seed " << seed;
    }
  }
}

TEST(CatalogMakerTest, EveryCatalogHasAllKindsOfKeys) {
  for (std::uint64_t seed = 0; seed < kSeeds; ++seed) {
    std::multiset<std::string> kinds;
    for (const model::Relation& table : TablesOf(seed)) {
      ASSERT_FALSE(table.key.empty());
      for (std::uint32_t position : table.key) EXPECT_TRUE(table.columns[position].not_null);
      model::Oid type = table.columns[table.key[0]].type;
      kinds.insert(table.key.size() > 1      ? "composite"
                   : type == type_oid::kUuid ? "uuid"
                   : type == type_oid::kText ? "text"
                                             : "integer");
    }
    for (const char* kind : {"composite", "uuid", "text", "integer"}) {
      EXPECT_TRUE(kinds.contains(kind)) << kind << " at seed " << seed;
    }
    EXPECT_LE(kinds.size(), 6u);
  }
}

TEST(CatalogMakerTest, EveryCatalogHasAllIdentitiesAndGeneratedColumns) {
  for (std::uint64_t seed = 0; seed < kSeeds; ++seed) {
    std::set<model::ReplicaIdentity> identities;
    int generated = 0;
    for (const model::Relation& table : TablesOf(seed)) {
      identities.insert(table.identity);
      for (std::uint32_t i = 0; i < table.columns.size(); ++i) {
        if (table.columns[i].generated.empty()) continue;
        ++generated;
        EXPECT_FALSE(table.IsKeyColumn(i));
        EXPECT_NE(table.identity, model::ReplicaIdentity::kFull);
      }
    }
    EXPECT_EQ(identities.size(), 3u) << "seed " << seed;
    EXPECT_FALSE(identities.contains(model::ReplicaIdentity::kNothing));
    EXPECT_GE(generated, 1) << "seed " << seed;
  }
}

TEST(CatalogMakerTest, OneOrTwoTablesHaveAnOwnerAndALongTextStaysShared) {
  std::set<std::uint32_t> owners;
  for (std::uint64_t seed = 0; seed < kSeeds; ++seed) {
    for (std::uint32_t sessions : {1u, 4u}) {
      model::Catalog catalog = MakeCatalog(seed, {.sessions = sessions});
      int owned = 0;
      bool shared_text = false;
      EXPECT_FALSE(catalog.OwnerOf(model::kSessionTable).IsValid());
      for (std::uint32_t i = 1; i < catalog.tables.size(); ++i) {
        const model::SessionId owner = catalog.OwnerOf(i);
        EXPECT_LE(owner.value, sessions);
        owned += owner.IsValid();
        if (sessions == 4) owners.insert(owner.value);
        const model::Relation& table = *catalog.tables[i];
        for (std::uint32_t c = 0; c < table.columns.size(); ++c) {
          const model::Column& column = table.columns[c];
          shared_text |= !owner.IsValid() && column.type_name == "text" &&
                         column.generated.empty() && !table.IsKeyColumn(c);
        }
      }
      EXPECT_GE(owned, 1);
      EXPECT_LE(owned, 2);
      EXPECT_TRUE(shared_text) << "seed " << seed;
    }
  }
  EXPECT_EQ(owners, (std::set<std::uint32_t>{0, 1, 2, 3, 4}));
}

TEST(CatalogMakerTest, NamesAreUniqueFitAndSometimesNeedQuotes) {
  for (std::uint64_t seed = 0; seed < kSeeds; ++seed) {
    std::set<std::string> tables;
    bool quoted_column = false;
    for (const model::Relation& table : TablesOf(seed)) {
      EXPECT_LE(table.name.size(), 63u);
      EXPECT_NE(table.name, "session");
      EXPECT_TRUE(tables.insert(table.name).second);
      std::set<std::string> columns;
      for (const model::Column& column : table.columns) {
        EXPECT_LE(column.name.size(), 63u);
        EXPECT_TRUE(columns.insert(column.name).second) << column.name << " at seed " << seed;
        quoted_column |= NeedsQuotes(column.name);
      }
    }
    EXPECT_TRUE(quoted_column);
    EXPECT_GE(std::ranges::count_if(tables, NeedsQuotes), 1) << "seed " << seed;
  }
}

TEST(CatalogMakerTest, EveryTableHasNullableAndNotNullColumnsOutsideItsKey) {
  for (std::uint64_t seed = 0; seed < kSeeds; ++seed) {
    for (const model::Relation& table : TablesOf(seed)) {
      int nullable = 0;
      int not_null = 0;
      for (std::uint32_t i = 0; i < table.columns.size(); ++i) {
        if (!table.IsKeyColumn(i)) ++(table.columns[i].not_null ? not_null : nullable);
      }
      EXPECT_GE(nullable, 1);
      EXPECT_GE(not_null, 1);
    }
  }
}

// Decoders that think of a key as the first columns in order must not pass.
TEST(CatalogMakerTest, KeysStandAnywhereAndInAnyOrder) {
  bool not_first = false;
  bool against_column_order = false;
  for (std::uint64_t seed = 0; seed < kSeeds; ++seed) {
    for (const model::Relation& table : TablesOf(seed)) {
      not_first |= table.key[0] > 1;
      against_column_order |= !std::ranges::is_sorted(table.key);
    }
  }
  EXPECT_TRUE(not_first);
  EXPECT_TRUE(against_column_order);
}

}  // namespace
}  // namespace lockstep::generator
