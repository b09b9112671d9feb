// Runs of `lockstep`, each in a directory of its own, on a server of their own or on the suite's.
#ifndef LOCKSTEP_TESTS_INTEGRATION_LOCKSTEP_FIXTURE_H_
#define LOCKSTEP_TESTS_INTEGRATION_LOCKSTEP_FIXTURE_H_

#include <gtest/gtest.h>

#include <filesystem>
#include <string>

#include "tests/integration/lockstep_run.h"
#include "tests/postgres/cluster_fixture.h"

namespace lockstep::integration {

using postgres::Must;

// Base: ::testing::Test, or a fixture with a server.
template <typename Base>
class RunsOn : public Base {
 protected:
  void SetUp() override {
    Base::SetUp();
    directory_ = std::filesystem::path(::testing::TempDir()) /
                 ::testing::UnitTest::GetInstance()->current_test_info()->name();
    std::filesystem::remove_all(directory_);
  }
  void TearDown() override {
    // Clusters are kept with the logs: many megabytes each.
    std::filesystem::remove_all(directory_);
    Base::TearDown();
  }

  LockstepRun Start(const Plan& plan) {
    const std::filesystem::path directory = directory_ / std::to_string(++runs_);
    std::filesystem::create_directories(directory);
    return LockstepRun(plan, directory);
  }
  Ended Run(const Plan& plan) { return Start(plan).End(); }

 private:
  std::filesystem::path directory_;
  int runs_ = 0;
};

// On servers of their own.
using LockstepFixture = RunsOn<::testing::Test>;

// On the suite's server, as --database.
class DatabaseFixture : public RunsOn<postgres::ClusterFixture> {
 protected:
  LockstepRun Start(Plan plan) {
    if (plan.database.empty()) plan.database = cluster().uri();
    plan.keep = true;
    return RunsOn::Start(plan);
  }
  Ended Run(const Plan& plan) { return Start(plan).End(); }

  static std::string Scalar(const std::string& sql) { return Must(Sql().Scalar(sql)); }

  // Every slot, schema and publication on the server that is a run's.
  static std::string LeftOnServer() {
    return Scalar(
        "SELECT coalesce(string_agg(name, ' '), '') FROM ("
        "SELECT 'slot ' || slot_name FROM pg_replication_slots UNION ALL "
        "SELECT 'publication ' || pubname FROM pg_publication UNION ALL "
        "SELECT 'schema ' || nspname FROM pg_namespace WHERE nspname LIKE 'lockstep%') AS n(name)");
  }

  // Returns when the run has generated, and some of its sessions committed, so many transactions.
  static void WaitForTransaction(const LockstepRun& run, int id) {
    const std::string schema = run.schema();
    WaitUntil("transaction " + std::to_string(id) + " has committed", [&] {
      const std::string table = schema + ".session";
      if (Scalar("SELECT count(to_regclass('" + table + "'))") == "0") return false;
      return std::stoi(Scalar("SELECT max(transaction_id) FROM " + table)) >= id;
    });
  }
};

}  // namespace lockstep::integration

#endif  // LOCKSTEP_TESTS_INTEGRATION_LOCKSTEP_FIXTURE_H_
