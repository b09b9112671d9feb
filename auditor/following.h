// The replica, and the stream that it is kept from: attach, follow up to a limit, take over tables
// that had to be read anew. Where nothing else helps, attach anew.
#ifndef LOCKSTEP_AUDITOR_FOLLOWING_H_
#define LOCKSTEP_AUDITOR_FOLLOWING_H_

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "auditor/explanation.h"
#include "auditor/last_writers.h"
#include "auditor/ledger.h"
#include "auditor/logged_statements.h"
#include "auditor/newcomers.h"
#include "auditor/process_options.h"
#include "auditor/publishing.h"
#include "consumer/attach_patience.h"
#include "consumer/consumer.h"
#include "consumer/locked_tables.h"
#include "consumer/reconnect_pace.h"
#include "consumer/sabotage.h"
#include "model/change.h"
#include "model/database.h"
#include "model/error.h"
#include "model/exclusion.h"
#include "model/ids.h"
#include "model/lsn.h"
#include "postgres/relation_reader.h"
#include "postgres/table_activity.h"
#include "replication/relation_map.h"
#include "replication/replica.h"
#include "wire/peer.h"
#include "wire/poller.h"
#include "wire/watched_fd.h"

namespace lockstep::auditor {

class Following {
 public:
  // All of it must outlive it. `on_wait` is told what an attach waits for. `let_go` is called
  // before the end of somebody's transaction is waited for, who may wait in turn for what this
  // process holds.
  Following(const ProcessOptions& options, model::PluginVersion version, Ledger& ledger,
            consumer::OnAttachWait on_wait, std::function<void()> let_go);

  // Makes the publications and attaches. Blocks.
  model::Result<void> Attach();
  // Drops what was made. Blocks.
  model::Result<void> Detach();
  // The same again behind what happened. Blocks.
  model::Result<void> AttachAnew(const std::string& reason);

  // ---- tables that are to be read anew, the others being followed on ----
  // The stream cannot be followed over what happened to this one, found at `lsn`: it `was made`,
  // `was altered` or the like. Until it is taken over its changes are passed over.
  void ReadAnew(const postgres::TableName& table, model::Lsn lsn, const std::string& reason);
  bool IsToBeReadAnew(const postgres::TableName& table) const;
  const std::set<postgres::TableName>& to_read_anew() const { return to_read_anew_; }
  bool has_some_to_read_anew() const { return !to_read_anew_.empty(); }
  // Tables that were made meanwhile, and are to be found equal before what differs in them is a
  // fault: the sooner, the better.
  bool has_doubtful() const { return has_doubtful_; }
  bool IsDoubtful(std::uint32_t table) const {
    return !tables_[table].left_out &&
           (tables_[table].began_unseen || tables_[table].published_late);
  }
  // After a comparison: some may have been found equal, or be there no longer.
  void LookForDoubtful();
  // It has the form `now`, which has the rows of the replica's, which keeps them, and another key.
  // False: they do not fit it, or are not followed.
  bool Rekey(const postgres::TableName& table, const model::RelationPtr& now);
  // As of `lsn`, where the replica is, these are all that can be followed, and TakeOver follows
  // where others were: what is not among them is not to be read.
  void ForgetUnfollowed(const std::vector<model::RelationPtr>& followed, model::Lsn lsn);
  // Before a snapshot is taken to read them: makes the server send them, and their truncations.
  // Blocks. Why some of them are not sent yet, which may pass: somebody was at work on them. It is
  // stuck where the publications were dropped.
  model::Result<std::optional<model::Error>> PublishNew();
  // Those of these tables, of which inserts alone are sent as of a snapshot, that could have been
  // published wholly: that snapshot came too early for them. Blocks.
  model::Result<std::vector<postgres::TableName>> PublishedLate(
      const std::vector<postgres::TableName>& insert_only) {
    return publishing_.Behind(scope_, insert_only);
  }
  // The replica has, at `consistent_point`, which it has reached, the tables of `locked`; those in
  // `copies` were read anew, with this activity (of those that could be read, in their order). The
  // stream is taken up behind that point. Blocks.
  model::Result<void> TakeOver(consumer::LockedTables& locked, model::Database& copies,
                               const std::vector<postgres::TableActivity>& activity,
                               model::Lsn consistent_point);

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

  // It cannot be judged any longer: its changes are passed over, it is not to be compared.
  void LeaveOut(std::uint32_t table);
  // The same of one whose keys the plugin does not show as they are, where it is followed.
  void ExcludeUnshown(const postgres::TableName& table, const std::string& reason) {
    const auto number = replica().database().FindTable(table.schema, table.name);
    if (!number || tables_[*number].left_out) return;
    ledger_.OnExcluded(table, {model::ExclusionKind::kUnshownKey, reason});
    LeaveOut(*number);
  }
  // What is known of a table of the replica besides its rows.
  struct Followed {
    std::uint64_t identity = 0;  // of its own among all that were ever followed
    model::Lsn copied_at;        // the snapshot that its rows came from
    model::Lsn known_at;         // that, or the last point at which its rows were equal
    bool left_out = false;       // see LeaveOut
    bool insert_only = false;    // its UPDATE and DELETE are not in the stream
    bool blind = false;          // nor is its TRUNCATE
    bool saw_truncate = false;   // since known_at
    // Of a newcomer, until its rows are found equal (auditor/explanation.h).
    bool is_new = false;
    bool began_unseen = false;
    bool published_late = false;
    postgres::TableActivity first;  // as it was at known_at
  };
  const Followed& table(std::uint32_t table) const { return tables_[table]; }
  // What is known of a table of the replica that differs, whose activity is `now`.
  TableFacts Facts(std::uint32_t table, const postgres::TableActivity& now) const;
  // Its rows are the source's at `point`, where it was `now`: what happened before explains nothing
  // any more.
  void OnEqual(std::uint32_t table, const postgres::TableActivity& now, model::Lsn point);
  // The tables that are there at the point of a comparison, before OnEqual of any. Theirs were no
  // changes of one that had another name meanwhile.
  void OnSeen(const consumer::LockedTables& seen);
  // What follows, from `lsn` on, where the stream could not show what happened: the table is left
  // out, or read anew. False: it is a fault, or too early.
  bool Excuse(std::uint32_t table, Explanation explanation, const TableFacts& facts,
              model::Lsn lsn);

  // When Turn has something to do if nothing else happens; `now`: at once.
  wire::Time NextDeadline(wire::Time now) const;
  void Watch(wire::Poller& poller);
  void Unwatch(wire::Poller& poller) { watched_.Watch(poller, -1, {}); }
  // Whether transactions came in the last turn: more may be gathering.
  bool took_some() const { return took_some_; }

 private:
  model::Result<void> AttachOnce();
  using ActivityByName = std::map<std::string, postgres::TableActivity>;  // by qualified name
  model::Result<ActivityByName> ReadActivity();
  model::Result<void> LeaveOutOwnTriggers(ActivityByName& before);
  void ReadFacts(const ActivityByName& before);
  void NoteTables();
  void SetWriters();
  const Followed* Find(const postgres::TableName& table);  // nullptr: it is not followed
  std::uint32_t OidOf(const postgres::TableName& table);   // 0: it is not known
  // What the decoder is told of a table that is not known; it is followed once its transaction is
  // applied.
  std::optional<replication::NewTable> Meet(const replication::Encounter& met);
  void Join(const Newcomer& newcomer, const model::Transaction& transaction);
  void ForgetStream();
  bool MayAttachAnew();
  bool WantsToRead() const;
  model::Result<void> Reconnect(wire::Time now);
  model::Result<void> ReadStream();
  model::Result<void> ApplyWaiting();
  model::Result<void> Take(model::Transaction transaction);
  void Apply(const model::Transaction& transaction);
  bool SettleMisfit(const model::Transaction& transaction, const replication::Misfit& misfit);
  // What the server tells of a table after what a transaction did to it.
  struct Sight {
    postgres::TableActivity activity;
    MaybeDdlLog ddl_log;
  };
  model::Result<Sight> LookAfter(model::Xid xid, std::uint32_t table);
  void OnSetAside(const replication::SetAsideTable& table, model::Xid xid);
  bool WasRenamed(const Followed& known, const postgres::TableActivity& now) const;
  void NoteTruncations(const model::Transaction& transaction);

  const ProcessOptions& options_;
  consumer::AttachScope scope_;
  Ledger& ledger_;
  consumer::OnAttachWait on_wait_;
  std::function<void()> let_go_;
  Publishing publishing_;
  std::optional<consumer::Saboteur> saboteur_;

  std::optional<consumer::Consumer> consumer_;
  std::vector<Followed> tables_;  // by the replica's numbers
  std::uint64_t identities_ = 0;  // given so far
  // Tables seen in the stream that were not followed, and where last. Unless they are there, one
  // that is followed had that name for a while.
  std::map<postgres::TableName, model::Lsn> strangers_;
  // Of those seen last.
  std::set<postgres::TableName> seen_insert_only_;
  std::set<postgres::TableName> seen_blind_;
  Newcomers newcomers_;
  bool has_doubtful_ = false;
  LastWriters writers_;
  std::set<postgres::TableName> to_read_anew_;
  std::size_t set_aside_seen_ = 0;  // of the replica's

  std::optional<model::Lsn> limit_;
  std::deque<model::Transaction> waiting_;  // received, not yet applied
  std::size_t waiting_bytes_ = 0;           // of them
  std::string stuck_;
  // By the server, for good: each time all is read anew behind it.
  int ended_streams_ = 0;
  wire::WatchedFd watched_;
  bool more_to_read_ = false;
  bool took_some_ = false;
  consumer::ReconnectPace reconnect_pace_;
};

}  // namespace lockstep::auditor

#endif  // LOCKSTEP_AUDITOR_FOLLOWING_H_
