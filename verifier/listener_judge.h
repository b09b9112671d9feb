// One listener's commits held against what is expected of them, one after the other.
//
// Pure logic: commits, positions and expectations go in; findings come out. The first finding ends
// the judgement.
#ifndef LOCKSTEP_VERIFIER_LISTENER_JUDGE_H_
#define LOCKSTEP_VERIFIER_LISTENER_JUDGE_H_

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <variant>

#include "model/digest.h"
#include "model/lsn.h"
#include "model/verdict.h"
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
  // `hello` is the listener's state at its consistent point.
  explicit ListenerJudge(const wire::Hello& hello);

  // ---- input ----
  void OnExpectation(const Expectation& expectation);  // in end_lsn order
  void OnCommit(const wire::Commit& commit);           // in the order they came
  void OnPosition(const wire::Position& position);
  void OnMisfit(const wire::Misfit& misfit);

  // Judges all that lies at or below `oracle.frontier()`. `initial` is the digest before the first
  // expectation.
  void Judge(const Oracle& oracle, model::Digest initial);

  // ---- output ----
  const std::optional<Finding>& finding() const { return finding_; }
  // Every commit with end_lsn <= judged() has been judged, and so has the state at the consistent
  // point; the listener may forget them. 0 before.
  model::Lsn judged() const { return judged_; }
  // It has said everything up to `lsn`, all it said is judged, and nothing else was expected.
  bool HasAgreedUpTo(model::Lsn lsn) const;
  const model::ListenerResult& result() const { return result_; }
  model::Lsn consistent_point() const { return consistent_point_; }
  // What it has not judged yet, for "whose turn it was".
  std::size_t expectations_waiting() const { return expectations_.size(); }

 private:
  void JudgeConsistentPoint(model::Lsn frontier, model::Digest initial);
  void JudgeCommit(const wire::Commit& commit, const Oracle& oracle);
  void JudgeMisfit(const wire::Misfit& misfit, const Oracle& oracle);
  void FindMissing(const Expectation& expected, const std::string& proof);

  model::ListenerResult result_;
  model::Lsn consistent_point_;
  model::Digest attached_digest_;
  bool attached_judged_ = false;
  model::Digest last_expected_;  // of the last expectation at or below the consistent point
  bool has_last_expected_ = false;

  std::deque<Expectation> expectations_;
  std::deque<std::variant<wire::Commit, wire::Misfit>> reports_;
  wire::Position position_;
  model::Lsn judged_;
  std::optional<Finding> finding_;
};

}  // namespace lockstep::verifier

#endif  // LOCKSTEP_VERIFIER_LISTENER_JUDGE_H_
