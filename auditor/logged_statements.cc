#include "auditor/logged_statements.h"

namespace lockstep::auditor {

using model::Lsn;
using postgres::DdlEntry;

const DdlEntry* FirstRewrite(const MaybeDdlLog& log, const postgres::TableName& table,
                             Lsn copied_at) {
  if (!log) return nullptr;
  for (const DdlEntry& entry : log->entries) {
    if (entry.is_rewrite && entry.table == table && entry.lsn > copied_at) return &entry;
  }
  return nullptr;
}

const DdlEntry* LastStatement(const MaybeDdlLog& log, const postgres::TableName& table,
                              std::optional<Lsn> copied_at) {
  if (!log) return nullptr;
  const DdlEntry* last = nullptr;
  bool makes = false;
  for (const DdlEntry& entry : log->entries) {
    if (entry.is_drop || !(entry.table == table)) continue;
    if (copied_at && entry.lsn <= *copied_at) continue;
    // What was done to a new table is not why it is new.
    const bool is_making = entry.tag != "ALTER TABLE";
    if (!copied_at && makes && !is_making) continue;
    makes = is_making;
    last = &entry;
  }
  return last;
}

void AddLogged(const MaybeDdlLog& log, const model::Relation& table, Lsn copied_at, Lsn until,
               TableFacts& facts) {
  if (!log) return;
  facts.has_log = log->since <= copied_at && !table.is_partitioned;
  const DdlEntry* rewrite = FirstRewrite(log, {table.schema, table.name}, copied_at);
  facts.logged_rewrite = rewrite && rewrite->lsn <= until;
}

}  // namespace lockstep::auditor
