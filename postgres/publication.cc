#include "postgres/publication.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <map>
#include <optional>
#include <set>
#include <string_view>
#include <tuple>
#include <utility>

#include "model/exclusion.h"
#include "model/relation.h"
#include "postgres/lock_wait.h"
#include "postgres/partition_roots.h"
#include "postgres/replica_identity.h"
#include "postgres/table_reader.h"

namespace lockstep::postgres {

using model::ErrorKind;
using model::Fail;
using model::Result;

namespace {

constexpr int kPostgres15 = 150000;
constexpr int kPublishesGeneratedColumns = 180000;
constexpr const char* kNotOwned = " (only the owner of a table or a superuser may publish it)";
constexpr const char* kAllChanges = "insert, update, delete, truncate";
constexpr const char* kInsertsOnly = "insert, truncate";
// How long tables are altered one after the other where one of them cannot be had.
constexpr std::chrono::seconds kAlterEachLimit{1};

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

// Without those that inherit from them, which may have no identity.
std::string SqlList(const std::vector<TableName>& tables) {
  std::string list;
  for (const TableName& table : tables) {
    list += fmt::format("{}ONLY {}.{}", list.empty() ? "" : ", ",
                        model::SqlIdentifier(table.schema), model::SqlIdentifier(table.name));
  }
  return list;
}

std::string ForTables(const std::vector<TableName>& tables) {
  return tables.empty() ? "" : " FOR TABLE " + SqlList(tables);
}

bool Contains(const std::vector<TableName>& tables, const TableName& table) {
  return std::ranges::find(tables, table) != tables.end();
}

std::string InsertsName(const std::string& name) { return name + "_inserts"; }

// Of the schema in this field, and the name in the next.
TableName NameAt(const QueryResult& result, int row, int field) {
  return {std::string(result.Text(row, field)), std::string(result.Text(row, field + 1))};
}

// Those of the publication that have no identity by which a change of them could be sent.
Result<std::vector<TableName>> WithoutIdentity(Connection& connection,
                                               const std::string& publication) {
  auto result = connection.Execute(fmt::format(
      "SELECT n.nspname, c.relname FROM pg_catalog.pg_publication p "
      "JOIN pg_catalog.pg_publication_rel r ON r.prpubid = p.oid "
      "JOIN pg_catalog.pg_class c ON c.oid = r.prrelid "
      "JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE p.pubname = {} AND NOT {}",
      model::SqlLiteral(publication), kHasPublishableIdentity));
  if (!result) return Fail("looking for replica identities", result.error());
  std::vector<TableName> tables;
  for (int row = 0; row < result->rows(); ++row) tables.push_back(NameAt(*result, row, 0));
  return tables;
}

// As ALTER PUBLICATION takes them.
std::string LockSql(const std::vector<TableName>& tables) {
  if (tables.empty()) return {};
  return fmt::format("LOCK TABLE {} IN SHARE UPDATE EXCLUSIVE MODE;", SqlList(tables));
}

// What is to be done in one transaction, and the tables that it is done to.
struct Statements {
  std::string sql;
  std::vector<TableName> tables;
};

// A table is to be added to a publication (`how`: ADD), or taken out (DROP).
struct Alteration {
  std::string publication;
  const char* how;
  TableName table;
};

Statements StatementsOf(const std::vector<Alteration>& alterations) {
  std::map<std::pair<std::string, std::string>, std::vector<TableName>> tables;
  Statements statements;
  for (const Alteration& one : alterations) {
    tables[{one.publication, one.how}].push_back(one.table);
    statements.tables.push_back(one.table);
  }
  for (const auto& [what, which] : tables) {
    statements.sql += fmt::format("ALTER PUBLICATION {} {} TABLE {};",
                                  model::SqlIdentifier(what.first), what.second, SqlList(which));
  }
  return statements;
}

// A table that was renamed meanwhile may be in the publication under its new name, or no longer
// under its old one. One that is unlogged now, or a view that has its name, cannot be added.
model::Error OnAltered(model::Error error) {
  constexpr std::string_view kChanged[] = {"42710", "42704", "22023", "42809"};
  if (TellsOfChange(error) || std::ranges::find(kChanged, error.sqlstate) != std::end(kChanged))
    error.kind = ErrorKind::kMisfit;
  return error;
}

// The tables are locked first: with the lock of a publication nobody waits for a table.
//
// A publication of all changes makes the UPDATE of a table without identity fail, so that is looked
// at once more in the transaction that publishes: it has the tables' locks by then, under which no
// identity is lost before the publication is there for whoever loses it.
Result<void> Publish(Connection& connection, const std::string& publication,
                     const Statements& statements, std::chrono::milliseconds lock_timeout) {
  const auto execute = [&]() -> Result<void> {
    auto done = connection.Execute(
        fmt::format("BEGIN ISOLATION LEVEL READ COMMITTED; SELECT {};{}SELECT {};{}",
                    BoundTableWaitSql(lock_timeout, statements.tables), LockSql(statements.tables),
                    BoundWaitWithTableSql(lock_timeout), statements.sql));
    if (!done) return std::unexpected(std::move(done.error()));
    auto lost = WithoutIdentity(connection, publication);
    if (!lost) return std::unexpected(std::move(lost.error()));
    for (const TableName& table : *lost) {
      if (!Contains(statements.tables, table)) continue;
      return std::unexpected(model::Error{
          ErrorKind::kMisfit,
          fmt::format("table {} lost its replica identity", table.QualifiedName()), "55P03"});
    }
    done = connection.Execute("COMMIT");
    if (!done) return std::unexpected(std::move(done.error()));
    return {};
  };
  auto published = execute();
  if (!published) (void)connection.Execute("ROLLBACK");
  return published;
}

// What could not be done, since somebody was at work on the tables.
struct NotAltered {
  std::set<TableName> tables;
  std::optional<model::Error> why;  // of the first
};

Result<NotAltered> AlterEach(Connection& connection, const std::string& name,
                             const std::vector<Alteration>& alterations,
                             std::chrono::milliseconds lock_timeout) {
  const auto end = std::chrono::steady_clock::now() + kAlterEachLimit;
  std::map<TableName, std::vector<Alteration>> by_table;
  for (const Alteration& one : alterations) by_table[one.table].push_back(one);
  NotAltered left;
  for (const auto& [table, of_it] : by_table) {
    Result<void> done;
    if (left.tables.empty() || std::chrono::steady_clock::now() < end) {
      done = Publish(connection, name, StatementsOf(of_it), lock_timeout);
    } else {
      done = std::unexpected(*left.why);
    }
    if (done) continue;
    model::Error error = OnAltered(std::move(done.error()));
    if (error.kind != ErrorKind::kMisfit) return std::unexpected(std::move(error));
    left.tables.insert(table);
    if (!left.why) left.why = std::move(error);
  }
  return left;
}

// All at once, and where that fails one table after the other.
Result<NotAltered> Alter(Connection& connection, const std::string& name,
                         const std::vector<Alteration>& alterations,
                         std::chrono::milliseconds lock_timeout) {
  if (alterations.empty()) return NotAltered();
  auto done = Publish(connection, name, StatementsOf(alterations), lock_timeout);
  if (done) return NotAltered();
  const model::Error error = OnAltered(std::move(done.error()));
  if (error.kind != ErrorKind::kMisfit) return std::unexpected(error);
  return AlterEach(connection, name, alterations, lock_timeout);
}

// The tables that are the user's to publish.
struct Publishable {
  std::vector<TableName> whole;    // with a replica identity: all of their changes can be sent
  std::vector<TableName> inserts;  // the others
};

Publishable PublishableOf(const ScopeTables& tables) {
  Publishable publishable;
  for (const model::RelationPtr& relation : tables.followed) {
    TableName table{relation->schema, relation->name};
    if (Contains(tables.not_owned, table)) continue;
    const bool is_whole = !Contains(tables.insert_only, table) && MayPublishChanges(*relation);
    (is_whole ? publishable.whole : publishable.inserts).push_back(std::move(table));
  }
  return publishable;
}

// The tables that a publication names; nullopt: it is FOR ALL TABLES. SQLSTATE 42704: it is gone.
Result<std::optional<std::vector<TableName>>> NamedTables(Connection& connection,
                                                          const std::string& publication) {
  auto result = connection.Execute(fmt::format(
      "SELECT p.puballtables, n.nspname, c.relname FROM pg_catalog.pg_publication p "
      "LEFT JOIN pg_catalog.pg_publication_rel r ON r.prpubid = p.oid "
      "LEFT JOIN pg_catalog.pg_class c ON c.oid = r.prrelid "
      "LEFT JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE p.pubname = {}",
      model::SqlLiteral(publication)));
  if (!result) return Fail("reading publication " + publication, result.error());
  if (result->rows() == 0)
    return Fail(ErrorKind::kSql, fmt::format("publication {} was dropped", publication), "42704");
  std::vector<TableName> tables;
  for (int row = 0; row < result->rows(); ++row) {
    if (result->Text(row, 0) == "t") return std::nullopt;
    if (result->IsNull(row, 2)) continue;
    tables.push_back(NameAt(*result, row, 1));
  }
  return tables;
}

// One of all tables cannot leave any out, so that it is made anew, of these. What was committed
// before is decoded by the old one.
Result<void> PublishNamed(Connection& connection, const std::string& name,
                          const std::vector<TableName>& inserts,
                          std::chrono::milliseconds lock_timeout) {
  std::string sql = fmt::format("DROP PUBLICATION {0}; CREATE PUBLICATION {0}{1}{2};",
                                model::SqlIdentifier(InsertsName(name)), ForTables(inserts),
                                With(connection, kInsertsOnly));
  auto made = Publish(connection, name, {.sql = std::move(sql), .tables = inserts}, lock_timeout);
  if (!made) return std::unexpected(OnAltered(std::move(made.error())));
  return made;
}

// Those of `left` that are not in `right`.
std::vector<TableName> Without(const std::vector<TableName>& left,
                               const std::vector<TableName>& right) {
  std::vector<TableName> rest;
  std::ranges::copy_if(left, std::back_inserter(rest),
                       [&](const TableName& table) { return !Contains(right, table); });
  return rest;
}

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
      "SELECT t.schemaname, t.tablename, pg_catalog.bool_or({0}), pg_catalog.bool_or({1}), "
      "pg_catalog.bool_or(p.pubinsert AND p.pubtruncate), "
      "pg_catalog.bool_or(p.pubinsert AND p.pubupdate AND p.pubdelete AND p.pubtruncate), "
      "pg_catalog.bool_or(c.relkind = 'p') "
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

// Why a table cannot be followed; nullopt: it can.
std::optional<model::Exclusion> WhyExcluded(const Published* published) {
  constexpr auto kPartly = model::ExclusionKind::kPartlyPublished;
  if (!published) {
    return model::Exclusion{model::ExclusionKind::kNotPublished,
                            "not in the publication: its changes are not sent"};
  }
  if (!published->all_rows)
    return model::Exclusion{kPartly, "the publication sends some of its rows only"};
  if (!published->all_columns)
    return model::Exclusion{kPartly, "the publication sends some of its columns only"};
  if (!published->inserts)
    return model::Exclusion{kPartly, "the publication sends some kinds of its changes only"};
  return std::nullopt;
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

std::vector<std::string> ScopePublicationNames(const std::string& name) {
  return {name, InsertsName(name)};
}

Result<void> CreateScopePublications(Connection& connection, const std::string& name,
                                     const ScopeTables& tables,
                                     std::chrono::milliseconds lock_timeout) {
  auto superuser = connection.Scalar("SELECT pg_catalog.current_setting('is_superuser')");
  if (!superuser) return std::unexpected(std::move(superuser.error()));
  const bool sees_all = *superuser == "on" && tables.unpublishable.empty();
  const auto [whole, inserts] = PublishableOf(tables);
  if (whole.empty() && inserts.empty() && *superuser != "on") {
    return Fail(ErrorKind::kUsage, fmt::format("publication {}: there are no tables to publish{}",
                                               name, tables.followed.empty() ? "" : kNotOwned));
  }
  std::string sql;
  const auto create = [&](const std::string& publication, const std::string& tables_of_it,
                          const char* kinds) {
    sql += "CREATE PUBLICATION " + model::SqlIdentifier(publication) + tables_of_it +
           With(connection, kinds) + ";";
  };
  create(name, ForTables(whole), kAllChanges);
  create(InsertsName(name), sees_all ? " FOR ALL TABLES" : ForTables(inserts), kInsertsOnly);
  std::vector<TableName> named = whole;
  if (!sees_all) named.insert(named.end(), inserts.begin(), inserts.end());
  const Statements statements{.sql = std::move(sql), .tables = std::move(named)};
  if (auto created = Publish(connection, name, statements, lock_timeout); !created)
    return Fail("publishing the tables to follow", created.error());
  return {};
}

std::vector<TableName> WhollyPublished(const ScopeTables& tables) {
  return PublishableOf(tables).whole;
}

Result<ScopeUpdate> UpdateScopePublications(Connection& connection, const std::string& name,
                                            const ScopeTables& tables,
                                            std::chrono::milliseconds lock_timeout) {
  auto whole = NamedTables(connection, name);
  if (!whole) return std::unexpected(std::move(whole.error()));
  auto inserts = NamedTables(connection, InsertsName(name));
  if (!inserts) return std::unexpected(std::move(inserts.error()));
  const auto cannot = [](model::Error error) {
    return Fail("publishing the tables that came or changed", std::move(error));
  };
  const Publishable wanted = PublishableOf(tables);
  if (!*inserts && !tables.unpublishable.empty()) {
    if (auto ok = PublishNamed(connection, name, wanted.inserts, lock_timeout); !ok)
      return cannot(std::move(ok.error()));
    *inserts = wanted.inserts;
  }
  std::vector<Alteration> alterations;
  const auto alter = [&](const std::string& publication, const char* how,
                         std::vector<TableName> which) {
    for (TableName& table : which) alterations.push_back({publication, how, std::move(table)});
  };
  const auto both = [](const std::vector<TableName>& left, const std::vector<TableName>& right) {
    return Without(left, Without(left, right));
  };
  const std::vector<TableName> published = whole->value_or(std::vector<TableName>());
  ScopeUpdate update{.without_changes = Without(wanted.whole, published)};
  alter(name, "ADD", update.without_changes);
  alter(name, "DROP", both(published, wanted.inserts));
  alter(name, "DROP", both(published, tables.unpublishable));
  if (*inserts) {
    const std::vector<TableName> added = Without(wanted.inserts, **inserts);
    alter(InsertsName(name), "ADD", added);
    alter(InsertsName(name), "DROP", both(**inserts, tables.unpublishable));
    update.without_any = Without(added, published);
    for (const TableName& table : Without(update.without_changes, **inserts))
      update.without_any.push_back(table);
  }
  auto left = Alter(connection, name, alterations, lock_timeout);
  if (!left) return cannot(std::move(left.error()));
  for (std::vector<TableName>* of : {&update.without_changes, &update.without_any})
    std::erase_if(*of, [&](const TableName& table) { return left->tables.contains(table); });
  if (left->why) update.left = cannot(std::move(*left->why)).error();
  return update;
}

Result<void> AddToScopePublications(Connection& connection, const std::string& name,
                                    const ScopeTables& tables,
                                    std::chrono::milliseconds lock_timeout) {
  const Publishable wanted = PublishableOf(tables);
  std::vector<Alteration> alterations;
  for (const auto& [publication, which] :
       {std::pair(name, &wanted.whole), std::pair(InsertsName(name), &wanted.inserts)}) {
    if (which->empty()) continue;
    auto published = NamedTables(connection, publication);
    if (!published) return std::unexpected(std::move(published.error()));
    if (!*published) continue;
    for (TableName& table : Without(*which, **published))
      alterations.push_back({publication, "ADD", std::move(table)});
  }
  if (alterations.empty()) return {};
  auto altered = Publish(connection, name, StatementsOf(alterations), lock_timeout);
  if (!altered) return Fail("publishing a table that came", OnAltered(altered.error()));
  return {};
}

Result<bool> ShowsAllInserts(Connection& connection, const std::string& name) {
  auto shows = connection.Scalar(
      fmt::format("SELECT EXISTS (SELECT FROM pg_catalog.pg_publication WHERE pubname = {} "
                  "AND puballtables)",
                  model::SqlLiteral(InsertsName(name))));
  if (!shows) return Fail("reading publication " + InsertsName(name), shows.error());
  return *shows == "t";
}

Result<void> DropScopePublications(Connection& connection, const std::string& name) {
  if (auto ok = DropPublication(connection, name); !ok) return ok;
  return DropPublication(connection, InsertsName(name));
}

Result<std::vector<std::string>> PublicationsOfAllTables(Connection& connection) {
  auto result = connection.Execute(
      "SELECT p.pubname FROM pg_catalog.pg_publication p WHERE p.puballtables "
      "AND (p.pubinsert OR p.pubdelete) AND p.pubname !~ '^lockstep_[0-9a-f]{8}_' ORDER BY 1");
  if (!result) return Fail("looking for publications of all tables", result.error());
  std::vector<std::string> names;
  for (int row = 0; row < result->rows(); ++row) names.emplace_back(result->Text(row, 0));
  return names;
}

Result<bool> HasPublication(Connection& connection, const std::string& name) {
  auto count = connection.Scalar(
      "SELECT pg_catalog.count(*) FROM pg_catalog.pg_publication WHERE pubname = " +
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
    if (auto why = WhyExcluded(sent)) {
      if (!sent && Contains(tables.not_owned, {relation->schema, relation->name}))
        why->reason += kNotOwned;
      tables.excluded.push_back(
          {relation->schema, relation->name, std::move(why->reason), why->kind, true});
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
