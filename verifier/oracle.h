// The expected state: the generator's scripts, replayed in the order in which Postgres committed
// them.
//
//   scripts ───────┐
//   outcomes ──────┼──► Oracle ──► one Expectation per commit of the run, in end_lsn order
//   commit order ──┘
//
// The commit order comes from Postgres's own WAL, never from a listener. A commit there is the
// run's when an outcome names its xid; an unknown one is foreign as soon as the applier has settled
// past it. Reported effects are checked against what the model says the operations mean.
#ifndef LOCKSTEP_VERIFIER_ORACLE_H_
#define LOCKSTEP_VERIFIER_ORACLE_H_

#include <tsl/robin_map.h>

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <span>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "model/catalog.h"
#include "model/commit_record.h"
#include "model/database.h"
#include "model/digest.h"
#include "model/execute.h"
#include "model/history.h"
#include "model/ids.h"
#include "model/lsn.h"
#include "model/operation.h"
#include "model/outcome.h"
#include "model/verdict.h"
#include "verifier/plugin_view.h"

namespace lockstep::verifier {

// What every listener must say of one commit of the run.
struct Expectation {
  model::TransactionId id;
  model::Xid xid;
  model::Lsn end_lsn;
  std::size_t script_bytes = 0;
  std::vector<ExpectedView> views;  // by number of the view (Oracle::AddView)
  // Tables that it truncated, and all it touched: filled where a table is watched (Oracle::Watch).
  std::vector<std::uint32_t> truncated = {};
  std::vector<std::uint32_t> touched = {};
};

// Postgres did something else than the script means.
struct IllegalEffect {
  model::TransactionId id;
  model::Xid xid;
  model::Lsn end_lsn;   // 0 when the transaction did not commit
  std::string message;  // operation, table, what was expected and what came
};

class Oracle {
 public:
  // How many ended transactions stay known by xid: far more than are under way at any time, and a
  // few megabytes.
  static constexpr std::size_t kRememberedXids = 65'536;
  // How many outcomes may be ahead of their scripts: more than credit lets be under way.
  static constexpr std::size_t kEarlyOutcomesMax = 65'536;

  explicit Oracle(const model::Catalog& catalog);

  // ---- input, in any interleaving; scripts by ascending id ----
  // False for a script that does not fit the catalog (model/fits.h) or comes out of turn: not by
  // ascending id, or without being the one whose outcome came already.
  bool OnScript(model::Script script, std::size_t bytes);
  // An outcome may come before its script: they travel on different ways. False for one that cannot
  // be true: of a session that is not there, out of its session's order, a second one, committed
  // without an xid, or with the xid of another.
  bool OnOutcome(model::Outcome outcome);
  void OnSettled(model::Lsn lsn);
  // Commit records in WAL order; `scanned` is how far the WAL has been read with them. Records at
  // or below the last one are repetitions, and dropped.
  void OnCommitRecords(std::span<const model::CommitRecord> records, model::Lsn scanned);

  // Replays what is known, but nothing that ends above `limit` (a barrier under inspection).
  void Advance(std::optional<model::Lsn> limit);

  // ---- who looks on ----
  // The number of the view of listeners with these losses; made of the state as it is now, and part
  // of every later expectation.
  std::size_t AddView(model::LossSet losses);
  const PluginView& view(std::size_t number) const { return views_[number]; }
  // Tables that some listener may lose sight of. From now on each view has what they add to the
  // state, by the order here.
  void Watch(const std::vector<std::uint32_t>& tables);
  const std::vector<std::uint32_t>& watched() const { return watched_; }

  // ---- output ----
  // Expectations made by Advance since the last call.
  std::vector<Expectation> TakeExpectations() { return std::exchange(expectations_, {}); }
  const std::optional<IllegalEffect>& illegal_effect() const { return illegal_effect_; }

  // Every commit with end_lsn <= frontier() is the run's and replayed, or foreign. Stays below a
  // commit that is illegal: what a listener says of it proves nothing against the listener.
  model::Lsn frontier() const { return frontier_; }
  const model::Database& expected() const { return expected_; }
  // Remembers rows as they were after commits above `lsn`.
  const model::History& history() const { return history_; }
  void Forget(model::Lsn lsn);
  // Rows of commits at or below it cannot be looked at any more.
  model::Lsn forgotten() const { return forgotten_; }
  // Postgres committed it, and it is not the run's. Known as long as history() goes back.
  bool IsForeign(const model::CommitRecord& record) const;
  // The xmin that a row must have in Postgres; nullopt when it was written before the run.
  std::optional<model::Xid> WrittenBy(std::uint32_t table, const model::Row& key) const;
  // The run's transaction of an xid, whatever became of it; the one that committed, if any.
  std::optional<model::TransactionId> FindTransaction(model::Xid xid) const;

  // Scripts whose fate is known and, when committed, replayed.
  const model::TransactionCounts& counts() const { return counts_; }
  // Outcomes so far that say committed, replayed or not.
  std::uint64_t committed_reported() const { return committed_reported_; }
  // What Postgres said of the first that failed; empty: none did.
  const std::string& first_failure() const { return first_failure_; }
  // Scripts and script bytes that ended without a commit (they need no listener's judgement).
  std::uint64_t ended_without_commit() const { return ended_without_commit_; }
  std::uint64_t rolled_back_bytes() const { return rolled_back_bytes_; }
  // Scripts that have not ended, and outcomes whose scripts have not come.
  std::size_t scripts_waiting() const { return scripts_waiting_ + early_outcomes_; }
  // The oldest script without outcome, for "whose turn it was".
  std::optional<model::TransactionId> OldestWithoutOutcome() const;

 private:
  struct PendingScript {
    model::Script script;
    std::size_t bytes = 0;
    std::optional<model::Outcome> outcome;
  };
  // A session's scripts run in order, so its outcomes and its commits come in order too.
  struct Session {
    // Of the first script without an outcome; nullptr: all have theirs.
    PendingScript* Undecided() {
      return with_outcome == scripts.size() ? nullptr : &scripts[with_outcome];
    }
    const PendingScript* Undecided() const {
      return with_outcome == scripts.size() ? nullptr : &scripts[with_outcome];
    }

    std::deque<PendingScript> scripts;
    std::size_t with_outcome = 0;      // how many of them, the first ones, have their outcome
    std::deque<model::Outcome> early;  // outcomes of scripts that have not come
  };

  // nullptr: there is no such session.
  Session* Find(model::SessionId session);
  // False when it is not yet the record's turn.
  bool TakeRecord(const model::CommitRecord& record);
  // Ends the scripts at the head of the session that rolled back.
  void EndRolledBackHeads(Session& session);
  void EndRolledBack(const PendingScript& pending);
  void CountFailed(const model::Outcome& outcome);
  void Replay(const model::CommitRecord& record, const PendingScript& pending);
  void EndHead(Session& session);
  // Compares what the applier reports with what the model says; keeps the first difference.
  void CheckEffects(const PendingScript& pending, const model::Execution& execution,
                    model::Lsn end_lsn);
  void RememberWriters(const model::Outcome& outcome, const model::Execution& execution);
  void SetIllegal(const PendingScript& pending, model::Lsn end_lsn, std::string message);
  void SetIllegal(IllegalEffect effect);

  const model::Catalog catalog_;
  model::Database expected_;
  model::History history_;
  std::vector<Session> sessions_;  // session n is at n - 1
  model::TransactionId last_script_;
  std::size_t scripts_waiting_ = 0;
  std::size_t early_outcomes_ = 0;
  std::deque<model::CommitRecord> records_;
  std::deque<model::CommitRecord> foreign_;  // not forgotten, by end_lsn
  model::Lsn last_record_;
  // The run's transactions by xid: all that wait, and the latest that ended. A server that crashed
  // gives xids of transactions that were rolled back once more.
  struct XidHolder {
    model::TransactionId id;
    model::Fate fate;
  };
  std::unordered_map<model::Xid, XidHolder> holders_;
  std::deque<std::pair<model::Xid, model::TransactionId>> ended_xids_;
  std::unordered_map<model::TransactionId, model::SessionId>
      committed_;  // outcome known, not replayed
  std::vector<tsl::robin_map<model::Row, model::Xid, model::RowHash>> writers_;  // by table
  std::vector<PluginView> views_;
  std::vector<std::uint32_t> watched_;
  std::vector<Expectation> expectations_;
  std::optional<IllegalEffect> illegal_effect_;
  model::TransactionCounts counts_;
  std::uint64_t committed_reported_ = 0;
  std::string first_failure_;
  std::uint64_t ended_without_commit_ = 0;
  std::uint64_t rolled_back_bytes_ = 0;
  model::Lsn settled_;
  model::Lsn scanned_;
  model::Lsn frontier_;
  model::Lsn forgotten_;
};

}  // namespace lockstep::verifier

#endif  // LOCKSTEP_VERIFIER_ORACLE_H_
