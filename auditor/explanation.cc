#include "auditor/explanation.h"

namespace lockstep::auditor {

Explanation Explain(const TableFacts& facts, const TableComparison& mismatched) {
  // What is not shown leaves rows in the replica that the source has no longer. A row that is only
  // missing there was inserted, and inserts are always shown.
  const bool has_stale_rows = mismatched.stale_count() > 0;
  if (facts.new_file && facts.blind) return Explanation::kUnshown;
  if (facts.new_file && !facts.saw_truncate) return Explanation::kRewritten;
  if (!facts.insert_only || !has_stale_rows) return Explanation::kFault;
  if (facts.updated_or_deleted > 0) return Explanation::kUnshown;
  return facts.at_end ? Explanation::kFault : Explanation::kTooEarly;
}

std::string UnshownReason(const TableFacts& facts) {
  if (facts.new_file && facts.blind)
    return "it was truncated or rewritten, which the plugin does not send; --install-triggers "
           "makes "
           "TRUNCATE visible";
  return "rows were updated or deleted, which is not sent: it has no replica identity (give it a "
         "primary key or REPLICA IDENTITY FULL), or none that is published, or the publication "
         "leaves that out";
}

}  // namespace lockstep::auditor
