// What others waited for locks of an audit's, from what is seen of it now and then. Pure, without
// I/O.
#ifndef LOCKSTEP_LAUNCHER_WAIT_LOG_H_
#define LOCKSTEP_LAUNCHER_WAIT_LOG_H_

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "postgres/lookout.h"
#include "report/audit_result.h"

namespace lockstep::launcher {

class WaitLog {
 public:
  // A wait that is seen again has lasted longer.
  void Note(const std::vector<postgres::LockWait>& waits);
  // By statement and table, the longest first.
  std::vector<report::StatementWait> Sum() const;

 private:
  std::map<std::pair<int, std::string>, postgres::LockWait> waits_;  // by session and start
};

}  // namespace lockstep::launcher

#endif  // LOCKSTEP_LAUNCHER_WAIT_LOG_H_
