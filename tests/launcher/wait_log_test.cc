#include "launcher/wait_log.h"

#include <gtest/gtest.h>

#include <vector>

namespace lockstep::launcher {
namespace {

using postgres::LockWait;
using report::StatementWait;

TEST(WaitLog, AWaitThatIsSeenAgainIsOne) {
  const postgres::TableName t{"s", "T"};
  WaitLog log;
  log.Note({LockWait{7, "noon", 1, "ALTER TABLE", t}, LockWait{8, "noon", 0.5, "TRUNCATE", t}});
  log.Note({LockWait{7, "noon", 2, "ALTER TABLE", t}});
  log.Note({});
  log.Note({LockWait{7, "later", 0.5, "ALTER TABLE", t}, LockWait{9, "later", 4, "", {}}});
  EXPECT_EQ(log.Sum(), (std::vector<StatementWait>{{"", "", 1, 4, 4},
                                                   {"ALTER TABLE", "s.\"T\"", 2, 2.5, 2},
                                                   {"TRUNCATE", "s.\"T\"", 1, 0.5, 0.5}}));
}

}  // namespace
}  // namespace lockstep::launcher
