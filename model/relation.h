// What is known of a table: its name, columns and replica identity, at one point of the stream.
#ifndef LOCKSTEP_MODEL_RELATION_H_
#define LOCKSTEP_MODEL_RELATION_H_

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "model/ids.h"
#include "model/row.h"

namespace lockstep::model {

struct Column {
  std::string name;       // plain, not SQL-quoted
  Oid type;               // of a domain: its base type
  std::string type_name;  // as format_type() prints it, e.g. "numeric(10,2)"; a domain's is its own
                          // name. Of a type in the table's own schema: without that schema
  bool not_null = false;
  // GENERATED ALWAYS AS (...) STORED: the expression, in SQL; empty for an ordinary column.
  std::string generated = {};
  bool is_domain = false;

  friend bool operator==(const Column&, const Column&) = default;
};

// pg_class.relreplident.
enum class ReplicaIdentity : char { kDefault = 'd', kNothing = 'n', kFull = 'f', kIndex = 'i' };

struct Relation {
  std::string schema;  // plain
  std::string name;    // plain
  std::vector<Column> columns;
  // Positions of the columns that identify a row (primary key, or the identity's index), in key
  // order. Empty when there is none.
  std::vector<std::uint32_t> key;
  ReplicaIdentity identity = ReplicaIdentity::kDefault;
  // Names of the columns GENERATED ALWAYS AS (...) VIRTUAL. They are none of `columns`: what is
  // computed when it is read is not stored, and no plugin sends it.
  std::vector<std::string> virtual_columns = {};
  // Its rows are those of all its partitions: it is followed as one table in their place.
  bool is_partitioned = false;

  // schema.name, each part quoted as an SQL identifier where it has to be.
  std::string QualifiedName() const;
  bool IsKeyColumn(std::uint32_t column) const;
  bool IsVirtualColumn(std::string_view column) const;
  // Whether the rows of one are rows of the other: the columns are the same, but for NOT NULL. Key
  // and identity may differ.
  bool HasRowsOf(const Relation& other) const;
  // The cells of the key columns, in key order. `row` must have all columns; a cell that is not a
  // Value stays as it is.
  Row KeyOf(const Row& row) const;

  friend bool operator==(const Relation&, const Relation&) = default;
};

using RelationPtr = std::shared_ptr<const Relation>;

// "name", quoted only where Postgres's quote_ident would have to for lower-case identifiers
// (keywords are quoted by the server too; here they stay bare in messages, and SqlIdentifier always
// quotes).
std::string QuoteIfNeeded(const std::string& name);
// Always quoted: safe in any SQL.
std::string SqlIdentifier(const std::string& name);
// '...' with quotes doubled; for standard_conforming_strings = on.
std::string SqlLiteral(const std::string& text);

}  // namespace lockstep::model

#endif  // LOCKSTEP_MODEL_RELATION_H_
