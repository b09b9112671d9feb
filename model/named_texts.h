// Rows and keys for people: column names with the text form of their values.
#ifndef LOCKSTEP_MODEL_NAMED_TEXTS_H_
#define LOCKSTEP_MODEL_NAMED_TEXTS_H_

#include <optional>

#include "model/relation.h"
#include "model/row.h"
#include "model/verdict.h"

namespace lockstep::model {

// As many columns as both have.
NamedTexts TextsOf(const Relation& relation, const Row& row);
std::optional<NamedTexts> TextsOf(const Relation& relation, const std::optional<Row>& row);
// Of the key columns of `relation`; `key` as Relation::KeyOf gives it.
NamedTexts KeyTextsOf(const Relation& relation, const Row& key);

}  // namespace lockstep::model

#endif  // LOCKSTEP_MODEL_NAMED_TEXTS_H_
