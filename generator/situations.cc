#include "generator/situations.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <optional>
#include <set>
#include <variant>

#include "generator/table_maker.h"
#include "generator/temporal_maker.h"
#include "model/outcome.h"
#include "model/overloaded.h"
#include "model/relation.h"
#include "model/value.h"

namespace lockstep::generator {
namespace {

constexpr std::size_t kLargeOperations = 1000;
constexpr std::string_view kUniqueViolationState = "23505";

std::vector<Situation> SituationsOf(const model::Column& column, const model::Catalog& catalog) {
  const std::string_view name = column.type_name;
  std::vector<Situation> situations;
  if (!column.generated.empty()) situations.push_back(Situation::kGeneratedColumn);
  if (name.ends_with("[]")) situations.push_back(Situation::kArray);
  if (name.ends_with("range")) situations.push_back(Situation::kRange);
  if (name == "interval") situations.push_back(Situation::kInterval);
  for (const model::UserType& type : catalog.types) {
    if (name != model::QuoteIfNeeded(type.name)) continue;
    situations.push_back(type.definition.starts_with("DOMAIN")            ? Situation::kDomain
                         : type.definition.starts_with("TYPE {} AS ENUM") ? Situation::kEnum
                                                                          : Situation::kComposite);
  }
  return situations;
}

// By operation: whether it took effect and was not taken back.
std::vector<bool> FindLasting(const model::Script& script, const model::Execution& execution) {
  std::vector<bool> lasting(script.operations.size(), false);
  if (execution.fate != model::Fate::kCommitted) return lasting;
  std::vector<std::size_t> savepoints;
  for (std::size_t i = 0; i < lasting.size(); ++i) {
    if (!execution.effects[i].sqlstate.empty()) continue;
    lasting[i] = true;
    if (std::holds_alternative<model::Savepoint>(script.operations[i])) {
      savepoints.push_back(i);
    } else if (std::holds_alternative<model::ReleaseSavepoint>(script.operations[i])) {
      savepoints.pop_back();
    } else if (std::holds_alternative<model::RollbackToSavepoint>(script.operations[i])) {
      std::fill(lasting.begin() + static_cast<std::ptrdiff_t>(savepoints.back()),
                lasting.begin() + static_cast<std::ptrdiff_t>(i), false);
    }
  }
  return lasting;
}

bool LeavesLongText(const model::Row& row, const model::Row& assignments) {
  if (row.bytes().size() < TableMaker::kLongTextSize) return false;
  auto assigned = assignments.begin();
  for (const model::Cell cell : row) {
    const auto* value = std::get_if<model::Value>(&cell);
    const auto* text = value ? std::get_if<model::Text>(value) : nullptr;
    if (text && text->text.size() >= TableMaker::kLongTextSize &&
        std::holds_alternative<model::NotSent>(*assigned))
      return true;
    ++assigned;
  }
  return false;
}

}  // namespace

std::string_view ToString(Situation situation) {
  switch (situation) {
    case Situation::kInsert:
      return "insert";
    case Situation::kUpdate:
      return "update";
    case Situation::kDelete:
      return "delete";
    case Situation::kUpsert:
      return "upsert";
    case Situation::kKeyChange:
      return "key_change";
    case Situation::kKeySwap:
      return "key_swap";
    case Situation::kAbsentKey:
      return "absent_key";
    case Situation::kTruncate:
      return "truncate";
    case Situation::kLogicalMessage:
      return "logical_message";
    case Situation::kUniqueViolation:
      return "unique_violation";
    case Situation::kSavepointRollback:
      return "savepoint_rollback";
    case Situation::kRollback:
      return "rollback";
    case Situation::kLargeTransaction:
      return "large_transaction";
    case Situation::kUnchangedToast:
      return "unchanged_toast";
    case Situation::kGeneratedColumn:
      return "generated_column";
    case Situation::kIdentityFull:
      return "identity_full";
    case Situation::kIdentityIndex:
      return "identity_index";
    case Situation::kNull:
      return "null";
    case Situation::kEnum:
      return "enum";
    case Situation::kDomain:
      return "domain";
    case Situation::kArray:
      return "array";
    case Situation::kRange:
      return "range";
    case Situation::kComposite:
      return "composite";
    case Situation::kInterval:
      return "interval";
    case Situation::kTimeZone:
      return "time_zone";
    case Situation::kNan:
      return "nan";
    case Situation::kInfinity:
      return "infinity";
    case Situation::kTimestampEnd:
      return "timestamp_end";
  }
  __builtin_unreachable();
}

Situations::Situations(const model::Catalog& catalog) : catalog_(&catalog) {
  static_assert(static_cast<std::size_t>(Situation::kTimestampEnd) + 1 == kSituationCount);
  for (const model::RelationPtr& table : catalog.tables) {
    types_.emplace_back();
    for (const model::Column& column : table->columns) {
      types_.back().push_back(SituationsOf(column, catalog));
    }
  }
}

void Situations::Add(const model::Script& script, const model::Execution& execution) {
  if (script.end == model::ScriptEnd::kRollback) Count(Situation::kRollback);
  if (script.operations.size() >= kLargeOperations) Count(Situation::kLargeTransaction);
  const std::vector<bool> lasting = FindLasting(script, execution);
  for (std::size_t i = 0; i < script.operations.size(); ++i) {
    const model::Operation& operation = script.operations[i];
    const model::Effect& effect = execution.effects[i];
    if (effect.sqlstate == kUniqueViolationState) Count(Situation::kUniqueViolation);
    if (std::holds_alternative<model::RollbackToSavepoint>(operation))
      Count(Situation::kSavepointRollback);
    if (lasting[i]) AddOperation(operation, effect);
  }
  AddImages(script, execution);
  AddKeySwaps(script, execution);
}

std::vector<std::pair<std::string, std::uint64_t>> Situations::counts() const {
  std::vector<std::pair<std::string, std::uint64_t>> counts;
  for (std::size_t i = 0; i < kSituationCount; ++i) {
    counts.emplace_back(ToString(static_cast<Situation>(i)), counts_[i]);
  }
  return counts;
}

void Situations::AddOperation(const model::Operation& operation, const model::Effect& effect) {
  std::visit(model::Overloaded{
                 [&](const model::InsertRow& insert) {
                   Count(Situation::kInsert);
                   AddRow(insert.table, insert.row);
                 },
                 [&](const model::UpsertRow& upsert) {
                   Count(Situation::kUpsert);
                   AddRow(upsert.table, upsert.row);
                 },
                 [&](const model::UpdateRow& update) {
                   if (effect.rows == 0) return Count(Situation::kAbsentKey);
                   Count(Situation::kUpdate);
                   AddRow(update.table, update.assignments);
                 },
                 [&](const model::DeleteRow&) {
                   Count(effect.rows == 0 ? Situation::kAbsentKey : Situation::kDelete);
                 },
                 [&](const model::TruncateTable&) { Count(Situation::kTruncate); },
                 [&](const model::EmitMessage&) { Count(Situation::kLogicalMessage); },
                 [](model::Savepoint) {},
                 [](model::RollbackToSavepoint) {},
                 [](model::ReleaseSavepoint) {},
             },
             operation);
}

void Situations::AddImages(const model::Script& script, const model::Execution& execution) {
  for (std::size_t i = 0; i < execution.images.size(); ++i) {
    const model::RowImage& image = execution.images[i];
    if (execution.image_operation[i] == model::Execution::kSessionUpdate || !image.before) continue;
    const model::Operation& operation = script.operations[execution.image_operation[i]];
    if (std::holds_alternative<model::TruncateTable>(operation)) continue;
    const model::ReplicaIdentity identity = catalog_->tables[image.table]->identity;
    if (identity == model::ReplicaIdentity::kFull) Count(Situation::kIdentityFull);
    if (identity == model::ReplicaIdentity::kIndex) Count(Situation::kIdentityIndex);
    const auto* update = std::get_if<model::UpdateRow>(&operation);
    if (!update) continue;
    if (!image.after) Count(Situation::kKeyChange);
    if (LeavesLongText(*image.before, update->assignments)) Count(Situation::kUnchangedToast);
  }
}

void Situations::AddKeySwaps(const model::Script& script, const model::Execution& execution) {
  using Address = std::pair<std::uint32_t, model::Row>;
  std::map<Address, model::Row> origins;  // of the rows that moved: the key each had first
  std::set<Address> left;                 // keys from which a row moved away
  for (std::size_t i = 0; i + 1 < execution.images.size(); ++i) {
    // A row that moves is two images: gone from one key, there at the other.
    const model::RowImage& from = execution.images[i];
    if (from.after || execution.image_operation[i] == model::Execution::kSessionUpdate ||
        !std::holds_alternative<model::UpdateRow>(script.operations[execution.image_operation[i]]))
      continue;
    Address old_address(from.table, from.key);
    Address new_address(from.table, execution.images[i + 1].key);
    const auto known = origins.find(old_address);
    model::Row origin = known == origins.end() ? from.key : known->second;
    if (known != origins.end()) origins.erase(known);
    if (left.contains(new_address) && origin != new_address.second) Count(Situation::kKeySwap);
    left.insert(std::move(old_address));
    origins.insert_or_assign(std::move(new_address), std::move(origin));
  }
}

void Situations::AddRow(std::uint32_t table, const model::Row& row) {
  std::size_t column = 0;
  for (const model::Cell cell : row) {
    const auto* value = std::get_if<model::Value>(&cell);
    if (value) AddValue(*value);
    if (value && !std::holds_alternative<model::Null>(*value)) {
      for (Situation type : types_[table][column]) Count(type);
    }
    ++column;
  }
}

void Situations::AddValue(const model::Value& value) {
  if (std::holds_alternative<model::Null>(value)) {
    Count(Situation::kNull);
  } else if (const auto* number = std::get_if<double>(&value)) {
    if (std::isnan(*number)) Count(Situation::kNan);
    if (std::isinf(*number)) Count(Situation::kInfinity);
  } else if (const auto* numeric = std::get_if<model::Numeric>(&value)) {
    if (numeric->text == "NaN") Count(Situation::kNan);
    if (numeric->text.ends_with("Infinity")) Count(Situation::kInfinity);
  } else if (const auto* date = std::get_if<model::Date>(&value)) {
    if (date->days == model::Date::kInfinity || date->days == model::Date::kMinusInfinity)
      Count(Situation::kInfinity);
  } else if (const auto* timestamp = std::get_if<model::Timestamp>(&value)) {
    if (timestamp->micros == model::Timestamp::kInfinity ||
        timestamp->micros == model::Timestamp::kMinusInfinity) {
      Count(Situation::kInfinity);
    } else if (timestamp->micros > kMaxTimestamp) {
      Count(Situation::kTimestampEnd);
    }
  } else if (const auto* other = std::get_if<model::Other>(&value)) {
    if (other->type_name == "time with time zone" && !other->text.ends_with("+00"))
      Count(Situation::kTimeZone);
  }
}

}  // namespace lockstep::generator
