// Why a table's rows are not the replica's: a fault of the stream, or something that the stream is
// known not to show. Pure, without I/O.
//
// Only what can change rows without a decoded change explains a difference. Where the server tells
// that it happened, the table is read anew or excluded, and that is all. Where it tells only that
// it may have happened, the same is done, and the rows are excused: the audit cannot converge.
#ifndef LOCKSTEP_AUDITOR_EXPLANATION_H_
#define LOCKSTEP_AUDITOR_EXPLANATION_H_

#include <cstdint>
#include <string>

#include "auditor/table_comparison.h"

namespace lockstep::auditor {

// What the server's statistics are worth that count updated and deleted rows. They explain, they
// never prove a fault: a reset, a crash, or track_counts = off in a session leave rows uncounted.
enum class Statistics {
  kSettled,  // nobody works on the table any longer, and has not for some time
  kLate,     // what a session did may still be to come
  kNone,     // nothing is counted, or not before the session's next statement
};

// Of a table whose rows differ. "Since then": since it was copied, or found equal last.
struct TableFacts {
  bool insert_only = false;     // its UPDATE and DELETE are not in the stream
  bool blind = false;           // its TRUNCATE is not in the stream
  bool new_table = false;       // it was dropped and made again since then
  bool new_file = false;        // it was truncated or rewritten since then, or only packed
  bool rewritten = false;       // an ALTER made that file: its own entry and a column's are one
                                // transaction's
  bool new_text = false;        // a type that its values' text comes from was altered since then
  bool volatile_text = false;   // its values' text names other objects (regclass), which may be
                                // renamed
  bool altered = false;         // it may have had another form or identity since then
  bool renamed = false;         // it had another name since then, or other partitions
  bool saw_truncate = false;    // a TRUNCATE was in the stream since then
  bool began_unseen = false;    // it is followed from its first change on, and maybe was not empty
  bool published_late = false;  // the same, and until it was published, or had its trigger, some of
                                // its changes were not in the stream
  bool has_log = false;         // whatever rewrote it since then is logged
  bool logged_rewrite = false;  // and so a rewrite is
  std::uint64_t updated_or_deleted = 0;  // rows since then, by the statistics
  Statistics statistics = Statistics::kLate;
};

enum class Explanation {
  kFault,           // nothing explains it: the table differs
  kUnshown,         // what happened is not in the stream: the table cannot be judged
  kMaybeUnshown,    // the same, if it happened
  kRewritten,       // its rows were made or written anew, which is not decoded: to be read anew
  kMaybeRewritten,  // the same, if they were
  kTooEarly,        // it may turn out to be unshown: not judged at this comparison
};

// Whether what differs might be a fault after all.
inline bool IsExcuse(Explanation explanation) {
  return explanation == Explanation::kMaybeUnshown || explanation == Explanation::kMaybeRewritten;
}

// `mismatched`: at its end, with at least one row.
Explanation Explain(const TableFacts& facts, const TableComparison& mismatched);

// The same of a change that did not fit the replica's rows.
Explanation ExplainMisfit(const TableFacts& facts);

// What happened to a table of kRewritten or kMaybeRewritten: "was rewritten".
std::string RewrittenReason(const TableFacts& facts);
// The reason in words, of kUnshown or kMaybeUnshown.
std::string UnshownReason(const TableFacts& facts);
// One of the two as a sentence, of an excuse.
std::string ExcuseReason(Explanation explanation, const TableFacts& facts);

}  // namespace lockstep::auditor

#endif  // LOCKSTEP_AUDITOR_EXPLANATION_H_
