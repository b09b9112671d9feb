// The commit order without the WAL: what listeners report, held against the applier's brackets.
//
//   outcomes with brackets ──┐
//   settled LSNs ────────────┼──► BracketOrder ──► commit records for the Oracle, in end_lsn order,
//   listeners' reports ──────┘                     as far as they are certain
//
// Before and after each COMMIT the applier read the WAL position: before < end_lsn <= after. A
// listener's report of the commit's xid is a vote for an end LSN, good for nothing when that lies
// outside the bracket. A commit is placed
//   - when more than half of the listeners have voted for one LSN, or
//   - when every listener has voted, or has said that it has received everything up to `after`:
//     where most votes are, the earliest on a tie; without a good vote at a free place in the
//     bracket, so that it is found missing from every listener.
// One that lags is not waited for: while so many commits wait that others have passed, those that
// hold them up do not count (behind_), until they have come to where the others are.
//
// Everything up to an LSN is certain when the applier has settled it and no commit that may end
// there waits to be placed.
//
// So listeners are believed in one thing: the order of commits whose brackets overlap, when none of
// the listeners contradicts. It is never against the order of a session, and brackets that do not
// overlap have only one order.
//
// Pure logic. Memory grows with what is not forgotten.
#ifndef LOCKSTEP_VERIFIER_BRACKET_ORDER_H_
#define LOCKSTEP_VERIFIER_BRACKET_ORDER_H_

#include <cstddef>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "model/commit_record.h"
#include "model/ids.h"
#include "model/lsn.h"
#include "model/outcome.h"
#include "verifier/listener_judge.h"

namespace lockstep::verifier {

class BracketOrder {
 public:
  // So many commits may wait for a listener that lags: far below the credit window, far above what
  // a moment's delay costs.
  static constexpr std::size_t kPatience = 512;

  // ---- input ----
  // A listener is about to attach. While there is no other nothing is placed: it is needed to say
  // where commits end that its consistent point may divide.
  void OnAttaching(const std::string& listener);
  // It has attached, and reports every commit above its consistent point.
  void OnListener(const std::string& listener, model::Lsn consistent_point);
  // False when it committed without a bracket, or with one that nothing can lie in.
  bool OnOutcome(const model::Outcome& outcome);
  // Outcomes of all commits that end at or below `lsn` have come.
  void OnSettled(model::Lsn lsn);
  // The listener reports that `xid` ends at `end_lsn`; of the run or foreign.
  void OnReport(const std::string& listener, model::Xid xid, model::Lsn end_lsn);
  // It has reported everything up to `lsn` that it will ever report.
  void OnReceived(const std::string& listener, model::Lsn lsn);
  // It will report nothing more.
  void OnEnd(const std::string& listener);
  // It is gone: its votes count, and it is waited for no longer. While nobody is left, commits are
  // placed anywhere in their brackets.
  void OnGone(const std::string& listener);
  // Every listener has been judged up to `lsn`: commits up to it are not explained any more.
  void Forget(model::Lsn lsn);

  // ---- output ----
  struct Batch {
    std::vector<model::CommitRecord> commits;  // of the run, by end_lsn; each once over all batches
    model::Lsn certain;                        // every commit of the run up to it has been given
  };
  Batch Take();

  // Says better what is wrong with the finding's commit: a listener that reports it elsewhere than
  // it can be, or elsewhere than others do, has diverged, though it was found missing in its place.
  void Explain(const std::string& listener, Finding& finding) const;
  // Whom the oldest commit that is not placed waits for; empty when there is none.
  std::string WhoseTurn() const;

 private:
  struct Vote {
    std::string listener;
    model::Lsn end_lsn;
  };
  struct Commit {
    std::optional<model::TransactionId> id;  // nullopt: no outcome (yet)
    model::CommitBracket bracket;
    std::vector<Vote> votes;  // as they came, the first one of each listener
    std::optional<model::Lsn> placed;
  };

  static const Vote* FindVote(const Commit& commit, const std::string& listener);
  // Places it if that can be decided.
  void Decide(model::Xid xid, Commit& commit);
  void Place(model::Xid xid, Commit& commit, model::Lsn end_lsn);
  // In the bracket, where nobody reports anything.
  std::optional<model::Lsn> FreePlace(const Commit& commit) const;
  // Where most good votes are, the earliest on a tie; 0 votes: none is good.
  struct Choice {
    model::Lsn end_lsn;
    std::size_t votes = 0;
  };
  Choice Count(const Commit& commit) const;
  void DecideUpTo(model::Lsn spoken);
  void OnSpokenUpTo(const std::string& listener, model::Lsn lsn);
  // Up to where every listener that counts has spoken.
  model::Lsn SpokenByAll() const;
  std::size_t CountListeners() const { return listeners_.size() - behind_.size(); }
  // Those that have spoken less than others and hold up too much do not count; those that have
  // caught up count again.
  void ChooseWhoCounts();

  std::map<std::string, model::Lsn> listeners_;  // what it has spoken up to
  std::set<std::string> attaching_;
  std::set<std::string> behind_;  // of listeners_, never all
  bool had_listeners_ = false;
  std::unordered_map<model::Xid, Commit> commits_;
  // Commits with an outcome that are not placed, by either end of their brackets.
  std::set<std::pair<model::Lsn, model::Xid>> waiting_by_before_;
  std::set<std::pair<model::Lsn, model::Xid>> waiting_by_after_;
  std::map<model::Lsn, model::Xid> placed_;         // not forgotten
  std::multimap<model::Lsn, model::Xid> reported_;  // not forgotten, foreign ones too
  model::Lsn settled_;
  model::Lsn certain_;
};

}  // namespace lockstep::verifier

#endif  // LOCKSTEP_VERIFIER_BRACKET_ORDER_H_
