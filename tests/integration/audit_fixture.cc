#include "tests/integration/audit_fixture.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <utility>

namespace lockstep::integration {

using postgres::Must;

AuditFixture::AuditFixture(std::string database)
    : database_(std::move(database)),
      directory_(::testing::TempDir() + "/" +
                 ::testing::UnitTest::GetInstance()->current_test_info()->name()) {
  std::filesystem::remove_all(directory_);
  std::filesystem::create_directories(directory_);
}

void AuditFixture::TearDown() {
  EXPECT_EQ(Left(), stays_);
  std::filesystem::remove_all(directory_);
}

AuditRun AuditFixture::Start(std::vector<std::string> arguments,
                             const std::vector<std::string>& command, const std::string& user) {
  const std::string directory = Path(fmt::format("{}.audit", ++runs_));
  std::filesystem::create_directories(directory);
  const bool has_source = !arguments.empty() && (arguments.front() == "--embedded" ||
                                                 arguments.front().starts_with("--database"));
  if (!has_source) arguments.push_back("--database=" + Conninfo(user));
  return AuditRun(std::move(arguments), command, directory);
}

AuditEnded AuditFixture::Audit(std::vector<std::string> arguments,
                               const std::vector<std::string>& command, const std::string& user) {
  return Start(std::move(arguments), command, user).End();
}

std::vector<std::string> AuditFixture::Psql(const std::string& sql) {
  return {"psql", "-q", "-v", "ON_ERROR_STOP=1", "-c", sql};
}

std::vector<std::string> AuditFixture::Shell(const std::string& script) {
  return {"sh", "-ec", script};
}

std::string AuditFixture::Conninfo(const std::string& user) const {
  return fmt::format("host={} user={} dbname={}", cluster().directory(), user, database_);
}

postgres::Connection AuditFixture::Open(const std::string& user) const {
  return postgres::AsUser(
      Must(postgres::Connection::Open(Conninfo(user), postgres::ConnectionKind::kSql)));
}

void AuditFixture::Execute(const std::string& sql) const { Must(Open().Execute(sql)); }

std::string AuditFixture::Scalar(const std::string& sql) const { return Must(Open().Scalar(sql)); }

std::string AuditFixture::Left() const {
  return Scalar(
      "SELECT coalesce(string_agg(name, ', '), '') FROM ("
      "SELECT 'slot ' || slot_name FROM pg_replication_slots UNION ALL "
      "SELECT 'publication ' || pubname FROM pg_publication UNION ALL "
      "SELECT 'event trigger ' || evtname FROM pg_event_trigger UNION ALL "
      "SELECT 'trigger on ' || tgrelid::regclass FROM pg_trigger WHERE tgname LIKE 'lockstep%' "
      "UNION ALL SELECT 'function ' || oid::regproc FROM pg_proc WHERE proname LIKE 'lockstep%' "
      "UNION ALL SELECT 'schema ' || nspname FROM pg_namespace WHERE nspname LIKE 'lockstep%' "
      "UNION ALL SELECT 'table ' || relname FROM pg_class WHERE relname LIKE 'lockstep%') "
      "n(name)");
}

}  // namespace lockstep::integration
