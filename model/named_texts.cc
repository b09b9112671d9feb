#include "model/named_texts.h"

#include <cstddef>
#include <cstdint>
#include <string>
#include <variant>

#include "model/text_form.h"
#include "model/value.h"

namespace lockstep::model {
namespace {

std::optional<std::string> TextOf(const Column& column, const Cell& cell) {
  const auto* value = std::get_if<Value>(&cell);
  if (value && std::holds_alternative<Null>(*value)) return std::nullopt;
  return Describe(column.type, cell);
}

}  // namespace

NamedTexts TextsOf(const Relation& relation, const Row& row) {
  NamedTexts texts;
  std::size_t column = 0;
  for (const Cell cell : row) {
    if (column == relation.columns.size()) break;  // a row from outside may be longer
    texts.emplace_back(relation.columns[column].name, TextOf(relation.columns[column], cell));
    ++column;
  }
  return texts;
}

NamedTexts KeyTextsOf(const Relation& relation, const Row& key) {
  NamedTexts texts;
  std::size_t part = 0;
  for (const Cell cell : key) {
    if (part == relation.key.size()) break;
    const Column& column = relation.columns[relation.key[part++]];
    texts.emplace_back(column.name, TextOf(column, cell));
  }
  return texts;
}

std::optional<NamedTexts> TextsOf(const Relation& relation, const std::optional<Row>& row) {
  return row ? std::optional(TextsOf(relation, *row)) : std::nullopt;
}

}  // namespace lockstep::model
