// One real server for all tests of a suite.
#ifndef LOCKSTEP_TESTS_POSTGRES_CLUSTER_FIXTURE_H_
#define LOCKSTEP_TESTS_POSTGRES_CLUSTER_FIXTURE_H_

#include <gtest/gtest.h>

#include <map>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>

#include "model/error.h"
#include "postgres/connection.h"
#include "postgres/local_cluster.h"
#include "tests/postgres/await.h"

namespace lockstep::postgres {

// The value, or a throw that GoogleTest reports with the error's message.
template <typename T>
T Must(model::Result<T> result) {
  if (!result) throw std::runtime_error(result.error().message);
  if constexpr (!std::is_void_v<T>) return std::move(*result);
}

// As a user's session is, where names without a schema are those of public.
inline Connection AsUser(Connection connection) {
  Must(connection.Execute("SET search_path = \"$user\", public"));
  return connection;
}

class ClusterFixture : public ::testing::Test {
 public:
  static void SetUpTestSuite() { cluster_.emplace(Must(LocalCluster::Start())); }
  static void TearDownTestSuite() { cluster_.reset(); }

 protected:
  static LocalCluster& cluster() { return *cluster_; }
  static Connection Sql() { return AsUser(Ours()); }
  // As the programs have it.
  static Connection Ours() { return Must(Connection::Open(cluster_->uri(), ConnectionKind::kSql)); }
  static Connection Replication() {
    return Must(Connection::Open(cluster_->uri(), ConnectionKind::kReplication));
  }
  // Until a session waits for a lock on this table (quoted where it needs to be).
  static void AwaitWaiterFor(const std::string& table) {
    Connection sql = Sql();
    const std::string count =
        "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = '" + table + "'::regclass";
    Await("somebody waits for table " + table, [&] { return Must(sql.Scalar(count)) != "0"; });
  }

 private:
  inline static std::optional<LocalCluster> cluster_;
};

}  // namespace lockstep::postgres

#endif  // LOCKSTEP_TESTS_POSTGRES_CLUSTER_FIXTURE_H_
