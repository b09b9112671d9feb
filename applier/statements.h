// The SQL of a run: its tables, and a prepared statement for every operation on them.
#ifndef LOCKSTEP_APPLIER_STATEMENTS_H_
#define LOCKSTEP_APPLIER_STATEMENTS_H_

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "model/catalog.h"
#include "model/operation.h"
#include "model/relation.h"
#include "model/row.h"

namespace lockstep::applier {

// CREATE TABLE with columns, NOT NULL, generated columns and primary key as the relation has them,
// and its replica identity: one or more statements. Types of the run are named without schema, so
// it must be in the search path. Identity INDEX: the relation's key is a unique index of its own,
// and the primary key, if there is one, is wider.
std::string CreateTableSql(const model::Relation& relation);

// CREATE TYPE or CREATE DOMAIN. The other types of the run, if it uses some, must be in the search
// path.
std::string CreateTypeSql(const std::string& schema, const model::UserType& type);

// TRUNCATE of one table.
std::string TruncateSql(const model::Relation& relation);

// One statement to send: its prepared name is fixed by its shape, so equal shapes share a
// statement.
struct Statement {
  std::string name;
  // Text parameters; views into the strings of the Binder that made them. nullopt: null.
  std::vector<std::optional<std::string_view>> parameters;
};

// Turns operations into statements. The SQL of a name is the same for the whole run.
//
// Every write returns the xmin of its row as the first column. Generated columns are left out: the
// server computes what the operation foresees.
class StatementMaker {
 public:
  explicit StatementMaker(const model::Catalog& catalog) : catalog_(catalog) {}

  // UPDATE of the session row; returns pg_current_xact_id().
  const Statement& SessionUpdate(model::SessionId session, model::TransactionId id);
  // A row operation. The statement and its views are valid until the next call.
  const Statement& Make(const model::InsertRow& operation);
  const Statement& Make(const model::UpsertRow& operation);
  const Statement& Make(const model::UpdateRow& operation);
  const Statement& Make(const model::DeleteRow& operation);
  const Statement& Make(const model::EmitMessage& operation);

  // The SQL of the statement made last.
  std::string Sql() const;

 private:
  enum class Shape : char {
    kSession = 's',
    kInsert = 'i',
    kUpsert = 'c',
    kUpdate = 'u',
    kDelete = 'd',
    kMessage = 'm'
  };

  void Begin(Shape shape, std::uint32_t table);
  // False for generated columns.
  bool IsAssignable(std::uint32_t column) const;
  void NameColumn(std::uint32_t column);
  void Bind(model::Oid type, const model::Value& value);
  void BindRow(const model::Relation& relation, const model::Row& row);
  void BindKey(const model::Relation& relation, const model::Row& key);
  std::string InsertSql(const model::Relation& relation) const;
  std::string KeyCondition(const model::Relation& relation, std::size_t first_parameter) const;

  const model::Catalog& catalog_;
  Shape shape_ = Shape::kSession;
  std::uint32_t table_ = 0;
  std::vector<std::uint32_t> columns_;  // assigned by an update, or updated by an upsert
  Statement statement_;
  std::deque<std::string> texts_;  // a deque: views stay valid while it grows
  std::size_t used_texts_ = 0;
};

}  // namespace lockstep::applier

#endif  // LOCKSTEP_APPLIER_STATEMENTS_H_
