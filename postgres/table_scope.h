// Which tables of a database are followed, and an account of all of them: followed, or left out
// with a reason.
#ifndef LOCKSTEP_POSTGRES_TABLE_SCOPE_H_
#define LOCKSTEP_POSTGRES_TABLE_SCOPE_H_

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "model/error.h"
#include "model/exclusion.h"
#include "model/log_schemas.h"
#include "model/relation.h"
#include "postgres/connection.h"
#include "postgres/relation_reader.h"

namespace lockstep::postgres {

class TableScope {
 public:
  // All tables but the system's and Lockstep's own.
  TableScope() = default;
  // The tables of one schema; its name is plain and no pattern.
  static TableScope OneSchema(std::string schema);
  // Tables whose schema and name each match one of the patterns: plain names with * for any
  // characters and ? for one, several separated by commas, blanks around them left out; none: all.
  // The system's schemas (pg_..., information_schema) and Lockstep's own (model/log_schemas.h) are
  // never in it. Temporary tables lie in pg_temp_ and a number. Of those, tables that one of the
  // patterns in `excluded` matches are not in it: of the name, or of schema.name.
  static TableScope Matching(std::string_view schemas, std::string_view tables = {},
                             std::string_view excluded = {});

  bool Covers(std::string_view schema, std::string_view table) const;
  // The same in SQL, of n (pg_namespace) and c (pg_class).
  std::string SqlCondition() const;
  // The schema that holds the log of their truncations (model/truncation_log.h), where there is
  // one: of one schema, which is a run's, itself; else the lasting one, or another that is set.
  const std::string& truncation_log() const { return truncation_log_; }
  void SetTruncationLog(std::string schema) { truncation_log_ = std::move(schema); }
  // This table alone, where it is in the scope.
  TableScope Narrowed(std::string schema, std::string table) const;
  // "schema s", "schemas a, b*, tables t?", "any schema": for messages.
  std::string Describe() const;

 private:
  bool IsExcluded(std::string_view schema, std::string_view table) const;

  bool one_schema_ = false;
  std::vector<std::string> schemas_;   // patterns, or the one name; none: all but the system's
  std::vector<std::string> tables_;    // patterns; none: all
  std::vector<std::string> excluded_;  // patterns
  std::optional<TableName> only_;      // see Narrowed
  std::string truncation_log_{model::kLastingTruncationLog};
};

// A table that is not followed.
struct ExcludedTable {
  std::string schema;  // plain
  std::string name;    // plain
  std::string reason;  // "unlogged: ..."
  model::ExclusionKind kind = model::ExclusionKind::kUndecided;
  // It is an ordinary permanent table: others of its kind are followed.
  bool is_ordinary = false;
  // It is partitioned, and nothing else is against following it in place of its partitions.
  bool is_readable_root = false;

  friend bool operator==(const ExcludedTable&, const ExcludedTable&) = default;
};

// Each table-like object is in one of them. By schema and name in byte order.
struct ScopeTables {
  // Ordinary permanent tables; inheritance children and leaf partitions count by themselves. Some
  // may have no key.
  std::vector<model::RelationPtr> followed;
  // Those of them without a replica identity: their UPDATE and DELETE are not in the stream. In the
  // same order.
  std::vector<TableName> insert_only;
  // Those of them that the user may not publish: neither their owner nor a superuser. In the same
  // order.
  std::vector<TableName> not_owned;
  // Of the whole database, in the scope or not: none of them may be in a publication that is made
  // (postgres/binary_output.h).
  std::vector<TableName> unpublishable = {};
  // The log of truncations, where there is one that is to be believed: read and locked with the
  // others.
  std::vector<model::RelationPtr> truncation_logs;
  // Unlogged, temporary, foreign and partitioned tables, materialized views, and what the user may
  // not read, or not all of.
  std::vector<ExcludedTable> excluded;
};

// Moves the followed tables for which `why` gives a reason to tables.excluded.
void Exclude(ScopeTables& tables,
             const std::function<std::optional<model::Exclusion>(const model::Relation&)>& why);

// As of the connection's snapshot where it has one; else of the moment of the call. No table is
// locked.
model::Result<ScopeTables> ReadScope(Connection& connection, const TableScope& scope);

}  // namespace lockstep::postgres

#endif  // LOCKSTEP_POSTGRES_TABLE_SCOPE_H_
