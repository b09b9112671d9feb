// The run as the verifier sees it, without I/O: who is there, what is expected, who has been
// judged, and the verdict.
//
//   messages, commit records ──► Referee ──► messages to send, a verdict
//
// The process around it moves bytes, reads the WAL, and opens and compares snapshots of the source
// when asked to.
#ifndef LOCKSTEP_VERIFIER_REFEREE_H_
#define LOCKSTEP_VERIFIER_REFEREE_H_

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "model/catalog.h"
#include "model/commit_record.h"
#include "model/digest.h"
#include "model/error.h"
#include "model/ids.h"
#include "model/lsn.h"
#include "model/outcome.h"
#include "model/verdict.h"
#include "verifier/bracket_order.h"
#include "verifier/listener_judge.h"
#include "verifier/oracle.h"
#include "verifier/roster.h"
#include "verifier/source_check.h"
#include "wire/credit.h"
#include "wire/dropped_frames.h"
#include "wire/message.h"

namespace lockstep::verifier {

struct RefereeOptions {
  // The first credit is given when so many listeners have attached.
  std::size_t listeners = 1;
  wire::CreditWindow window;
  // Rows of so many of the latest commits, and so many bytes of their scripts, can still be looked
  // at when a listener that lags is found to differ. Above the window: one that keeps up is always
  // explained.
  wire::CreditWindow history = {.scripts = 32'768, .bytes = std::uint64_t{64} << 20};
  // Memory for what listeners that lag have yet to be judged for; more goes to files.
  std::size_t queue_bytes_max = std::size_t{64} << 20;
};

// The names of the others in the run; whoever else speaks is a listener.
inline constexpr const char* kGenerator = "generator";
inline constexpr const char* kApplier = "applier";

class Referee {
 public:
  explicit Referee(const RefereeOptions& options);

  // ---- input ----
  void OnMessage(const std::string& peer, wire::Message message, std::size_t bytes);
  void OnCommitRecords(std::span<const model::CommitRecord> records, model::Lsn scanned);
  // Where the commit order comes from; said once there is a catalog. kWal: OnCommitRecords gives
  // it, and the WAL is being read already. kBrackets: the applier is told to bracket commits.
  void OnCommitOrder(model::CommitOrderSource source);
  // A listener is gone without a word: another process has its name now, or it was silent for so
  // long that it is taken for gone (`what` says so). Only in its silence may it live: it is told.
  void OnRestart(const std::string& peer);
  void OnSilence(const std::string& peer, const std::string& what);
  // No more scripts are wanted: a verdict over what was done. False before the first credit.
  bool Finish();
  // Replays, judges, gives credit and acceptance.
  void Advance();

  struct Letter {
    std::string peer;
    wire::Message message;
  };
  std::vector<Letter> TakeLetters() { return std::exchange(letters_, {}); }

  // ---- barriers: wanted ─► OnSnapshot ─► (sessions go on) ─► standing ─► OnChecked ----
  bool WantsSnapshot() const { return barrier_ && !snapshot_open_; }
  void OnSnapshot();
  // The oracle stands exactly at the barrier: the snapshot can be compared.
  bool StandsAtBarrier() const;
  void OnChecked(const SourceCheck& check);
  // The snapshot was lost with its connection. The last barrier's is opened again, for nothing
  // happens behind it; an earlier one is gone and goes unchecked.
  void OnSnapshotLost();

  // ---- a finding: rows are asked for, the pipeline drains, then Conclude ----
  // Set once there is a finding that can be described.
  struct Investigation {
    std::string listener;
    std::size_t view = 0;  // of the listener, of the oracle
    Finding finding;
    std::optional<wire::RowsReply> reply;
  };
  const std::optional<Investigation>& investigation() const { return investigation_; }
  // The rows have come and every script sent has its outcome.
  bool IsReadyToConclude() const;
  void Conclude(model::FirstDivergence divergence);

  // What was found, or seems to agree, has a cause outside of the run.
  void Excuse(const std::string& reason);

  // Ends the run without a result: a process died, or nothing moves. Says whose turn it was.
  void GiveUp(const std::string& reason);

  // ---- output ----
  const std::optional<model::Verdict>& verdict() const { return verdict_; }
  // nullptr: none has come.
  const model::Catalog* catalog() const { return made_ ? &made_->catalog : nullptr; }
  bool is_ready() const { return ready_.has_value(); }
  // Whether what the listener gets depends on the run's publication.
  bool ReadsPublication(const std::string& listener) const;
  model::CommitOrderSource commit_order() const { return commit_order_; }
  // Valid once there is a catalog.
  const Oracle& oracle() const { return *oracle_; }
  // The run cannot go on; where a process of it said so, its name comes first.
  const std::optional<model::Error>& failure() const { return failure_; }
  // Listeners that owe a word: a Hello, or reports. True: it has attached.
  std::vector<std::pair<std::string, bool>> Debtors() const;
  // Grows with everything that brings the run forward.
  std::uint64_t progress() const { return progress_; }
  // Whom the run waits for.
  std::string WhoseTurn() const;
  std::vector<std::string> peers() const;
  decltype(wire::Status::counters) Counters() const;

 private:
  // A commit of the run, replayed.
  struct Replayed {
    model::Lsn end_lsn;
    std::size_t script_bytes = 0;
  };

  void On(wire::CatalogMade made);
  void On(wire::Ready ready);
  void On(const std::string& peer, const wire::Join& join);
  void On(const std::string& peer, const wire::Hello& hello);
  void On(const std::string& peer, const wire::Leave& leave);
  void On(const std::string& peer, const wire::RowsReply& reply);
  void On(const std::string& peer, const wire::Failure& failure);
  void On(model::Outcome outcome);
  void OnSettled(model::Lsn lsn);
  void OnMisfit(const std::string& peer, const wire::Misfit& misfit);
  void On(const wire::BarrierReached& reached);
  // What the applier said and may be taken now, in its order.
  void TakeFromApplier();
  // Whether it can be that the listener does not see truncations; those tables are watched then.
  bool MayBeBlind(const wire::Join& join, const wire::Hello& hello);

  void SendAttach(const std::string& peer);
  // For one that attaches while transactions run: which tables it is blind to is not known before
  // its Hello, and what was not watched until then cannot be judged.
  void WatchFor(const wire::Join& join);
  void JudgeListeners();
  // What the first listener has been judged for is credited; nobody waits for the last one.
  void CreditJudged();
  // What every listener has been judged for, or is too long ago, is forgotten.
  void ForgetJudged();
  void Investigate(Roster::Found found);
  // It is gone without a word. False: it was not there.
  bool Lose(const std::string& peer, const std::string& what);
  // The listener cannot be asked any more.
  void StopAsking(const std::string& peer);
  void ConvergeIfDone();
  // A verdict with everything that is known filled in.
  model::Verdict MakeVerdict(model::VerdictKind kind, std::string reason) const;

  RefereeOptions options_;
  wire::CreditGrantor credit_;
  std::optional<wire::CatalogMade> made_;
  model::CommitOrderSource commit_order_ = model::CommitOrderSource::kUnknown;
  std::optional<BracketOrder> brackets_;  // when it is kBrackets
  std::optional<Oracle> oracle_;
  std::optional<wire::Ready> ready_;
  Roster roster_;
  bool started_ = false;  // all listeners attached

  // What waits to be taken: a barrier while the one before is being checked, and all behind it.
  std::deque<std::variant<model::Outcome, wire::Settled, wire::BarrierReached>> from_applier_;

  std::deque<Replayed> uncredited_;
  std::deque<Replayed> remembered_;  // in the oracle's history
  std::uint64_t remembered_bytes_ = 0;
  model::Lsn last_commit_;  // of the run, replayed
  std::uint64_t judged_ = 0;
  std::uint64_t credited_rolled_back_ = 0;
  std::uint64_t credited_rolled_back_bytes_ = 0;

  std::optional<wire::BarrierReached> barrier_;
  std::uint64_t committed_before_barrier_ = 0;
  bool snapshot_open_ = false;
  std::uint64_t last_checked_ = 0;  // number of the last barrier that was checked
  std::optional<wire::End> end_;
  std::uint64_t rows_compared_ = 0;
  model::Digest source_;

  std::optional<Investigation> investigation_;
  std::optional<model::Verdict> verdict_;
  std::optional<model::Error> failure_;
  std::vector<Letter> letters_;
  std::uint64_t progress_ = 0;
  wire::DroppedFrames strangers_;
};

}  // namespace lockstep::verifier

#endif  // LOCKSTEP_VERIFIER_REFEREE_H_
