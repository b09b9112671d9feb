// The replica, and the stream that it is kept from: attach, follow up to a limit, attach anew where
// the stream cannot be followed over what happened to the tables.
#ifndef LOCKSTEP_AUDITOR_FOLLOWING_H_
#define LOCKSTEP_AUDITOR_FOLLOWING_H_

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "auditor/last_writers.h"
#include "auditor/ledger.h"
#include "auditor/process_options.h"
#include "consumer/attach_patience.h"
#include "consumer/attach_snapshot.h"
#include "consumer/consumer.h"
#include "consumer/reconnect_pace.h"
#include "consumer/sabotage.h"
#include "model/change.h"
#include "model/error.h"
#include "model/lsn.h"
#include "postgres/table_activity.h"
#include "replication/replica.h"
#include "wire/peer.h"
#include "wire/poller.h"
#include "wire/watched_fd.h"

namespace lockstep::auditor {

class Following {
 public:
  // All of it must outlive it. `on_wait` is told what an attach waits for.
  Following(const ProcessOptions& options, model::PluginVersion version, Ledger& ledger,
            consumer::OnAttachWait on_wait);

  // Makes the publications and attaches. Blocks.
  model::Result<void> Attach();
  // Drops what was made. Blocks.
  model::Result<void> Detach();
  // The same again behind what happened. Blocks.
  model::Result<void> AttachAnew(const std::string& reason);

  // Status updates, and all that can be read and applied now. After an error it is over.
  model::Result<void> Turn(wire::Time now);
  // Not empty: the stream cannot be followed on, for this reason; AttachAnew.
  const std::string& stuck() const { return stuck_; }

  // Nothing beyond `limit` is applied, though read on up to a bound; nullopt: no limit.
  void SetLimit(std::optional<model::Lsn> limit) { limit_ = limit; }
  // The replica holds all that was committed up to `lsn`, at or above any limit set.
  bool HasReached(model::Lsn lsn) const;

  bool is_connected() const { return consumer_ && consumer_->fd() >= 0; }
  const consumer::AttachScope& scope() const { return scope_; }
  replication::Replica& replica() { return consumer_->replica(); }
  model::Lsn received() const { return consumer_ ? consumer_->received() : model::Lsn{}; }
  const LastWriters& writers() const { return writers_; }
  const std::optional<consumer::Saboteur>& saboteur() const { return saboteur_; }

  // ---- of tables of the replica ----
  // It cannot be judged any longer: its changes are passed over, it is not to be compared.
  void LeaveOut(std::uint32_t table);
  const std::set<std::uint32_t>& left_out() const { return left_out_; }
  bool IsInsertOnly(std::uint32_t table) const { return insert_only_.contains(table); }
  bool IsBlind(std::uint32_t table) const { return blind_.contains(table); }
  bool SawTruncate(std::uint32_t table) const { return truncated_.contains(table); }
  // As it was when the tables had just been copied.
  const postgres::TableActivity& FirstActivity(std::uint32_t table) const {
    return activity_[table];
  }

  // When Turn has something to do if nothing else happens; `now`: at once.
  wire::Time NextDeadline(wire::Time now) const;
  void Watch(wire::Poller& poller);
  void Unwatch(wire::Poller& poller) { watched_.Watch(poller, -1, {}); }
  // Whether transactions came in the last turn: more may be gathering.
  bool took_some() const { return took_some_; }

 private:
  model::Result<void> AttachOnce();
  model::Result<bool> PublishedTooLate();
  model::Result<void> MakePublications();
  model::Result<void> DropPublications();
  using ActivityByName = std::map<std::string, postgres::TableActivity>;  // by qualified name
  model::Result<ActivityByName> ReadActivity();
  void ReadFacts(const ActivityByName& before);
  std::set<std::uint32_t> Numbers(const std::vector<postgres::TableName>& tables);
  bool WantsToRead() const;
  model::Result<void> Reconnect(wire::Time now);
  model::Result<void> ReadStream();
  model::Result<void> ApplyWaiting();
  model::Result<void> Take(model::Transaction transaction);
  void Apply(const model::Transaction& transaction);
  bool SettleMisfit(const model::Transaction& transaction, const replication::Misfit& misfit);
  void OnSetAside(const replication::SetAsideTable& table);
  bool HasNewForm(std::uint32_t table);
  bool HasNewFile(std::uint32_t table);
  void NoteTruncations(const model::Transaction& transaction);

  const ProcessOptions& options_;
  consumer::AttachScope scope_;
  Ledger& ledger_;
  consumer::OnAttachWait on_wait_;
  std::optional<consumer::Saboteur> saboteur_;

  std::optional<consumer::Consumer> consumer_;
  LastWriters writers_;
  std::set<std::uint32_t> left_out_;
  std::set<std::uint32_t> insert_only_;
  std::set<std::uint32_t> blind_;
  std::set<std::uint32_t> truncated_;  // by a TRUNCATE of the stream
  std::vector<postgres::TableActivity> activity_;
  std::size_t set_aside_seen_ = 0;  // of the replica's

  std::optional<model::Lsn> limit_;
  std::deque<model::Transaction> waiting_;  // received, not yet applied
  std::size_t waiting_changes_ = 0;         // of them, each transaction counted as one more
  std::string stuck_;
  wire::WatchedFd watched_;
  bool more_to_read_ = false;
  bool took_some_ = false;
  consumer::ReconnectPace reconnect_pace_;
};

}  // namespace lockstep::auditor

#endif  // LOCKSTEP_AUDITOR_FOLLOWING_H_
