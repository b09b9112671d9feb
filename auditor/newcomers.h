// Tables that come into being while others are followed. Such a table began empty: it is followed
// from its first change on, and nothing has to be copied.
#ifndef LOCKSTEP_AUDITOR_NEWCOMERS_H_
#define LOCKSTEP_AUDITOR_NEWCOMERS_H_

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <utility>
#include <variant>
#include <vector>

#include "consumer/locked_tables.h"
#include "model/error.h"
#include "model/exclusion.h"
#include "model/ids.h"
#include "model/relation.h"
#include "postgres/connection.h"
#include "postgres/relation_reader.h"
#include "postgres/table_activity.h"
#include "postgres/table_scope.h"
#include "replication/relation_map.h"

namespace lockstep::auditor {

struct Newcomer {
  replication::NewTable table;
  postgres::TableActivity activity;
  // It may have had rows, or another form, before this change: only its rows can tell.
  bool may_begin_unseen = false;
  // And not so if this change empties it, which is all that was done to it since it was made.
  bool is_as_emptied = false;
  model::Xid xid;  // of its first change
};

// What has a name: a table that can be followed, or one that cannot.
using Sighting = std::variant<Newcomer, model::Exclusion>;

class Newcomers {
 public:
  // `let_go`: before the end of somebody's transaction is waited for.
  Newcomers(std::string conninfo, std::string application_name, std::function<void()> let_go)
      : conninfo_(std::move(conninfo)),
        application_name_(std::move(application_name)),
        let_go_(std::move(let_go)) {}

  // A transaction has come, in the order of commits.
  void OnReceived(model::Xid xid);
  // What comes from here on a new decoder decodes.
  void OnReconnected();
  // What was met, where that is what has the name after its transaction. nullopt: something else
  // has the name by now, or nothing, or it cannot be told. `may_begin_unseen`: not all of its
  // changes need have been sent so far. Blocks until others see what that transaction did, for 2 s
  // at most.
  std::optional<Sighting> Look(const consumer::AttachScope& scope,
                               const replication::Encounter& met, bool may_begin_unseen);

  // The table that was met, as it is by now, where it is the one of this OID. nullptr: it is not,
  // or it cannot be told. Blocks as Look.
  model::RelationPtr LookAgain(const consumer::AttachScope& scope,
                               const replication::Encounter& met, std::uint32_t oid);

  // Is to be followed once its transaction is applied. Of a name the last one counts.
  void Add(Newcomer newcomer);
  // Of the last one of this name that is to be followed; 0: there is none.
  std::uint32_t OidOf(const postgres::TableName& table) const;
  // Those of a transaction, in the order in which they came.
  std::vector<Newcomer> Take(model::Xid xid);
  // All tables that are there are known; later transactions will come again.
  void Clear();

 private:
  // The latest; some MB.
  static constexpr std::size_t kMaxReceived = 100'000;

  // What has a name: as one of the two lists of `tables`, or nothing.
  struct Seen {
    postgres::ScopeTables tables;
    std::optional<postgres::TableActivity> activity;  // of one that can be followed
  };
  model::Result<Seen> See(const consumer::AttachScope& scope, const replication::Encounter& met);
  model::Result<std::optional<Sighting>> TryLook(const consumer::AttachScope& scope,
                                                 const replication::Encounter& met,
                                                 bool may_begin_unseen);
  bool IsThatTable(const replication::Encounter& met, const postgres::TableActivity& now) const;
  bool MayHaveBeenMistaken(const replication::Encounter& met, model::Xid made_by) const;

  std::string conninfo_;
  std::string application_name_;
  std::function<void()> let_go_;
  std::optional<postgres::Connection> sql_;  // idle, without locks
  std::vector<Newcomer> waiting_;
  // Names under which a change may have been missed: what has them is not followed from there on.
  std::set<postgres::TableName> missed_;
  // On this connection: their order, by xid.
  std::deque<model::Xid> received_;
  std::unordered_map<std::uint32_t, std::uint64_t> places_;
  std::uint64_t next_place_ = 1;
};

}  // namespace lockstep::auditor

#endif  // LOCKSTEP_AUDITOR_NEWCOMERS_H_
