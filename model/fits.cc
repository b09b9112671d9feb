#include "model/fits.h"

#include <cstddef>
#include <cstdint>
#include <variant>

#include "model/relation.h"
#include "model/row.h"
#include "model/type_oid.h"
#include "model/value.h"

namespace lockstep::model {
namespace {

// The index in Value of the kind that a column of this type holds, as AppendFromText makes it.
std::size_t KindOf(Oid type) {
  using namespace type_oid;
  if (type == kBool) return Value(false).index();
  if (type == kInt2 || type == kInt4 || type == kInt8 || type == kOid)
    return Value(std::int64_t{0}).index();
  if (type == kFloat4 || type == kFloat8) return Value(0.0).index();
  if (type == kNumeric) return Value(Numeric{}).index();
  if (type == kText || type == kVarchar || type == kBpchar || type == kName || type == kChar)
    return Value(Text{}).index();
  if (type == kBytea) return Value(Bytes{}).index();
  if (type == kDate) return Value(Date{}).index();
  if (type == kTime) return Value(Time{}).index();
  if (type == kTimestamp || type == kTimestamptz) return Value(Timestamp{}).index();
  if (type == kUuid) return Value(Uuid{}).index();
  return Value(Other{}).index();
}

bool FitsColumn(const Cell& cell, const Column& column, bool may_be_null) {
  const auto* value = std::get_if<Value>(&cell);
  if (!value) return false;
  return std::holds_alternative<Null>(*value) ? may_be_null : value->index() == KindOf(column.type);
}

class Checker {
 public:
  Checker(const Catalog& catalog, SessionId session) : catalog_(catalog), session_(session) {}

  bool operator()(const InsertRow& insert) {
    return IsTable(insert.table) && IsRow(insert.row, Table(insert.table));
  }

  bool operator()(const UpsertRow& upsert) {
    if (!IsTable(upsert.table) || !IsRow(upsert.row, Table(upsert.table))) return false;
    const Relation& relation = Table(upsert.table);
    std::uint32_t next = 0;
    for (std::uint32_t column : upsert.updated_columns) {
      if (column < next || column >= relation.columns.size() || relation.IsKeyColumn(column))
        return false;
      next = column + 1;
    }
    return next > 0;
  }

  bool operator()(const UpdateRow& update) {
    return IsTable(update.table) && IsKey(update.key, Table(update.table)) &&
           AreAssignments(update.assignments, Table(update.table));
  }

  bool operator()(const DeleteRow& erase) {
    return IsTable(erase.table) && IsKey(erase.key, Table(erase.table));
  }

  bool operator()(const TruncateTable& truncate) const {
    return IsTable(truncate.table) && catalog_.OwnerOf(truncate.table) == session_;
  }
  bool operator()(const EmitMessage&) const { return true; }

  bool operator()(Savepoint) {
    ++open_savepoints_;
    return true;
  }
  bool operator()(RollbackToSavepoint) const { return open_savepoints_ > 0; }
  bool operator()(ReleaseSavepoint) { return open_savepoints_-- > 0; }

 private:
  // A table that the script's session may write to.
  bool IsTable(std::uint32_t table) const {
    if (table == kSessionTable || table >= catalog_.tables.size()) return false;
    const SessionId owner = catalog_.OwnerOf(table);
    return !owner.IsValid() || owner == session_;
  }
  const Relation& Table(std::uint32_t table) const { return *catalog_.tables[table]; }

  static bool MayBeNull(const Relation& relation, std::uint32_t column) {
    return !relation.columns[column].not_null && !relation.IsKeyColumn(column);
  }

  static bool IsRow(const Row& row, const Relation& relation) {
    std::uint32_t column = 0;
    for (const Cell cell : row) {
      if (column == relation.columns.size() ||
          !FitsColumn(cell, relation.columns[column], MayBeNull(relation, column)))
        return false;
      ++column;
    }
    return column == relation.columns.size();
  }

  static bool AreAssignments(const Row& assignments, const Relation& relation) {
    std::uint32_t column = 0;
    for (const Cell cell : assignments) {
      if (column == relation.columns.size()) return false;
      if (!std::holds_alternative<NotSent>(cell) &&
          !FitsColumn(cell, relation.columns[column], MayBeNull(relation, column)))
        return false;
      ++column;
    }
    return column == relation.columns.size();
  }

  static bool IsKey(const Row& key, const Relation& relation) {
    std::size_t i = 0;
    for (const Cell cell : key) {
      if (i == relation.key.size() || !FitsColumn(cell, relation.columns[relation.key[i]], false))
        return false;
      ++i;
    }
    return i == relation.key.size();
  }

  const Catalog& catalog_;
  SessionId session_;
  std::int64_t open_savepoints_ = 0;
};

}  // namespace

bool Fits(const Script& script, const Catalog& catalog) {
  if (!script.session.IsValid() || script.session.value > catalog.sessions) return false;
  Checker checker(catalog, script.session);
  for (const Operation& operation : script.operations) {
    if (!std::visit(checker, operation)) return false;
  }
  return true;
}

}  // namespace lockstep::model
