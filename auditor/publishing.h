// The publications of one audit: made, kept up to date with the tables, dropped. Where the plugin
// has none, or the user named one, nothing is done. Blocks.
#ifndef LOCKSTEP_AUDITOR_PUBLISHING_H_
#define LOCKSTEP_AUDITOR_PUBLISHING_H_

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "auditor/process_options.h"
#include "consumer/attach_patience.h"
#include "consumer/locked_tables.h"
#include "model/error.h"
#include "postgres/connection.h"
#include "postgres/publication.h"
#include "postgres/relation_reader.h"
#include "postgres/table_scope.h"

namespace lockstep::auditor {

class Publishing {
 public:
  // The options must outlive it.
  explicit Publishing(const ProcessOptions& options) : options_(options) {}

  // Makes them, of the tables that are there, and names them in the scope. Waits where a table is
  // being altered.
  model::Result<void> Make(consumer::AttachScope& scope, const consumer::OnAttachWait& on_wait);
  // Adds the tables that came since. Those that somebody is altering are to be tried again.
  model::Result<postgres::ScopeUpdate> Update(const consumer::AttachScope& scope);
  // The same of one table that came just now, where that can be done at once.
  void Add(const consumer::AttachScope& scope, const postgres::TableName& table);
  // Whether changes of a table may have been left out before the first one that came: only
  // publications of ours show the inserts of all.
  bool MayHideInserts(const consumer::AttachScope& scope);
  // Those of these tables, of which inserts alone are sent, that have an identity by which they
  // could be published wholly: they came into being, or got the identity, since the publications
  // were brought up to date.
  model::Result<std::vector<postgres::TableName>> Behind(
      const consumer::AttachScope& scope, const std::vector<postgres::TableName>& insert_only);
  model::Result<void> Drop();
  bool is_made() const { return made_; }

 private:
  model::Result<void> Connect();
  model::Result<void> TryAdd(const consumer::AttachScope& only);

  static constexpr std::chrono::milliseconds kShortestWait{200};

  const ProcessOptions& options_;
  bool made_ = false;
  std::optional<postgres::Connection> sql_;  // for single tables: idle, without locks
  // For a lock, longer after each failure: an autovacuum gives its up for one that waits.
  std::chrono::milliseconds lock_timeout_ = kShortestWait;
};

}  // namespace lockstep::auditor

#endif  // LOCKSTEP_AUDITOR_PUBLISHING_H_
