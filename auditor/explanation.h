// Why a table's rows are not the replica's: a fault of the stream, or something that the stream is
// known not to show. Pure, without I/O.
#ifndef LOCKSTEP_AUDITOR_EXPLANATION_H_
#define LOCKSTEP_AUDITOR_EXPLANATION_H_

#include <cstdint>
#include <string>

#include "auditor/table_comparison.h"

namespace lockstep::auditor {

// What the server's statistics are worth that count updated and deleted rows.
enum class Statistics {
  kSettled,  // nobody works on the table any longer, and has not for some time
  kLate,     // what a session did may still be to come
  kNone,     // nothing is counted, or not before the session's next statement
};

// Of a table whose rows differ.
struct TableFacts {
  bool insert_only = false;              // its UPDATE and DELETE are not in the stream
  bool blind = false;                    // its TRUNCATE is not in the stream
  bool new_table = false;                // it was dropped and made again since it was copied
  bool new_file = false;                 // it was truncated or rewritten since it was copied
  bool altered = false;                  // it had another form or, maybe, name since it was copied
  bool saw_truncate = false;             // a TRUNCATE was in the stream since then
  bool has_log = false;                  // whatever rewrote it since it was copied is logged
  bool logged_rewrite = false;           // and so a rewrite is
  std::uint64_t updated_or_deleted = 0;  // rows since then, by the statistics
  Statistics statistics = Statistics::kLate;
};

enum class Explanation {
  kFault,      // nothing explains it: the table differs
  kUnshown,    // what happened is not in the stream: the table cannot be judged
  kRewritten,  // its rows were made or written anew, which is not decoded: it must be read anew
  kTooEarly,   // it may turn out to be unshown: not judged at this comparison
};

// `mismatched`: at its end, with at least one row.
Explanation Explain(const TableFacts& facts, const TableComparison& mismatched);

// The same of a change that did not fit the replica's rows.
Explanation ExplainMisfit(const TableFacts& facts);

// What happened to a table of kRewritten: "was rewritten".
std::string RewrittenReason(const TableFacts& facts);
// The reason in words, of kUnshown.
std::string UnshownReason(const TableFacts& facts);

}  // namespace lockstep::auditor

#endif  // LOCKSTEP_AUDITOR_EXPLANATION_H_
