#include "auditor/comparison.h"

#include <utility>

namespace lockstep::auditor {

using model::Result;

namespace {

postgres::TableName NameOf(const model::Relation& relation) {
  return {relation.schema, relation.name};
}

}  // namespace

std::vector<postgres::TableToRead> Comparison::ToRead(const std::vector<TableTask>& tasks) {
  std::vector<postgres::TableToRead> tables;
  for (std::uint32_t i = 0; i < tasks.size(); ++i)
    tables.push_back({tasks[i].relation, i, tasks[i].bytes, tasks[i].form});
  return tables;
}

Comparison::Comparison(std::vector<postgres::TableReader> readers,
                       const std::vector<TableTask>& tasks, const model::Database& replica,
                       const model::Projection& projection)
    : copy_(copies_, projection),
      reader_(std::move(readers), ToRead(tasks)),
      watched_(reader_.connection_count()) {
  for (const TableTask& task : tasks) {
    if (task.compared_with) {
      const std::uint32_t table = *task.compared_with;
      tasks_.push_back({task.relation, ComparedTable{table, {replica.table(table), projection}}});
    } else {
      tasks_.push_back({task.relation, std::nullopt, copies_.AddTable(task.relation)});
    }
  }
}

void Comparison::OnRow(std::uint32_t number, postgres::TableRow row) {
  Task& task = tasks_[number];
  if (task.comparison) {
    task.comparison->comparison.Take(row);
  } else {
    copy_.OnRow(task.copy, std::move(row));
  }
}

bool Comparison::OnEnd(std::uint32_t number) {
  Task& task = tasks_[number];
  if (!task.comparison) return false;
  const TableComparison& comparison = task.comparison->comparison;
  if (task.comparison->comparison.EndPass()) return true;
  if (const auto& lost = comparison.unshown_key()) {
    unshown_keys_.emplace(NameOf(*task.relation), model::Describe(*task.relation, *lost));
    return false;
  }
  rows_compared_ += comparison.rows();
  compared_.push_back(std::move(*task.comparison));
  return false;
}

std::map<postgres::TableName, std::string> Comparison::UnshownKeys() const {
  auto all = unshown_keys_;
  for (const auto& [copy, reason] : copy_.unshown_keys())
    all.emplace(NameOf(*copies_.table(copy).relation()), reason);
  return all;
}

void Comparison::Watch(wire::Poller& poller) {
  for (std::size_t i = 0; i < watched_.size(); ++i) {
    const auto [fd, write] = reader_.awaited(i);
    watched_[i].Watch(poller, fd, {.read = true, .write = write});
  }
}

void Comparison::Unwatch(wire::Poller& poller) {
  for (wire::WatchedFd& watched : watched_) watched.Watch(poller, -1, {});
}

}  // namespace lockstep::auditor
