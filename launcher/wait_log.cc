#include "launcher/wait_log.h"

#include <algorithm>
#include <tuple>

namespace lockstep::launcher {

void WaitLog::Note(const std::vector<postgres::LockWait>& waits) {
  for (const postgres::LockWait& wait : waits)
    waits_.insert_or_assign(std::pair(wait.pid, wait.since), wait);
}

std::vector<report::StatementWait> WaitLog::Sum() const {
  std::map<std::pair<std::string, std::string>, report::StatementWait> sums;
  for (const auto& [key, wait] : waits_) {
    const std::string table = wait.table ? wait.table->QualifiedName() : "";
    report::StatementWait& sum = sums[{wait.statement, table}];
    sum.statement = wait.statement;
    sum.table = table;
    ++sum.count;
    sum.total_s += wait.waited_s;
    sum.longest_s = std::max(sum.longest_s, wait.waited_s);
  }
  std::vector<report::StatementWait> sorted;
  for (auto& [key, sum] : sums) sorted.push_back(std::move(sum));
  std::ranges::sort(sorted, [](const auto& left, const auto& right) {
    if (left.longest_s != right.longest_s) return left.longest_s > right.longest_s;
    return std::tie(left.statement, left.table) < std::tie(right.statement, right.table);
  });
  return sorted;
}

}  // namespace lockstep::launcher
