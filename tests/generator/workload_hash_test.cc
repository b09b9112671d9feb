#include "generator/workload_hash.h"

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <vector>

#include "model/catalog.h"
#include "model/digest.h"
#include "model/operation.h"
#include "model/relation.h"
#include "model/type_oid.h"

namespace lockstep::generator {
namespace {

model::Relation MakeTable() {
  return {.schema = "s",
          .name = "t",
          .columns = {{"a", model::type_oid::kInt4, "integer", true},
                      {"b", model::type_oid::kInt4, "integer", false}},
          .key = {0}};
}

model::Catalog MakeCatalog(const model::Relation& table) {
  model::Catalog catalog{.schema = table.schema, .sessions = 2, .tables = {}};
  catalog.types = {{"mood", "TYPE {} AS ENUM ('a')"}};
  catalog.tables = {model::MakeSessionRelation(table.schema),
                    std::make_shared<model::Relation>(table)};
  catalog.owners = {{}, {1}};
  return catalog;
}

model::Digest HashOf(const std::function<void(model::Relation&)>& change) {
  model::Relation table = MakeTable();
  change(table);
  return WorkloadHash(MakeCatalog(table)).value();
}

model::Digest HashOf(const std::function<void(model::Catalog&)>& change) {
  model::Catalog catalog = MakeCatalog(MakeTable());
  change(catalog);
  return WorkloadHash(catalog).value();
}

TEST(WorkloadHashTest, EveryPartOfATableCountsButTheSchema) {
  const model::Digest plain = WorkloadHash(MakeCatalog(MakeTable())).value();
  EXPECT_EQ(HashOf([](model::Relation& t) { t.schema = "other"; }), plain);
  const std::vector<std::function<void(model::Relation&)>> changes = {
      [](model::Relation& t) { t.name = "u"; },
      [](model::Relation& t) { t.columns[1].name = "c"; },
      [](model::Relation& t) { t.columns[1].type_name = "mood"; },
      [](model::Relation& t) { t.columns[1].not_null = true; },
      [](model::Relation& t) { t.columns[1].generated = "a + 1"; },
      [](model::Relation& t) { t.key = {1}; },
      [](model::Relation& t) { t.identity = model::ReplicaIdentity::kFull; }};
  for (std::size_t i = 0; i < changes.size(); ++i) EXPECT_NE(HashOf(changes[i]), plain) << i;
}

TEST(WorkloadHashTest, SessionsTypesAndOwnersCount) {
  const model::Digest plain = WorkloadHash(MakeCatalog(MakeTable())).value();
  const std::vector<std::function<void(model::Catalog&)>> changes = {
      [](model::Catalog& c) { c.sessions = 3; },
      [](model::Catalog& c) { c.types[0].name = "mode"; },
      [](model::Catalog& c) { c.types[0].definition = "DOMAIN {} AS int"; },
      [](model::Catalog& c) { c.owners[1] = {2}; }};
  for (std::size_t i = 0; i < changes.size(); ++i) EXPECT_NE(HashOf(changes[i]), plain) << i;
}

TEST(WorkloadHashTest, TruncateAndMessagesCountWithWhatTheySay) {
  const model::Catalog catalog = MakeCatalog(MakeTable());
  auto hash = [&](const model::Operation& operation) {
    WorkloadHash all(catalog);
    all.Add({{1}, {1}, {operation}, model::ScriptEnd::kCommit});
    return all.value();
  };
  EXPECT_NE(hash(model::TruncateTable{1}), hash(model::TruncateTable{2}));
  EXPECT_NE(hash(model::EmitMessage{"a", "b"}), hash(model::EmitMessage{"ab", ""}));
  EXPECT_NE(hash(model::EmitMessage{"a", ""}), hash(model::EmitMessage{"", "a"}));
}

}  // namespace
}  // namespace lockstep::generator
