#include "applier/statements.h"

#include <fmt/format.h>

#include <variant>

#include "model/text_form.h"
#include "model/type_oid.h"

namespace lockstep::applier {
namespace {

using model::Relation;
using model::SqlIdentifier;

std::string TableName(const Relation& relation) {
  return SqlIdentifier(relation.schema) + "." + SqlIdentifier(relation.name);
}

// a, b, c
template <typename Items, typename Print>
std::string Join(const Items& items, std::string_view separator, Print print) {
  std::string out;
  for (const auto& item : items) {
    if (!out.empty()) out += separator;
    out += print(item);
  }
  return out;
}

std::string KeyColumns(const Relation& relation) {
  return Join(relation.key, ", ",
              [&](std::uint32_t column) { return SqlIdentifier(relation.columns[column].name); });
}

// The primary key of a table whose identity is another index: the identity's columns and one more,
// so that it is unique whatever the rows are. Empty where no such column is small and not null.
std::string WiderPrimaryKey(const Relation& relation) {
  using namespace model::type_oid;
  for (std::uint32_t i = 0; i < relation.columns.size(); ++i) {
    const model::Column& column = relation.columns[i];
    const bool is_small = column.type == kInt2 || column.type == kInt4 || column.type == kInt8 ||
                          column.type == kBool || column.type == kDate || column.type == kUuid;
    if (column.not_null && column.generated.empty() && is_small && !relation.IsKeyColumn(i))
      return KeyColumns(relation) + ", " + SqlIdentifier(column.name);
  }
  return {};
}

}  // namespace

std::string CreateTableSql(const Relation& relation) {
  const std::string columns = Join(relation.columns, ",\n  ", [](const model::Column& column) {
    return fmt::format("{} {}{}{}", SqlIdentifier(column.name), column.type_name,
                       column.generated.empty()
                           ? ""
                           : fmt::format(" GENERATED ALWAYS AS ({}) STORED", column.generated),
                       column.not_null ? " NOT NULL" : "");
  });
  const bool by_index = relation.identity == model::ReplicaIdentity::kIndex;
  const std::string primary_key = by_index ? WiderPrimaryKey(relation) : KeyColumns(relation);
  const std::string table = TableName(relation);
  std::string sql =
      fmt::format("CREATE TABLE {} (\n  {}{}\n)", table, columns,
                  primary_key.empty() ? "" : fmt::format(",\n  PRIMARY KEY ({})", primary_key));
  switch (relation.identity) {
    case model::ReplicaIdentity::kDefault:
      return sql;
    case model::ReplicaIdentity::kNothing:
      return fmt::format("{};\nALTER TABLE {} REPLICA IDENTITY NOTHING", sql, table);
    case model::ReplicaIdentity::kFull:
      return fmt::format("{};\nALTER TABLE {} REPLICA IDENTITY FULL", sql, table);
    case model::ReplicaIdentity::kIndex: {
      const std::string index = SqlIdentifier(relation.name + " identity");
      return fmt::format(
          "{0};\nCREATE UNIQUE INDEX {1} ON {2} ({3});\n"
          "ALTER TABLE {2} REPLICA IDENTITY USING INDEX {1}",
          sql, index, table, KeyColumns(relation));
    }
  }
  __builtin_unreachable();
}

std::string CreateTypeSql(const std::string& schema, const model::UserType& type) {
  std::string sql = "CREATE " + type.definition;
  // The first one only: a label of an enum may look the same.
  if (std::size_t at = sql.find("{}"); at != std::string::npos)
    sql.replace(at, 2, SqlIdentifier(schema) + "." + SqlIdentifier(type.name));
  return sql;
}

std::string TruncateSql(const Relation& relation) { return "TRUNCATE " + TableName(relation); }

const Statement& StatementMaker::SessionUpdate(model::SessionId session, model::TransactionId id) {
  Begin(Shape::kSession, model::kSessionTable);
  Bind(model::type_oid::kInt8, static_cast<std::int64_t>(id.value));
  Bind(model::type_oid::kInt4, static_cast<std::int64_t>(session.value));
  return statement_;
}

const Statement& StatementMaker::Make(const model::InsertRow& operation) {
  Begin(Shape::kInsert, operation.table);
  BindRow(*catalog_.tables[table_], operation.row);
  return statement_;
}

const Statement& StatementMaker::Make(const model::UpsertRow& operation) {
  Begin(Shape::kUpsert, operation.table);
  for (std::uint32_t column : operation.updated_columns) {
    if (IsAssignable(column)) NameColumn(column);
  }
  BindRow(*catalog_.tables[table_], operation.row);
  return statement_;
}

const Statement& StatementMaker::Make(const model::UpdateRow& operation) {
  Begin(Shape::kUpdate, operation.table);
  const Relation& relation = *catalog_.tables[table_];
  std::uint32_t column = 0;
  for (const model::Cell cell : operation.assignments) {
    if (const auto* value = std::get_if<model::Value>(&cell); value && IsAssignable(column)) {
      NameColumn(column);
      Bind(relation.columns[column].type, *value);
    }
    ++column;
  }
  BindKey(relation, operation.key);
  return statement_;
}

const Statement& StatementMaker::Make(const model::DeleteRow& operation) {
  Begin(Shape::kDelete, operation.table);
  BindKey(*catalog_.tables[table_], operation.key);
  return statement_;
}

const Statement& StatementMaker::Make(const model::EmitMessage& operation) {
  Begin(Shape::kMessage, model::kSessionTable);  // of no table
  Bind(model::type_oid::kText, model::Text{operation.prefix});
  Bind(model::type_oid::kText, model::Text{operation.content});
  return statement_;
}

std::string StatementMaker::Sql() const {
  const Relation& relation = *catalog_.tables[table_];
  switch (shape_) {
    case Shape::kSession:
      return fmt::format(
          "UPDATE {} SET transaction_id = $1 WHERE session = $2 RETURNING "
          "pg_catalog.pg_current_xact_id()",
          TableName(relation));
    case Shape::kInsert:
      return InsertSql(relation) + " RETURNING xmin";
    case Shape::kUpsert:
      return fmt::format("{} ON CONFLICT ({}) DO UPDATE SET {} RETURNING xmin", InsertSql(relation),
                         KeyColumns(relation), Join(columns_, ", ", [&](std::uint32_t column) {
                           const std::string name = SqlIdentifier(relation.columns[column].name);
                           return fmt::format("{} = EXCLUDED.{}", name, name);
                         }));
    case Shape::kUpdate: {
      std::size_t parameter = 0;
      const std::string assignments = Join(columns_, ", ", [&](std::uint32_t column) {
        return fmt::format("{} = ${}", SqlIdentifier(relation.columns[column].name), ++parameter);
      });
      return fmt::format("UPDATE {} SET {} WHERE {} RETURNING xmin", TableName(relation),
                         assignments, KeyCondition(relation, parameter + 1));
    }
    case Shape::kDelete:
      return fmt::format("DELETE FROM {} WHERE {}", TableName(relation), KeyCondition(relation, 1));
    case Shape::kMessage:
      return "SELECT 0 FROM pg_catalog.pg_logical_emit_message(true, $1, $2::pg_catalog.text)";
  }
  __builtin_unreachable();
}

void StatementMaker::Begin(Shape shape, std::uint32_t table) {
  shape_ = shape;
  table_ = table;
  columns_.clear();
  used_texts_ = 0;
  statement_.parameters.clear();
  statement_.name.clear();
  fmt::format_to(std::back_inserter(statement_.name), "{}{}", static_cast<char>(shape), table);
}

bool StatementMaker::IsAssignable(std::uint32_t column) const {
  return catalog_.tables[table_]->columns[column].generated.empty();
}

void StatementMaker::NameColumn(std::uint32_t column) {
  columns_.push_back(column);
  fmt::format_to(std::back_inserter(statement_.name), "_{}", column);
}

void StatementMaker::Bind(model::Oid type, const model::Value& value) {
  if (std::holds_alternative<model::Null>(value)) {
    statement_.parameters.emplace_back(std::nullopt);
    return;
  }
  if (used_texts_ == texts_.size()) texts_.emplace_back();
  std::string& text = texts_[used_texts_++];
  text.clear();
  model::AppendText(type, value, text);
  statement_.parameters.emplace_back(text);
}

void StatementMaker::BindRow(const Relation& relation, const model::Row& row) {
  std::uint32_t column = 0;
  for (const model::Cell cell : row) {
    if (IsAssignable(column)) Bind(relation.columns[column].type, std::get<model::Value>(cell));
    ++column;
  }
}

void StatementMaker::BindKey(const Relation& relation, const model::Row& key) {
  std::size_t part = 0;
  for (const model::Cell cell : key) {
    Bind(relation.columns[relation.key[part++]].type, std::get<model::Value>(cell));
  }
}

std::string StatementMaker::InsertSql(const Relation& relation) const {
  std::size_t parameter = 0;
  std::string columns;
  std::string parameters;
  for (const model::Column& column : relation.columns) {
    if (!column.generated.empty()) continue;
    const char* separator = parameter == 0 ? "" : ", ";
    columns += separator + SqlIdentifier(column.name);
    parameters += fmt::format("{}${}", separator, ++parameter);
  }
  return fmt::format("INSERT INTO {} ({}) VALUES ({})", TableName(relation), columns, parameters);
}

std::string StatementMaker::KeyCondition(const Relation& relation,
                                         std::size_t first_parameter) const {
  return Join(relation.key, " AND ", [&](std::uint32_t column) {
    return fmt::format("{} = ${}", SqlIdentifier(relation.columns[column].name), first_parameter++);
  });
}

}  // namespace lockstep::applier
