#include "postgres/partition_roots.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <string>
#include <tuple>
#include <utility>

#include "model/exclusion.h"
#include "model/relation.h"
#include "postgres/partition_tree.h"

namespace lockstep::postgres {
namespace {

using model::Fail;
using model::RelationPtr;
using model::Result;

using Name = std::pair<std::string, std::string>;

std::string SqlList(const std::vector<TableName>& names) {
  std::string list;
  for (const TableName& name : names) {
    list += fmt::format("{}({}, {})", list.empty() ? "" : ", ", model::SqlLiteral(name.schema),
                        model::SqlLiteral(name.name));
  }
  return list;
}

// What keeps a root from being followed by what is sent of its partitions.
struct Trees {
  std::map<Name, TableName> root_of;    // by partition, of any level
  std::map<Name, std::string> why_not;  // by root
};

// Without a reason the text is null. A row that is sent has the identity of its partition.
constexpr const char* kTrees = R"(
SELECT n.nspname, c.relname, pn.nspname, p.relname,
       CASE WHEN p.relkind = 'f' THEN 'a partition is foreign: its rows are elsewhere'
            WHEN p.relpersistence <> 'p'
              THEN 'a partition is unlogged: its changes are not in the WAL'
            WHEN p.relkind = 'r' AND p.relreplident <> c.relreplident
              THEN 'a partition has another replica identity' END
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
CROSS JOIN LATERAL ({} SELECT tree.oid FROM tree WHERE tree.oid <> c.oid) t
JOIN pg_catalog.pg_class p ON p.oid = t.oid
JOIN pg_catalog.pg_namespace pn ON pn.oid = p.relnamespace
WHERE c.relkind = 'p' AND (n.nspname, c.relname) IN ({}))";

Result<Trees> ReadTrees(Connection& connection, const std::vector<TableName>& roots) {
  auto read = connection.Execute(fmt::format(fmt::runtime(kTrees), kPartitionTree, SqlList(roots)));
  if (!read) return Fail("reading the partitions", read.error());
  Trees trees;
  for (int row = 0; row < read->rows(); ++row) {
    const auto text = [&](int field) { return std::string(read->Text(row, field)); };
    trees.root_of.emplace(Name(text(2), text(3)), TableName{text(0), text(1)});
    if (!read->IsNull(row, 4)) trees.why_not.emplace(Name(text(0), text(1)), text(4));
  }
  return trees;
}

void ExcludePartitions(const Trees& trees, ScopeTables& tables) {
  std::erase_if(tables.followed, [&](const RelationPtr& relation) {
    const auto root = trees.root_of.find({relation->schema, relation->name});
    if (root == trees.root_of.end()) return false;
    tables.excluded.push_back(
        {relation->schema, relation->name,
         fmt::format("published through its root {}", root->second.QualifiedName()),
         model::ExclusionKind::kPartitioned, true});
    return true;
  });
  std::erase_if(tables.insert_only, [&](const TableName& table) {
    return trees.root_of.contains({table.schema, table.name});
  });
}

}  // namespace

Result<void> FollowRoots(Connection& connection, const std::vector<TableName>& roots,
                         ScopeTables& tables) {
  if (roots.empty()) return {};
  auto trees = ReadTrees(connection, roots);
  if (!trees) return std::unexpected(std::move(trees.error()));
  auto relations = ReadRelationsWhere(
      connection,
      fmt::format("c.relkind = 'p' AND (n.nspname, c.relname) IN ({})", SqlList(roots)));
  if (!relations) return std::unexpected(std::move(relations.error()));
  ExcludePartitions(*trees, tables);
  for (RelationPtr& relation : *relations) {
    const auto known = std::ranges::find_if(tables.excluded, [&](const ExcludedTable& table) {
      return table.schema == relation->schema && table.name == relation->name;
    });
    if (known == tables.excluded.end() || !known->is_readable_root) continue;
    const auto why_not = trees->why_not.find({relation->schema, relation->name});
    if (why_not != trees->why_not.end()) {
      known->reason = why_not->second;
      continue;
    }
    tables.excluded.erase(known);
    tables.followed.push_back(std::move(relation));
  }
  std::ranges::sort(tables.followed, {}, [](const RelationPtr& relation) {
    return std::tie(relation->schema, relation->name);
  });
  return {};
}

}  // namespace lockstep::postgres
