// Stored generated columns: expressions whose value the generator knows without asking Postgres.
#ifndef LOCKSTEP_GENERATOR_GENERATED_COLUMNS_H_
#define LOCKSTEP_GENERATOR_GENERATED_COLUMNS_H_

#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "model/relation.h"
#include "model/row.h"
#include "model/value.h"

namespace lockstep::generator {

enum class Expression {
  kRemainder,  // of an integer: bigint that cannot overflow
  kLength,     // of a text, in characters
  kQuote,      // a text between two others
  kIsNull,     // of anything that may be null; is itself never null
};
std::span<const Expression> Expressions();

// A column that is generated from another one.
struct Generation {
  Expression expression;
  std::uint32_t base;  // a column of the same table that is not generated
};

bool Suits(Expression expression, const model::Column& base);
// Named, typed and with its expression. `base` must suit.
model::Column MakeGeneratedColumn(std::string name, Expression expression,
                                  const model::Column& base);
// How the column is generated; nullopt for an ordinary one.
std::optional<Generation> FindGeneration(const model::Relation& relation, std::uint32_t column);
// Appends what Postgres computes from this value of the base column.
void AddGenerated(Expression expression, const model::Value& base, model::RowBuilder& row);

}  // namespace lockstep::generator

#endif  // LOCKSTEP_GENERATOR_GENERATED_COLUMNS_H_
