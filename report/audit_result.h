// What an audit came to: the tables that were compared, what differs, and why the rest was not
// compared.
#ifndef LOCKSTEP_REPORT_AUDIT_RESULT_H_
#define LOCKSTEP_REPORT_AUDIT_RESULT_H_

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "model/digest.h"
#include "model/error.h"
#include "model/exclusion.h"
#include "model/ids.h"
#include "model/lsn.h"
#include "model/verdict.h"

namespace lockstep::report {

// In the order of what counts when auditors differ: the last one.
enum class TableStatus : std::uint8_t { kEqual, kExcluded, kDifferent };

// "equal", "excluded", "different".
std::string_view ToString(TableStatus status);

// Changes that arrived and were not proven.
struct UnprovenChanges {
  std::uint64_t changes = 0;
  // Of the first and the last transaction that held them.
  model::Lsn from;
  model::Lsn to;
  std::string reason;
  friend bool operator==(const UnprovenChanges&, const UnprovenChanges&) = default;
};

// Adds to the last entry where that has the same reason.
void AddUnproven(std::vector<UnprovenChanges>& list, UnprovenChanges more);

// A change is proven when it was applied to rows that were compared afterwards and found equal,
// without having been read anew in between.
struct AuditedTable {
  std::string schema;
  std::string name;
  TableStatus status = TableStatus::kExcluded;
  // Of kExcluded.
  model::ExclusionKind why_excluded = model::ExclusionKind::kNotCompared;
  std::string reason;             // why it is so; of kEqual: since when, where not from the start
  std::uint64_t rows = 0;         // in the source, at the last comparison
  std::uint64_t changes = 0;      // received: proven and unproven ones
  std::uint64_t proven = 0;       // of them
  std::uint64_t comparisons = 0;  // how often its rows were compared
  model::Digest digest;           // of its rows, at the last comparison
  model::Lsn followed_from;       // the snapshot that it was copied under; 0: never
  std::vector<UnprovenChanges> unproven;
  friend bool operator==(const AuditedTable&, const AuditedTable&) = default;
};

// One row that is not in the replica as it is in the source.
struct AuditDifference {
  std::string schema;
  std::string table;
  model::NamedTexts key;  // empty: the table has none
  // nullopt: no such row.
  std::optional<model::NamedTexts> source;
  std::optional<model::NamedTexts> replicated;
  model::Xid source_xid;   // what wrote the source's row (its xmin); 0: there is none, or unknown
  model::Xid replica_xid;  // what wrote or deleted the replica's row last; 0: not known
  model::Lsn replica_lsn;  // that transaction's end LSN
  model::Lsn checkpoint;   // both sides hold everything up to it
  // A change that did not fit the replica: what, and why. Empty: rows were compared.
  std::string misfit;
  friend bool operator==(const AuditDifference&, const AuditDifference&) = default;
};

// A table, or all of them, had to be read anew: the stream could not be followed over what happened
// to it. What it was from `lsn` to `copied_at` is not proven.
struct AuditResync {
  std::string schema;  // empty: all tables
  std::string table;
  // Of the statement, where it is logged; else where it was seen: the end of a transaction, or the
  // point of a comparison.
  model::Lsn lsn;
  model::Lsn copied_at;  // 0: it was not read since
  std::string reason;
  friend bool operator==(const AuditResync&, const AuditResync&) = default;
};

// Rows that differed, and were not called different: something happened that may be why, and
// nothing tells whether it is.
struct AuditExcuse {
  std::string schema;
  std::string table;
  std::uint64_t rows = 0;
  model::Lsn lsn;      // of the comparison, or of the transaction that did not fit
  std::string reason;  // what may have happened: "it was altered"
  std::vector<AuditDifference> examples;
  friend bool operator==(const AuditExcuse&, const AuditExcuse&) = default;
};

// Of one auditor, which follows with one plugin.
struct AuditResult {
  std::string id;
  std::string plugin;
  // Everything committed when it was asked for the end was received and compared.
  bool finished = false;
  std::string reason;  // why not, where it says so
  std::uint64_t transactions = 0;
  // Received, of tables that are to be followed; of them proven. The rest is with the tables, and
  // of tables whose changes could not be read here.
  std::uint64_t changes = 0;
  std::uint64_t proven = 0;
  std::vector<UnprovenChanges> unread;
  model::Lsn joined;
  model::Lsn end_lsn;
  std::uint64_t checkpoints = 0;          // comparisons made
  std::uint64_t rows_compared = 0;        // in all of them
  std::uint64_t skipped_checkpoints = 0;  // that could not be made
  std::string skipped_reason;             // of the last of those
  std::vector<AuditResync> resyncs;
  std::vector<AuditExcuse> excuses;
  // What was falsified, where that was asked for ("never acted"); else empty.
  std::string sabotage;
  std::vector<AuditedTable> tables;          // by schema and name
  std::vector<AuditDifference> differences;  // the first ones
  // Rows: of each table the most at one comparison, and changes that did not fit.
  std::uint64_t difference_count = 0;
  // Cells of the source, at the last comparison, that the plugin does not show as they are, by
  // loss: they were compared as it shows them.
  std::map<std::string, std::uint64_t> projected;
  friend bool operator==(const AuditResult&, const AuditResult&) = default;
};

// Statements of one kind, of others, that waited for locks of the audit's, as far as they were
// seen.
struct StatementWait {
  std::string statement;  // "ALTER TABLE"; empty: not known
  std::string table;      // quoted where it has to be; empty: they waited for none
  std::uint64_t count = 0;
  double total_s = 0;
  double longest_s = 0;
  friend bool operator==(const StatementWait&, const StatementWait&) = default;
};

// Of the whole audit.
struct AuditReport {
  std::optional<model::Error> error;  // then nothing else is said
  std::string postgres_version;
  std::string command;                // empty: none
  std::optional<int> command_status;  // nullopt: it did not run, or was ended by a signal
  std::string reason;                 // why it is inconclusive, where the auditors do not say it
  // Asked for: it converges only without tables that are excluded, excused or read anew, and with a
  // command that succeeded.
  bool is_strict = false;
  bool requires_success = false;
  std::vector<AuditResult> auditors;
  std::vector<StatementWait> waits;  // the longest first
  double elapsed_s = 0;
};

// Diverged when a table differs; converged when something was compared at the end, by each auditor,
// nothing differs and nothing that differed was excused, and changes, where there were some, are
// proven, and nothing else that was asked for is missing; else inconclusive. An audit of a stream
// that is falsified never converges.
model::VerdictKind VerdictOf(const AuditReport& report);
// The sentence behind the verdict; empty when converged.
std::string ReasonOf(const AuditReport& report);
model::ExitCode ExitCodeOf(const AuditReport& report);

// Tables that are not judged, by kind: of each the worst of all auditors.
std::map<model::ExclusionKind, std::size_t> CountExclusions(const AuditReport& report);

// Each table once. Where auditors differ, the worst counts, and the reason names the plugin.
std::vector<AuditedTable> MergeTables(const std::vector<AuditResult>& auditors);

}  // namespace lockstep::report

#endif  // LOCKSTEP_REPORT_AUDIT_RESULT_H_
