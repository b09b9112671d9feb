// Whether the tables of the database still have the form that the replica knows them in.
#ifndef LOCKSTEP_AUDITOR_FORM_CHANGES_H_
#define LOCKSTEP_AUDITOR_FORM_CHANGES_H_

#include <string>
#include <vector>

#include "model/database.h"
#include "model/relation.h"

namespace lockstep::auditor {

// What of the tables is not as the replica has it: "table s.t was altered" and the like.
std::vector<std::string> FormChanges(const model::Database& replica,
                                     const std::vector<model::RelationPtr>& tables);

}  // namespace lockstep::auditor

#endif  // LOCKSTEP_AUDITOR_FORM_CHANGES_H_
