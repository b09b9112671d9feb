#include "postgres/table_activity.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <string_view>

#include "postgres/partition_tree.h"
#include "postgres/table_list.h"

namespace lockstep::postgres {
namespace {

using model::Result;

// Multiranges came with 14.
constexpr int kMultiranges = 140000;
// An entry of TableActivity::text is sent as its MD5 in hexadecimal digits: any label, one width.
constexpr std::size_t kEntryWidth = 32;

// By the transactions that wrote them, later ones having higher numbers. Of c.
constexpr std::string_view kForm =
    "(SELECT pg_catalog.sum(x::pg_catalog.text::pg_catalog.int8)::pg_catalog.int8 FROM ("
    "SELECT a.xmin FROM pg_catalog.pg_attribute a WHERE a.attrelid = c.oid UNION ALL "
    "SELECT i.xmin FROM pg_catalog.pg_index i WHERE i.indrelid = c.oid "
    "AND (i.indisprimary OR i.indisreplident)) catalog_rows(x)) "
    "+ pg_catalog.ascii(c.relreplident::pg_catalog.text)";

constexpr std::string_view kAlteredAtOnce =
    "EXISTS (SELECT FROM pg_catalog.pg_attribute a WHERE a.attrelid = c.oid AND a.xmin = c.xmin)";

// The rows of system columns (here: ctid) are written once. A new table's file has its OID's
// number; its row type is renamed and moved with it. A statement of the same transaction has
// another cmin.
constexpr std::string_view kHasFirstFile =
    "coalesce(pg_catalog.pg_relation_filenode(c.oid) = c.oid, false)";
constexpr std::string_view kHasFirstForm =
    "EXISTS (SELECT FROM pg_catalog.pg_attribute made JOIN pg_catalog.pg_type t ON t.oid = "
    "c.reltype "
    "WHERE made.attrelid = c.oid AND made.attnum = -1 AND t.xmin = made.xmin "
    "AND t.cmin = made.cmin AND NOT EXISTS (SELECT FROM pg_catalog.pg_attribute a "
    "WHERE a.attrelid = c.oid AND a.attnum > 0 AND a.xmin <> made.xmin) "
    "AND NOT EXISTS (SELECT FROM pg_catalog.pg_index i WHERE i.indrelid = c.oid "
    "AND (i.indisprimary OR i.indisreplident) AND i.xmin <> made.xmin))";

constexpr std::string_view kMadeBy =
    "(SELECT made.xmin::pg_catalog.text FROM pg_catalog.pg_attribute made "
    "WHERE made.attrelid = c.oid AND made.attnum = -1)";

// Of a partitioned table, over all partitions.
constexpr std::string_view kTree =
    "CROSS JOIN LATERAL ({} SELECT "
    "coalesce(pg_catalog.sum(pg_catalog.pg_relation_filenode(tree.oid)::pg_catalog.int8), 0), "
    "coalesce(pg_catalog.sum(pg_catalog.pg_stat_get_tuples_updated(tree.oid) "
    "+ pg_catalog.pg_stat_get_tuples_deleted(tree.oid)), 0), "
    "coalesce(pg_catalog.sum(h.xmin::pg_catalog.text::pg_catalog.int8), 0)::pg_catalog.int8 "
    "FROM tree LEFT JOIN pg_catalog.pg_inherits h "
    "ON h.inhrelid = tree.oid AND tree.oid <> c.oid) f(file, updated_or_deleted, partitions)";

// Types whose text names other objects; arrays of them begin with an underscore.
constexpr std::string_view kNamesObjects =
    "(t.typnamespace = 'pg_catalog'::pg_catalog.regnamespace "
    "AND pg_catalog.ltrim(t.typname::pg_catalog.text, '_') IN ("
    "'regclass', 'regcollation', 'regconfig', 'regdictionary', 'regnamespace', 'regoper', "
    "'regoperator', 'regproc', 'regprocedure', 'regrole', 'regtype', 'aclitem'))";

// The types in the columns of c, and within those: elements, base types, attributes, bounds. Built
// in ones depend on nothing, but for those that name objects.
constexpr std::string_view kText = R"(
CROSS JOIN LATERAL (
  WITH RECURSIVE used(oid) AS (
    SELECT a.atttypid FROM pg_catalog.pg_attribute a
    JOIN pg_catalog.pg_type t ON t.oid = a.atttypid
    WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
      AND (t.oid >= 16384 OR {0})
    UNION
    SELECT d.oid FROM used JOIN pg_catalog.pg_type t ON t.oid = used.oid
    CROSS JOIN LATERAL (
      SELECT t.typelem UNION ALL SELECT t.typbasetype UNION ALL
      SELECT b.atttypid FROM pg_catalog.pg_attribute b
      WHERE t.typrelid <> 0 AND b.attrelid = t.typrelid AND b.attnum > 0 AND NOT b.attisdropped
      UNION ALL
      SELECT r.rngsubtype FROM pg_catalog.pg_range r WHERE t.oid IN (r.rngtypid{1})) d(oid)
    WHERE d.oid <> 0),
  entries(entry) AS (
    SELECT pg_catalog.concat_ws(' ', 'label', e.oid, e.xmin, e.enumlabel)
    FROM used JOIN pg_catalog.pg_enum e ON e.enumtypid = used.oid
    UNION ALL
    SELECT pg_catalog.concat_ws(' ', 'attributes', t.typrelid, (
      SELECT pg_catalog.string_agg(pg_catalog.concat_ws(' ', b.attnum, b.atttypid, b.atttypmod,
        b.attisdropped), ',' ORDER BY b.attnum)
      FROM pg_catalog.pg_attribute b WHERE b.attrelid = t.typrelid AND b.attnum > 0))
    FROM used JOIN pg_catalog.pg_type t ON t.oid = used.oid WHERE t.typrelid <> 0)
  SELECT coalesce((SELECT pg_catalog.string_agg(pg_catalog.md5(entry), ''
                          ORDER BY pg_catalog.md5(entry) COLLATE "C") FROM entries), ''),
         EXISTS (SELECT FROM used JOIN pg_catalog.pg_type t ON t.oid = used.oid WHERE {0})
) v(text, volatile_text))";

std::string Query(const std::vector<model::RelationPtr>& tables, int server_version) {
  const std::string tree = fmt::format(fmt::runtime(kTree), kPartitionTree);
  const std::string text = fmt::format(fmt::runtime(kText), kNamesObjects,
                                       server_version >= kMultiranges ? ", r.rngmultitypid" : "");
  return fmt::format(
      "SELECT coalesce(c.oid, 0), coalesce({}, 0), "
      "coalesce(c.xmin::pg_catalog.text::pg_catalog.int8, 0), f.partitions, f.file, "
      "f.updated_or_deleted, v.text, v.volatile_text, {}, {}, {}, {} {}",
      kForm, kAlteredAtOnce, kHasFirstForm, kHasFirstFile, kMadeBy,
      FromTables(tables, tree + text));
}

std::vector<std::string> EntriesOf(std::string_view text) {
  std::vector<std::string> entries;
  for (; text.size() >= kEntryWidth; text.remove_prefix(kEntryWidth))
    entries.emplace_back(text.substr(0, kEntryWidth));
  return entries;
}

}  // namespace

bool IsTextAltered(const TableActivity& before, const TableActivity& now) {
  return !std::ranges::includes(now.text, before.text);
}

Result<std::vector<TableActivity>> ReadTableActivity(
    Connection& connection, const std::vector<model::RelationPtr>& tables) {
  if (tables.empty()) return std::vector<TableActivity>();
  auto result = connection.Execute(Query(tables, connection.server_version()));
  if (!result) return model::Fail("reading the activity of the tables", result.error());
  std::vector<TableActivity> activity;
  for (int row = 0; row < result->rows(); ++row) {
    const auto number = [&](int column) {
      const std::string_view text = result->Text(row, column);
      std::uint64_t value = 0;
      std::from_chars(text.data(), text.data() + text.size(), value);
      return value;
    };
    activity.push_back({.oid = static_cast<std::uint32_t>(number(0)),
                        .form = number(1),
                        .entry = number(2),
                        .altered_at_once = result->Text(row, 8) == "t",
                        .has_first_form = result->Text(row, 9) == "t",
                        .has_first_file = result->Text(row, 10) == "t",
                        .made_by = model::Xid{static_cast<std::uint32_t>(number(11))},
                        .partitions = number(3),
                        .file = number(4),
                        .updated_or_deleted = number(5),
                        .text = EntriesOf(result->Text(row, 6)),
                        .volatile_text = result->Text(row, 7) == "t"});
  }
  return activity;
}

}  // namespace lockstep::postgres
