#include "auditor/judging.h"

#include <cstddef>
#include <map>

#include "auditor/comparison.h"
#include "auditor/logged_statements.h"
#include "model/database.h"
#include "model/lsn.h"
#include "model/relation.h"

namespace lockstep::auditor {
namespace {

// False: it is too early.
bool JudgeTable(Checkpoint& checkpoint, const ComparedTable& compared,
                const postgres::TableActivity& activity, Statistics statistics,
                Following& following, Ledger& ledger) {
  const std::uint32_t table = compared.table;
  const model::Lsn point = checkpoint.consistent_point();
  const model::RelationPtr relation = following.replica().database().table(table).relation();
  if (compared.comparison.mismatch_count() > 0) {
    TableFacts facts = following.Facts(table, activity);
    facts.statistics = statistics;
    AddLogged(checkpoint.locked().ddl_log, *relation, following.table(table).known_at, point,
              facts);
    const Explanation explanation = Explain(facts, compared.comparison);
    if (explanation == Explanation::kTooEarly) return false;
    if (IsExcuse(explanation)) {
      ledger.OnExcused(compared, *relation, following.writers(), point,
                       ExcuseReason(explanation, facts));
    }
    if (following.Excuse(table, explanation, facts, point)) return true;
  } else {
    following.OnEqual(table, activity, point);
  }
  ledger.OnTableCompared(compared, *relation, following.writers(), point);
  return true;
}

}  // namespace

std::uint64_t JudgeTables(Checkpoint& checkpoint,
                          const std::vector<postgres::TableActivity>& activity,
                          Statistics statistics, Following& following, Ledger& ledger) {
  const model::Database& replica = following.replica().database();
  const auto& followed = checkpoint.locked().tables.followed;
  std::map<std::uint32_t, const postgres::TableActivity*> by_table;
  for (std::size_t i = 0; i < activity.size(); ++i) {
    if (const auto table = replica.FindTable(followed[i]->schema, followed[i]->name))
      by_table.emplace(*table, &activity[i]);
  }
  following.OnSeen(checkpoint.locked());
  std::uint64_t too_early = 0;
  for (const ComparedTable& compared : checkpoint.comparison().compared()) {
    if (!JudgeTable(checkpoint, compared, *by_table.at(compared.table), statistics, following,
                    ledger))
      ++too_early;
  }
  return too_early;
}

}  // namespace lockstep::auditor
