// A finding told to people: the rows of the first bad commit as the three representations have
// them.
#ifndef LOCKSTEP_VERIFIER_DIVERGENCE_REPORT_H_
#define LOCKSTEP_VERIFIER_DIVERGENCE_REPORT_H_

#include <optional>
#include <string>
#include <vector>

#include "model/catalog.h"
#include "model/error.h"
#include "model/projection.h"
#include "model/row.h"
#include "model/verdict.h"
#include "postgres/connection.h"
#include "verifier/listener_judge.h"
#include "verifier/oracle.h"
#include "verifier/source_check.h"
#include "wire/message.h"

namespace lockstep::verifier {

// The rows to ask a listener for: those the commit should have touched, and the one that did not
// fit.
std::vector<wire::RowAddress> RowsToAsk(const Finding& finding, const Oracle& oracle,
                                        const model::Catalog& catalog);

// Compares `reply` with the expected rows at the finding's commit, and reads the rows that differ
// from Postgres, where `source` is not null. All rows are shown as the listener's plugin shows
// them (`projection`). A row that the run wrote again later, and that
// Postgres has as it is expected now, is shown in `source` as it was at the commit.
model::Result<model::FirstDivergence> DescribeDivergence(
    const std::string& listener, const Finding& finding, const wire::RowsReply& reply,
    const Oracle& oracle, const model::Catalog& catalog, const model::Projection& projection,
    postgres::Connection* source);

// The same for rows that differ between Postgres and the expected state. Every listener agrees with
// the latter.
model::FirstDivergence DescribeSourceDivergence(const SourceCheck& check, const Oracle& oracle,
                                                const model::Catalog& catalog);

}  // namespace lockstep::verifier

#endif  // LOCKSTEP_VERIFIER_DIVERGENCE_REPORT_H_
