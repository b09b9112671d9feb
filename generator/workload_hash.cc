#include "generator/workload_hash.h"

#include <cstdint>
#include <string_view>
#include <variant>

#include "model/relation.h"
#include "model/row.h"

namespace lockstep::generator {
namespace {

void Append(std::uint64_t number, std::string& out) { model::AppendVarint(number, out); }

void Append(std::string_view text, std::string& out) {
  model::AppendVarint(text.size(), out);
  out += text;
}

void Append(const model::Relation& relation, std::string& out) {
  Append(std::string_view(relation.name), out);
  Append(relation.columns.size(), out);
  for (const model::Column& column : relation.columns) {
    Append(std::string_view(column.name), out);
    Append(std::string_view(column.type_name), out);
    Append(column.not_null ? 1u : 0u, out);
    Append(std::string_view(column.generated), out);
  }
  Append(relation.key.size(), out);
  for (std::uint32_t position : relation.key) Append(position, out);
  Append(static_cast<std::uint64_t>(relation.identity), out);
}

struct OperationAppender {
  std::string& out;

  void operator()(const model::InsertRow& insert) const {
    Append(insert.table, out);
    Append(insert.row.bytes(), out);
  }
  void operator()(const model::UpsertRow& upsert) const {
    Append(upsert.table, out);
    Append(upsert.row.bytes(), out);
    Append(upsert.updated_columns.size(), out);
    for (std::uint32_t column : upsert.updated_columns) Append(column, out);
  }
  void operator()(const model::UpdateRow& update) const {
    Append(update.table, out);
    Append(update.key.bytes(), out);
    Append(update.assignments.bytes(), out);
  }
  void operator()(const model::DeleteRow& erase) const {
    Append(erase.table, out);
    Append(erase.key.bytes(), out);
  }
  void operator()(model::Savepoint) const {}
  void operator()(model::RollbackToSavepoint) const {}
  void operator()(model::ReleaseSavepoint) const {}
  void operator()(const model::TruncateTable& truncate) const { Append(truncate.table, out); }
  void operator()(const model::EmitMessage& message) const {
    Append(std::string_view(message.prefix), out);
    Append(std::string_view(message.content), out);
  }
};

}  // namespace

WorkloadHash::WorkloadHash(const model::Catalog& catalog) {
  Append(catalog.sessions, buffer_);
  Append(catalog.tables.size(), buffer_);
  for (const model::RelationPtr& table : catalog.tables) Append(*table, buffer_);
  for (const model::UserType& type : catalog.types) {
    Append(std::string_view(type.name), buffer_);
    Append(std::string_view(type.definition), buffer_);
  }
  for (model::SessionId owner : catalog.owners) Append(owner.value, buffer_);
  Chain();
}

void WorkloadHash::Add(const model::Script& script) {
  Append(script.id.value, buffer_);
  Append(script.session.value, buffer_);
  Append(static_cast<std::uint64_t>(script.end), buffer_);
  Append(script.operations.size(), buffer_);
  for (const model::Operation& operation : script.operations) {
    Append(operation.index(), buffer_);
    std::visit(OperationAppender{buffer_}, operation);
  }
  Chain();
}

void WorkloadHash::Chain() {
  for (std::uint64_t half : {value_.high, value_.low}) {
    for (int i = 0; i < 8; ++i, half >>= 8) buffer_ += static_cast<char>(half);
  }
  value_ = model::HashBytes(buffer_);
  buffer_.clear();
}

}  // namespace lockstep::generator
