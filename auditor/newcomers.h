// Tables that come into being while others are followed. Such a table began empty: it is followed
// from its first change on, and nothing has to be copied.
#ifndef LOCKSTEP_AUDITOR_NEWCOMERS_H_
#define LOCKSTEP_AUDITOR_NEWCOMERS_H_

#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "consumer/locked_tables.h"
#include "model/error.h"
#include "model/exclusion.h"
#include "model/ids.h"
#include "postgres/connection.h"
#include "postgres/relation_reader.h"
#include "postgres/table_activity.h"
#include "replication/relation_map.h"

namespace lockstep::auditor {

struct Newcomer {
  replication::NewTable table;
  // Nothing but its oid where it was altered or renamed before it was looked at: whether it began
  // empty, in this form, only its rows can tell.
  postgres::TableActivity activity;
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

  // What has the name after `xid`. nullopt: nothing, or it cannot be told now. Blocks until others
  // see what that transaction did, for 2 s at most.
  std::optional<Sighting> Look(const consumer::AttachScope& scope, const postgres::TableName& table,
                               model::Xid xid);

  // Is to be followed once its transaction is applied. Of a name the last one counts.
  void Add(Newcomer newcomer);
  // Those of a transaction, in the order in which they came.
  std::vector<Newcomer> Take(model::Xid xid);
  // Their transactions will come again.
  void Clear() { waiting_.clear(); }

 private:
  model::Result<std::optional<Sighting>> TryLook(const consumer::AttachScope& scope,
                                                 const postgres::TableName& table, model::Xid xid);

  std::string conninfo_;
  std::string application_name_;
  std::function<void()> let_go_;
  std::optional<postgres::Connection> sql_;  // idle, without locks
  std::vector<Newcomer> waiting_;
};

}  // namespace lockstep::auditor

#endif  // LOCKSTEP_AUDITOR_NEWCOMERS_H_
