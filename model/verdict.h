// The result of a run, as the verifier gives it and the report prints it.
#ifndef LOCKSTEP_MODEL_VERDICT_H_
#define LOCKSTEP_MODEL_VERDICT_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "model/digest.h"
#include "model/error.h"
#include "model/ids.h"
#include "model/lsn.h"

namespace lockstep::model {

enum class VerdictKind : std::uint8_t {
  kConverged = 0,
  kDiverged = 1,
  kMissing = 2,
  kInconclusive = 3
};

std::string_view ToString(VerdictKind kind);
ExitCode ExitCodeOf(VerdictKind kind);

// Where the verifier took the order of commits from. The numbers travel.
enum class CommitOrderSource : std::uint8_t {
  kUnknown = 0,  // it never came to that
  kWal = 1,      // read from the write-ahead log
  kBrackets =
      2,  // what listeners report, held against the applier's WAL positions around each COMMIT
};

// "unknown", "wal", "brackets".
std::string_view ToString(CommitOrderSource source);

// Column name and text form, in column order. nullopt text: the column is null.
using NamedTexts = std::vector<std::pair<std::string, std::optional<std::string>>>;

// One key as the three representations have it. nullopt: no such row.
struct RowDifference {
  NamedTexts key;
  std::optional<NamedTexts> expected;
  std::optional<NamedTexts> source;
  std::optional<NamedTexts> replicated;
  friend bool operator==(const RowDifference&, const RowDifference&) = default;
};

struct FirstDivergence {
  std::string listener;  // empty: expected and source differ, no listener is involved
  std::optional<TransactionId> commit;  // nullopt: not a transaction of the run
  Xid xid;
  Lsn end_lsn;
  std::string table;  // empty when no row differs (order, repetition)
  std::vector<RowDifference> rows;
  friend bool operator==(const FirstDivergence&, const FirstDivergence&) = default;
};

// A table that a listener could not follow past a truncation that its plugin does not show.
struct QuarantinedTable {
  std::string table;  // without schema
  Lsn end_lsn;        // of the truncation
  std::string reason;
  friend bool operator==(const QuarantinedTable&, const QuarantinedTable&) = default;
};

struct ListenerResult {
  std::string id;
  std::string plugin;
  std::uint64_t transactions = 0;  // received
  std::uint64_t changes = 0;
  std::uint64_t commits_checked = 0;  // compared with the expected state
  std::uint64_t foreign = 0;          // commits that are not of the run
  Lsn end_lsn;
  Digest digest;
  Lsn joined;         // its consistent point: judged for commits above it
  Lsn left;           // judged for commits up to it; 0: it was there at the end
  bool lost = false;  // it left without a word
  // Cells that its plugin cannot show, and how the verifier expected them instead: reason (a Loss's
  // name) and number.
  std::vector<std::pair<std::string, std::uint64_t>> projected;
  std::vector<QuarantinedTable> quarantined;
  friend bool operator==(const ListenerResult&, const ListenerResult&) = default;
};

struct TransactionCounts {
  std::uint64_t generated = 0;
  std::uint64_t committed = 0;
  std::uint64_t rolled_back = 0;
  // The server refused a statement or the COMMIT for a reason that no script foresees. One that
  // committed all the same, without what a savepoint took back, is among `committed` too.
  std::uint64_t failed = 0;
  friend bool operator==(const TransactionCounts&, const TransactionCounts&) = default;
};

struct Verdict {
  VerdictKind kind = VerdictKind::kInconclusive;
  std::string reason;  // one or more sentences for people; empty when converged
  std::uint64_t seed = 0;
  Digest workload_hash;
  std::string postgres_version;
  CommitOrderSource commit_order = CommitOrderSource::kUnknown;
  TransactionCounts transactions;
  std::vector<ListenerResult> listeners;
  Digest expected;
  Digest source;
  Digest generator;
  std::uint64_t rows_compared = 0;
  // What the scripts contained, counted by name, as the generator says; zeros are listed.
  std::vector<std::pair<std::string, std::uint64_t>> situations = {};
  std::optional<FirstDivergence> first_divergence;
  friend bool operator==(const Verdict&, const Verdict&) = default;
};

}  // namespace lockstep::model

#endif  // LOCKSTEP_MODEL_VERDICT_H_
