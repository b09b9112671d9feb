#include "auditor/reading_anew.h"

#include <fmt/format.h>

#include <optional>
#include <string>

#include "auditor/form_changes.h"
#include "auditor/logged_statements.h"
#include "model/database.h"
#include "model/relation.h"
#include "postgres/ddl_log.h"
#include "postgres/relation_reader.h"

namespace lockstep::auditor {
namespace {

using postgres::DdlEntry;
using postgres::TableName;

std::optional<model::Lsn> CopiedAt(Following& following, const TableName& table) {
  const auto number = following.replica().database().FindTable(table.schema, table.name);
  return number ? std::optional(following.table(*number).copied_at) : std::nullopt;
}

// Found in the stream at the end of a transaction; the log has the statement itself.
void NameStatements(const MaybeDdlLog& log, Following& following, Ledger& ledger) {
  for (const TableName& table : following.to_read_anew()) {
    const auto copied_at = CopiedAt(following, table);
    const DdlEntry* entry = copied_at ? FirstRewrite(log, table, *copied_at) : nullptr;
    if (!entry) entry = LastStatement(log, table, copied_at);
    if (entry) ledger.OnStatement(table, entry->lsn, entry->tag);
  }
}

void FindRewrites(const consumer::LockedTables& locked, Following& following) {
  for (const model::RelationPtr& relation : locked.tables.followed) {
    const TableName table{relation->schema, relation->name};
    const auto copied_at = CopiedAt(following, table);
    if (!copied_at) continue;
    if (const DdlEntry* entry = FirstRewrite(locked.ddl_log, table, *copied_at))
      following.ReadAnew(table, entry->lsn, fmt::format("was rewritten by {}", entry->tag));
  }
}

}  // namespace

bool FindTablesToReadAnew(const consumer::LockedTables& locked, model::Lsn point,
                          Following& following, Ledger& ledger) {
  NameStatements(locked.ddl_log, following, ledger);
  FindRewrites(locked, following);
  const auto changes = FormChanges(following.replica().database(), locked.tables.followed);
  for (const auto& [table, change, now] : changes) {
    if (change == FormChange::kGone) continue;
    if (change == FormChange::kRekeyed && following.Rekey(table, now)) continue;
    const DdlEntry* entry = LastStatement(locked.ddl_log, table, CopiedAt(following, table));
    const std::string reason = fmt::format("was {}", ToString(change));
    following.ReadAnew(table, entry ? entry->lsn : point,
                       entry ? fmt::format("{} by {}", reason, entry->tag) : reason);
  }
  return !changes.empty();
}

}  // namespace lockstep::auditor
