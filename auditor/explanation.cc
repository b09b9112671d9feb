#include "auditor/explanation.h"

namespace lockstep::auditor {
namespace {

// The server says so: another table has the name, its rows were written anew, the text of a type is
// another one now, or partitions came or went.
bool IsRewritten(const TableFacts& facts) {
  return facts.new_table || facts.logged_rewrite || facts.rewritten || facts.new_text ||
         facts.renamed || facts.began_unseen;
}

// VACUUM FULL and CLUSTER keep the rows, SET UNLOGGED and a rewrite need not: only the log of
// schema changes tells one from the other. A TRUNCATE that the stream shows explains the file, and
// with it no difference; beside it a rewrite leaves another form.
bool MayBeRewritten(const TableFacts& facts) {
  return facts.new_file && !facts.has_log && (!facts.saw_truncate || facts.altered);
}

// Without a TRUNCATE the rows are fewer or others, never more.
bool MayBeTruncated(const TableFacts& facts) { return facts.new_file && facts.blind; }

// What explains it may have been done before it was shown.
bool MayBeLate(const TableFacts& facts, Explanation explanation) {
  return facts.published_late && explanation != Explanation::kFault;
}

Explanation ExplainShown(const TableFacts& facts, const TableComparison& mismatched) {
  if (IsRewritten(facts)) return Explanation::kRewritten;
  // What is not shown leaves rows in the replica that the source has no longer, one for each that
  // the source has and the replica has not: an insert is always shown.
  const bool lacks_inserts = mismatched.missing_count() > mismatched.stale_count();
  if (MayBeTruncated(facts) && !lacks_inserts) return Explanation::kMaybeUnshown;
  if (MayBeRewritten(facts)) return Explanation::kMaybeRewritten;
  if (lacks_inserts) return Explanation::kFault;
  if (facts.altered || facts.volatile_text) return Explanation::kMaybeRewritten;
  if (!facts.insert_only) return Explanation::kFault;
  if (facts.updated_or_deleted > 0) return Explanation::kUnshown;
  return facts.statistics == Statistics::kLate ? Explanation::kTooEarly
                                               : Explanation::kMaybeUnshown;
}

Explanation ExplainShownMisfit(const TableFacts& facts) {
  if (IsRewritten(facts)) return Explanation::kRewritten;
  if (MayBeTruncated(facts)) return Explanation::kMaybeUnshown;
  if (MayBeRewritten(facts) || facts.altered || facts.volatile_text)
    return Explanation::kMaybeRewritten;
  if (!facts.insert_only) return Explanation::kFault;
  return facts.updated_or_deleted > 0 ? Explanation::kUnshown : Explanation::kMaybeUnshown;
}

}  // namespace

// From here on it is shown, so that it is worth reading anew.
Explanation Explain(const TableFacts& facts, const TableComparison& mismatched) {
  const Explanation explanation = ExplainShown(facts, mismatched);
  return MayBeLate(facts, explanation) ? Explanation::kRewritten : explanation;
}

Explanation ExplainMisfit(const TableFacts& facts) {
  const Explanation explanation = ExplainShownMisfit(facts);
  return MayBeLate(facts, explanation) ? Explanation::kRewritten : explanation;
}

std::string RewrittenReason(const TableFacts& facts) {
  if (facts.new_table) return "was dropped and made again";
  if (facts.began_unseen) return "was made, and maybe filled or altered before it could be seen";
  if (facts.logged_rewrite || facts.rewritten) return "was rewritten";
  if (facts.new_text) return "has values of a type that was altered";
  if (facts.renamed) return "had another name or other partitions meanwhile";
  if (facts.published_late)
    return "was made, and maybe updated or truncated before that could be shown";
  if (MayBeRewritten(facts)) return "has another file: it was rewritten, or packed (VACUUM FULL)";
  if (facts.altered) return "was altered";
  return "has values that name other objects, which may have been renamed";
}

std::string ExcuseReason(Explanation explanation, const TableFacts& facts) {
  return explanation == Explanation::kMaybeUnshown ? UnshownReason(facts)
                                                   : "it " + RewrittenReason(facts);
}

std::string UnshownReason(const TableFacts& facts) {
  if (MayBeTruncated(facts)) {
    return "it was truncated or rewritten, which the plugin does not send; --install-triggers "
           "makes TRUNCATE visible";
  }
  if (facts.updated_or_deleted == 0) {
    return "rows are gone or have another value; maybe they were updated or deleted, which is not "
           "sent without a replica identity, and the server's statistics do not tell";
  }
  return "rows were updated or deleted, which is not sent: it has no replica identity (give it a "
         "primary key or REPLICA IDENTITY FULL), or none that is published, or the publication "
         "leaves that out";
}

}  // namespace lockstep::auditor
