// One listener's commits held against what is expected of them, one after the other.
//
// Pure logic: commits, positions and expectations go in; findings come out. The first finding ends
// the judgement.
#ifndef LOCKSTEP_VERIFIER_LISTENER_JUDGE_H_
#define LOCKSTEP_VERIFIER_LISTENER_JUDGE_H_

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "model/digest.h"
#include "model/lsn.h"
#include "model/verdict.h"
#include "verifier/expectation_queue.h"
#include "verifier/oracle.h"
#include "wire/message.h"

namespace lockstep::verifier {

// Why a listener does not agree.
struct Finding {
  model::VerdictKind kind = model::VerdictKind::kDiverged;  // kDiverged or kMissing
  std::string reason;                                       // a sentence for people
  std::optional<model::TransactionId> commit;               // nullopt: not a transaction of the run
  model::Xid xid;
  model::Lsn end_lsn;
  // Whether the rows of this commit differ (and can be asked for), or only its place or presence.
  bool rows_differ = false;
  std::optional<wire::Misfit> misfit;
};

class ListenerJudge {
 public:
  // `view` is the listener's view of the oracle, `initial` the view's state before the first
  // expectation. `budget`: for expectations that wait.
  ListenerJudge(std::size_t view, model::Digest initial,
                std::shared_ptr<QueueBudget> budget = std::make_shared<QueueBudget>());

  // ---- input ----
  void OnExpectation(const Expectation& expectation);  // in end_lsn order
  void OnHello(const wire::Hello& hello);              // its state at its consistent point
  void OnCommit(const wire::Commit& commit);           // in the order they came
  void OnPosition(const wire::Position& position);
  void OnMisfit(const wire::Misfit& misfit);
  void OnQuarantined(const wire::Quarantined& quarantined);
  // It says nothing more, and is judged up to `received`, before which it said everything, or up to
  // what it reported last.
  void OnGone(model::Lsn received, bool is_lost);

  // Judges all that lies at or below `oracle.frontier()`.
  void Judge(const Oracle& oracle);

  // ---- output ----
  const std::optional<Finding>& finding() const { return finding_; }
  // Every commit with end_lsn <= judged() has been judged, and so has the state at the consistent
  // point; the listener may forget them. 0 before.
  model::Lsn judged() const { return judged_; }
  // It has said everything up to `lsn`, all it said is judged, and nothing else was expected.
  bool HasAgreedUpTo(model::Lsn lsn) const;
  bool has_attached() const { return has_attached_; }  // said Hello
  // It is gone, and all that it ever said is judged.
  bool IsDone() const {
    return !has_attached_ || (is_gone() && !finding_ && judged_ >= result_.left);
  }
  const std::optional<model::Error>& error() const { return expectations_.error(); }
  // Tables that it is to be told to follow no longer, since the last call.
  std::vector<std::string> TakeQuarantines() { return std::exchange(quarantines_, {}); }
  bool HasQuarantined() const { return !out_of_sight_.empty(); }
  std::uint64_t commits_checked() const { return result_.commits_checked; }
  model::ListenerResult Result() const;
  std::size_t view() const { return view_; }
  model::Lsn consistent_point() const { return consistent_point_; }
  // What it has not judged yet, for "whose turn it was".
  std::size_t expectations_waiting() const { return expectations_.size(); }

 private:
  // A table whose truncation it could not see.
  struct OutOfSight {
    std::uint32_t table = 0;
    model::Lsn end_lsn;  // of the truncation
    std::string name;
    bool is_empty = false;  // it says that it holds the table empty from here on
  };

  bool is_gone() const { return result_.left.IsValid(); }
  // What must come next; nullptr: nothing is expected (any more).
  const Expected* Next() const;
  void JudgeConsistentPoint(model::Lsn frontier);
  void JudgeCommit(const wire::Commit& commit, const Oracle& oracle);
  void JudgeUnexpected(const wire::Commit& commit, const Oracle& oracle, model::Lsn last);
  void JudgeContent(const wire::Commit& commit, const Expected& expected, const Oracle& oracle);
  void JudgeQuarantined(const wire::Quarantined& quarantined, const Oracle& oracle);
  // Truncations that it cannot have seen take their tables out of sight.
  void LoseSight(const Expected& expected, const Oracle& oracle);
  bool IsOutOfSight(std::uint32_t table) const;
  // The state it must have with the tables out of sight empty; nullopt while it still holds some.
  std::optional<model::Digest> StateInSight(const Expected& expected, const Oracle& oracle) const;
  void Find(const wire::Commit& commit, const Oracle& oracle, std::string reason, bool rows_differ);
  void JudgeMisfit(const wire::Misfit& misfit, const Oracle& oracle);
  void FindMissing(const Expected& expected, const std::string& proof);

  model::ListenerResult result_;
  std::size_t view_;
  model::Lsn consistent_point_;
  model::Digest attached_digest_;
  bool has_attached_ = false;
  bool attached_judged_ = false;
  model::Digest expected_at_attach_;  // after the last expectation at or below the consistent point

  std::vector<std::string> blind_tables_;
  std::vector<OutOfSight> out_of_sight_;
  std::vector<std::string> quarantines_;
  bool digest_known_ = true;  // result_.digest is that of its last report
  model::LossCounts projected_;

  ExpectationQueue expectations_;
  std::deque<std::variant<wire::Commit, wire::Misfit, wire::Quarantined>> reports_;
  wire::Position position_;
  model::Lsn judged_;
  std::optional<Finding> finding_;
};

}  // namespace lockstep::verifier

#endif  // LOCKSTEP_VERIFIER_LISTENER_JUDGE_H_
