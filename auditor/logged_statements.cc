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

void AddLogged(const MaybeDdlLog& log, const model::Relation& table, Lsn known_at, Lsn until,
               TableFacts& facts) {
  if (!log) return;
  const postgres::TableName name{table.schema, table.name};
  facts.has_log = log->since <= known_at && !table.is_partitioned;
  const DdlEntry* rewrite = FirstRewrite(log, name, known_at);
  facts.logged_rewrite = rewrite && rewrite->lsn <= until;
  if (facts.has_log && !LastStatement(log, name, known_at)) {
    facts.altered = false;
    facts.renamed = false;
  }
}

}  // namespace lockstep::auditor
