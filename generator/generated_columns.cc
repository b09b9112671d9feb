#include "generator/generated_columns.h"

#include <fmt/format.h>

#include <algorithm>
#include <cassert>
#include <string_view>
#include <utility>
#include <variant>

#include "model/type_oid.h"

namespace lockstep::generator {
namespace {

namespace type_oid = model::type_oid;

constexpr Expression kAll[] = {Expression::kRemainder, Expression::kLength, Expression::kQuote,
                               Expression::kIsNull};

bool IsInteger(model::Oid type) {
  return type == type_oid::kInt2 || type == type_oid::kInt4 || type == type_oid::kInt8;
}
bool IsText(model::Oid type) { return type == type_oid::kText || type == type_oid::kVarchar; }

std::string SqlOf(Expression expression, const std::string& base) {
  const std::string name = model::SqlIdentifier(base);
  switch (expression) {
    case Expression::kRemainder:
      return fmt::format("{}::bigint % 1000 * 7 - 3", name);
    case Expression::kLength:
      return fmt::format("char_length({})", name);
    case Expression::kQuote:
      return fmt::format("'\u00ab' || {} || ' \"\u00bb'", name);
    case Expression::kIsNull:
      return fmt::format("{} IS NULL", name);
  }
  __builtin_unreachable();
}

std::int64_t CountCharacters(std::string_view text) {
  return std::ranges::count_if(
      text, [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; });
}

}  // namespace

std::span<const Expression> Expressions() { return kAll; }

bool Suits(Expression expression, const model::Column& base) {
  switch (expression) {
    case Expression::kRemainder:
      return IsInteger(base.type);
    case Expression::kLength:
    case Expression::kQuote:
      return IsText(base.type);
    case Expression::kIsNull:
      // A composite of nulls IS NULL too.
      return !base.not_null && base.type.IsValid();
  }
  __builtin_unreachable();
}

model::Column MakeGeneratedColumn(std::string name, Expression expression,
                                  const model::Column& base) {
  assert(Suits(expression, base));
  model::Column column{.name = std::move(name),
                       .type = {},
                       .type_name = {},
                       .not_null = base.not_null,
                       .generated = SqlOf(expression, base.name)};
  switch (expression) {
    case Expression::kRemainder:
      column.type = type_oid::kInt8;
      column.type_name = "bigint";
      break;
    case Expression::kLength:
      column.type = type_oid::kInt4;
      column.type_name = "integer";
      break;
    case Expression::kQuote:
      column.type = type_oid::kText;
      column.type_name = "text";
      break;
    case Expression::kIsNull:
      column.type = type_oid::kBool;
      column.type_name = "boolean";
      column.not_null = true;
      break;
  }
  return column;
}

std::optional<Generation> FindGeneration(const model::Relation& relation, std::uint32_t column) {
  const std::string& sql = relation.columns[column].generated;
  if (sql.empty()) return std::nullopt;
  for (std::uint32_t base = 0; base < relation.columns.size(); ++base) {
    for (Expression expression : kAll) {
      if (sql == SqlOf(expression, relation.columns[base].name)) {
        return Generation{expression, base};
      }
    }
  }
  assert(false);
  return std::nullopt;
}

void AddGenerated(Expression expression, const model::Value& base, model::RowBuilder& row) {
  const bool is_null = std::holds_alternative<model::Null>(base);
  if (expression == Expression::kIsNull) return row.Add(model::Value(is_null));
  if (is_null) return row.Add(model::Value(model::Null{}));
  switch (expression) {
    case Expression::kRemainder:
      return row.Add(model::Value(std::get<std::int64_t>(base) % 1000 * 7 - 3));
    case Expression::kLength:
      return row.Add(model::Value(CountCharacters(std::get<model::Text>(base).text)));
    case Expression::kQuote: {
      const std::string text = fmt::format("\u00ab{} \"\u00bb", std::get<model::Text>(base).text);
      return row.Add(model::Value(model::Text{text}));
    }
    case Expression::kIsNull:
      break;
  }
  __builtin_unreachable();
}

}  // namespace lockstep::generator
