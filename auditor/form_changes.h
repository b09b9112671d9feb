// Which tables the database has otherwise than the replica does.
#ifndef LOCKSTEP_AUDITOR_FORM_CHANGES_H_
#define LOCKSTEP_AUDITOR_FORM_CHANGES_H_

#include <cstdint>
#include <string_view>
#include <vector>

#include "model/database.h"
#include "model/relation.h"
#include "postgres/relation_reader.h"

namespace lockstep::auditor {

enum class FormChange : std::uint8_t {
  kMade,
  kAltered,
  kRekeyed,  // altered, with rows as before: its key or its identity is another one
  kGone,
};

// "made", "altered", "altered", "dropped".
std::string_view ToString(FormChange change);

struct ChangedTable {
  postgres::TableName table;
  FormChange change = FormChange::kMade;
  model::RelationPtr now = nullptr;  // as the database has it; null: not at all
  friend bool operator==(const ChangedTable&, const ChangedTable&) = default;
};

// `tables` are those of the database. Renamed: one is gone, and one was made.
std::vector<ChangedTable> FormChanges(const model::Database& replica,
                                      const std::vector<model::RelationPtr>& tables);

}  // namespace lockstep::auditor

#endif  // LOCKSTEP_AUDITOR_FORM_CHANGES_H_
