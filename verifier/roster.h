// The listeners of a run: who is there, who has gone, and what each is judged for.
//
//              Attach                Hello                 Leave, restart, silence
//   joined ─────────────► attaching ─────────────► judged ─────────────────────────► gone
//                                                    ▲                                 │
//                                                    │ judged for what it said         ▼
//                                                    └──── (of the same name) ──── a result
//
// A listener joins whenever it likes: from its Attach on every expectation is kept for it, and it
// is judged from its consistent point. One that goes is judged for what it had said, and holds up
// nobody: not the credit, not what is forgotten, not the verdict.
#ifndef LOCKSTEP_VERIFIER_ROSTER_H_
#define LOCKSTEP_VERIFIER_ROSTER_H_

#include <cstddef>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "model/digest.h"
#include "model/error.h"
#include "model/lsn.h"
#include "model/verdict.h"
#include "verifier/expectation_queue.h"
#include "verifier/listener_judge.h"
#include "verifier/oracle.h"
#include "wire/message.h"

namespace lockstep::verifier {

class Roster {
 public:
  struct Member {
    wire::Join join;
    std::unique_ptr<ListenerJudge> judge;  // since Attach was sent
    model::Lsn accepted;
    bool has_attached() const { return judge && judge->has_attached(); }
  };

  // `queue_bytes_max`: memory for what waits for listeners that lag; more goes to files.
  explicit Roster(std::size_t queue_bytes_max);

  // ---- input ----
  // False when one of this name is there.
  bool Join(const std::string& peer, const wire::Join& join);
  // Attach goes to it now: everything from here on is expected of it, from that state.
  void StartJudging(const std::string& peer, std::size_t view, model::Digest initial);
  void OnExpectation(const Expectation& expectation);
  // It reported everything up to `received`, and is gone.
  void OnLeave(const std::string& peer, model::Lsn received);
  // It is gone without a word. False: it was not there.
  bool OnLost(const std::string& peer);
  // Judges all, those that are gone too. An error: what was expected could not be kept.
  model::Result<void> Judge(const Oracle& oracle);

  // ---- output ----
  using Members = std::map<std::string, Member>;
  Members& members() { return members_; }
  const Members& members() const { return members_; }
  // nullptr: it is not there.
  Member* Find(const std::string& peer);
  // nullptr: it has not said Hello.
  ListenerJudge* JudgeOf(const std::string& peer);
  std::size_t attached() const;

  // The first finding, with its listener's name and view.
  struct Found {
    std::string listener;
    std::size_t view = 0;
    Finding finding;
    bool is_gone = false;  // it cannot be asked
  };
  std::optional<Found> FirstFinding() const;

  // Every commit up to it has been judged for every listener that is there; 0 while one attaches.
  model::Lsn JudgedByAll(model::Lsn frontier) const;
  // ... for the one that has come farthest; `frontier` when nobody has attached.
  model::Lsn JudgedByFirst(model::Lsn frontier) const;
  // Nobody has more to say about commits up to `lsn`.
  bool HaveAgreedUpTo(model::Lsn lsn) const;
  // At least one was there to the end, or was judged for something before it left.
  bool WasAnybodyJudged() const;

  // Whom the run waits for: that has not attached; that has not reported. Empty: nobody.
  std::string WhoAttaches() const;
  std::string WhoLags() const;
  // Tables that could not be followed, and listeners that were lost and have not come back.
  std::string DescribeGaps() const;
  // Those that were lost, and came back: a converged run says so.
  std::string DescribeReturns() const;
  // Those that have gone, in that order; then those that are there, by name.
  std::vector<model::ListenerResult> Results() const;

 private:
  struct Gone {
    std::string peer;
    Member member;
  };
  void Go(const std::string& peer, model::Lsn received, bool is_lost);
  bool HasComeBack(const std::string& peer) const { return members_.contains(peer); }

  std::shared_ptr<QueueBudget> budget_;
  Members members_;
  std::list<Gone> leaving_;  // not yet judged for all they said
  std::vector<model::ListenerResult> gone_;
};

}  // namespace lockstep::verifier

#endif  // LOCKSTEP_VERIFIER_ROSTER_H_
