#include "auditor/explanation.h"

namespace lockstep::auditor {
namespace {

// Another table has the name, or its rows were written to another file, not by a TRUNCATE that the
// stream shows; nor, where all rewrites are logged, by what keeps rows as they are (VACUUM FULL,
// CLUSTER).
bool IsRewritten(const TableFacts& facts) {
  if (facts.new_table || facts.logged_rewrite) return true;
  return facts.new_file && !facts.saw_truncate && !facts.blind && !facts.has_log;
}

}  // namespace

Explanation Explain(const TableFacts& facts, const TableComparison& mismatched) {
  // What is not shown leaves rows in the replica that the source has no longer. A row that is only
  // missing there was inserted, and inserts are always shown.
  const bool has_stale_rows = mismatched.stale_count() > 0;
  if (IsRewritten(facts)) return Explanation::kRewritten;
  if (facts.new_file && facts.blind) return Explanation::kUnshown;
  if (facts.altered) return Explanation::kRewritten;
  if (!facts.insert_only || !has_stale_rows) return Explanation::kFault;
  if (facts.updated_or_deleted > 0 || facts.statistics == Statistics::kNone)
    return Explanation::kUnshown;
  return facts.statistics == Statistics::kSettled ? Explanation::kFault : Explanation::kTooEarly;
}

Explanation ExplainMisfit(const TableFacts& facts) {
  if (IsRewritten(facts)) return Explanation::kRewritten;
  if (facts.new_file && facts.blind) return Explanation::kUnshown;
  if (facts.altered) return Explanation::kRewritten;
  return facts.insert_only ? Explanation::kUnshown : Explanation::kFault;
}

std::string RewrittenReason(const TableFacts& facts) {
  if (facts.new_table) return "was dropped and made again";
  return IsRewritten(facts) ? "was rewritten" : "was altered";
}

std::string UnshownReason(const TableFacts& facts) {
  if (facts.new_file && facts.blind)
    return "it was truncated or rewritten, which the plugin does not send; --install-triggers "
           "makes "
           "TRUNCATE visible";
  if (facts.updated_or_deleted == 0) {
    return "rows are gone or have another value; maybe they were updated or deleted, which is not "
           "sent without a replica identity, and the server's statistics cannot tell "
           "(track_counts, or PostgreSQL 13 or 14)";
  }
  return "rows were updated or deleted, which is not sent: it has no replica identity (give it a "
         "primary key or REPLICA IDENTITY FULL), or none that is published, or the publication "
         "leaves that out";
}

}  // namespace lockstep::auditor
