#include "postgres/publication.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>
#include <tuple>
#include <utility>

#include "model/relation.h"
#include "postgres/partition_roots.h"

namespace lockstep::postgres {

using model::ErrorKind;
using model::Fail;
using model::Result;

namespace {

constexpr int kPostgres15 = 150000;
constexpr int kPublishesGeneratedColumns = 180000;
constexpr const char* kAllChanges = "insert, update, delete, truncate";
constexpr const char* kInsertsOnly = "insert, truncate";

// What of the tables is published, of every column that can be.
std::string With(const Connection& connection, const char* changes) {
  return fmt::format(" WITH (publish = '{}'{})", changes,
                     connection.server_version() >= kPublishesGeneratedColumns
                         ? ", publish_generated_columns = stored"
                         : "");
}

// Whether its UPDATE and DELETE do not fail once they are published: no identity holds what cannot
// be.
bool MayPublishChanges(const model::Relation& relation) {
  return relation.identity != model::ReplicaIdentity::kFull || relation.virtual_columns.empty();
}

std::string SqlList(const std::vector<TableName>& tables) {
  std::string list;
  for (const TableName& table : tables) {
    list += (list.empty() ? "" : ", ") + model::SqlIdentifier(table.schema) + "." +
            model::SqlIdentifier(table.name);
  }
  return list;
}

std::string InsertsName(const std::string& name) { return name + "_inserts"; }

// What several publications send of a table: the most of any.
struct Published {
  bool all_rows = false;
  bool all_columns = false;
  bool inserts = false;  // and truncations
  bool changes = false;  // all of them
  bool is_root = false;  // it stands for its partitions
};

using PublishedTables = std::map<std::pair<std::string, std::string>, Published>;

Result<PublishedTables> ReadPublished(Connection& connection,
                                      const std::vector<std::string>& publications) {
  std::string names;
  for (const std::string& publication : publications)
    names += (names.empty() ? "" : ", ") + model::SqlLiteral(publication);
  // Row filters and column lists came with 15, a choice of generated columns with 18: before, they
  // are what the plugin loses.
  const int version = connection.server_version();
  const char* all_rows = version >= kPostgres15 ? "t.rowfilter IS NULL" : "true";
  std::string all_columns = version >= kPostgres15 ? "r.prattrs IS NULL" : "true";
  if (version >= kPublishesGeneratedColumns) {
    all_columns +=
        " AND (p.pubgencols = 's' OR NOT EXISTS (SELECT FROM pg_catalog.pg_attribute a "
        "WHERE a.attrelid = c.oid AND a.attgenerated = 's' AND NOT a.attisdropped))";
  }
  auto result = connection.Execute(fmt::format(
      "SELECT t.schemaname, t.tablename, bool_or({0}), bool_or({1}), "
      "bool_or(p.pubinsert AND p.pubtruncate), "
      "bool_or(p.pubinsert AND p.pubupdate AND p.pubdelete AND p.pubtruncate), "
      "bool_or(c.relkind = 'p') "
      "FROM pg_catalog.pg_publication_tables t "
      "JOIN pg_catalog.pg_publication p ON p.pubname = t.pubname "
      "JOIN pg_catalog.pg_namespace n ON n.nspname = t.schemaname "
      "JOIN pg_catalog.pg_class c ON c.relnamespace = n.oid AND c.relname = t.tablename "
      "LEFT JOIN pg_catalog.pg_publication_rel r ON r.prpubid = p.oid AND r.prrelid = c.oid "
      "WHERE t.pubname IN ({2}) GROUP BY 1, 2",
      all_rows, all_columns, names));
  if (!result) return Fail("reading publications " + names, result.error());
  PublishedTables tables;
  for (int row = 0; row < result->rows(); ++row) {
    const auto is = [&](int field) { return result->Text(row, field) == "t"; };
    tables.emplace(std::pair(result->Text(row, 0), result->Text(row, 1)),
                   Published{is(2), is(3), is(4), is(5), is(6)});
  }
  return tables;
}

// Why a table cannot be followed; empty: it can.
const char* ReasonOf(const Published* published) {
  if (!published) return "not in the publication: its changes are not sent";
  if (!published->all_rows) return "the publication sends some of its rows only";
  if (!published->all_columns) return "the publication sends some of its columns only";
  if (!published->inserts) return "the publication sends some kinds of its changes only";
  return "";
}

}  // namespace

Result<void> CreatePublication(Connection& connection, const std::string& name,
                               const std::vector<TableName>& tables) {
  if (tables.empty()) {
    return Fail(ErrorKind::kUsage, "publication " + name + ": name at least one table");
  }
  Result<QueryResult> created =
      connection.Execute("CREATE PUBLICATION " + model::SqlIdentifier(name) + " FOR TABLE " +
                         SqlList(tables) + With(connection, kAllChanges));
  if (!created) return std::unexpected(created.error());
  return {};
}

Result<ScopePublications> CreateScopePublications(Connection& connection, const std::string& name,
                                                  const ScopeTables& tables) {
  std::vector<TableName> identified;
  std::vector<TableName> insert_only;
  for (const model::RelationPtr& relation : tables.followed) {
    TableName table{relation->schema, relation->name};
    const bool has_identity =
        std::ranges::find(tables.insert_only, table) == tables.insert_only.end();
    (has_identity && MayPublishChanges(*relation) ? identified : insert_only)
        .push_back(std::move(table));
  }
  auto superuser = connection.Scalar("SELECT current_setting('is_superuser')");
  if (!superuser) return std::unexpected(std::move(superuser.error()));
  if (tables.followed.empty() && *superuser != "on")
    return Fail(ErrorKind::kUsage, "publication " + name + ": there are no tables to publish");
  ScopePublications made{.sees_new_tables = *superuser == "on"};
  std::string sql;  // one simple query is one transaction
  const auto create = [&](const std::string& publication, const std::string& what) {
    sql += "CREATE PUBLICATION " + model::SqlIdentifier(publication) + " FOR " + what + ";";
    made.names.push_back(publication);
  };
  if (!identified.empty())
    create(name, "TABLE " + SqlList(identified) + With(connection, kAllChanges));
  if (made.sees_new_tables) {
    create(InsertsName(name), "ALL TABLES" + With(connection, kInsertsOnly));
  } else if (!insert_only.empty()) {
    create(InsertsName(name), "TABLE " + SqlList(insert_only) + With(connection, kInsertsOnly));
  }
  if (auto created = connection.Execute(sql); !created)
    return Fail("publishing the tables to follow", created.error());
  return made;
}

Result<void> DropScopePublications(Connection& connection, const std::string& name) {
  if (auto ok = DropPublication(connection, name); !ok) return ok;
  return DropPublication(connection, InsertsName(name));
}

Result<bool> HasPublication(Connection& connection, const std::string& name) {
  auto count = connection.Scalar("SELECT count(*) FROM pg_catalog.pg_publication WHERE pubname = " +
                                 model::SqlLiteral(name));
  if (!count) return Fail("looking for publication " + name, std::move(count.error()));
  return *count != "0";
}

Result<void> ExcludeUnpublished(Connection& connection,
                                const std::vector<std::string>& publications, ScopeTables& tables) {
  auto published = ReadPublished(connection, publications);
  if (!published) return std::unexpected(std::move(published.error()));
  std::vector<TableName> roots;
  for (const auto& [name, sent] : *published) {
    if (sent.is_root) roots.push_back({name.first, name.second});
  }
  if (auto ok = FollowRoots(connection, roots, tables); !ok) return ok;
  std::set<std::pair<std::string, std::string>> insert_only;
  for (const TableName& table : tables.insert_only) insert_only.emplace(table.schema, table.name);
  tables.insert_only.clear();
  std::erase_if(tables.followed, [&](const model::RelationPtr& relation) {
    const auto it = published->find({relation->schema, relation->name});
    const Published* sent = it == published->end() ? nullptr : &it->second;
    if (const std::string reason = ReasonOf(sent); !reason.empty()) {
      tables.excluded.push_back({relation->schema, relation->name, reason, true});
      return true;
    }
    if (!sent->changes || insert_only.contains(it->first))
      tables.insert_only.push_back({relation->schema, relation->name});
    return false;
  });
  std::ranges::sort(tables.excluded, {},
                    [](const ExcludedTable& table) { return std::tie(table.schema, table.name); });
  return {};
}

Result<void> DropPublication(Connection& connection, const std::string& name) {
  Result<QueryResult> dropped =
      connection.Execute("DROP PUBLICATION IF EXISTS " + model::SqlIdentifier(name));
  if (!dropped) return std::unexpected(dropped.error());
  return {};
}

}  // namespace lockstep::postgres
