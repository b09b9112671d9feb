// A consumer of whatever lies in a scope, by each output plugin: two schemas, s and one with an odd
// name, and publications of everything.
#ifndef LOCKSTEP_TESTS_CONSUMER_SCOPE_FIXTURE_H_
#define LOCKSTEP_TESTS_CONSUMER_SCOPE_FIXTURE_H_

#include <gtest/gtest.h>

#include <cstdint>
#include <map>
#include <string>

#include "consumer/consumer.h"
#include "model/database.h"
#include "model/output_plugin.h"
#include "postgres/table_scope.h"
#include "replication/follow_policy.h"
#include "tests/consumer/consumer_fixture.h"

namespace lockstep::consumer {

using postgres::TableScope;

class ScopeFixture : public ConsumerFixture, public testing::WithParamInterface<const char*> {
 protected:
  void SetUp() override {
    ConsumerFixture::SetUp();
    Write(
        "DROP SCHEMA IF EXISTS \"Od.d \"\"one\" CASCADE; CREATE SCHEMA \"Od.d \"\"one\";"
        "CREATE TABLE \"Od.d \"\"one\".\"T.\"\"q\"\" \"(\"I.d\" int PRIMARY KEY, \"N \"\"q\" text);"
        "CREATE TABLE \"Od.d \"\"one\".other(id int PRIMARY KEY);"
        "CREATE PUBLICATION everything FOR ALL TABLES");
  }
  void TearDown() override {
    Write("DROP PUBLICATION IF EXISTS everything; DROP SCHEMA \"Od.d \"\"one\" CASCADE");
    ConsumerFixture::TearDown();
  }
  static ConsumerOptions AuditOptions(const TableScope& scope = {}) {
    ConsumerOptions options = Options("scoped");
    options.plugin = GetParam();
    options.publications = {"everything"};
    options.scope = scope;
    options.policy = replication::FollowPolicy::kSetAside;
    return options;
  }
  static Follow AttachTo(const TableScope& scope = {}) {
    return Follow(Must(Consumer::Attach(AuditOptions(scope))));
  }
  // What the followed tables hold now: rows of the source, and of the replica.
  static void ExpectEqual(Follow& follow) {
    follow.UntilReceived(InsertLsn());
    const model::Database& replica = follow->replica().database();
    for (std::uint32_t i = 0; i < replica.table_count(); ++i) {
      EXPECT_EQ(replica.table(i).digest(), SourceDigestOf(*replica.table(i).relation(), Losses()))
          << replica.table(i).relation()->QualifiedName();
    }
  }
  static std::map<std::string, std::string> ReasonsOf(const Consumer& consumer) {
    std::map<std::string, std::string> reasons;
    for (const postgres::ExcludedTable& table : consumer.excluded())
      reasons[table.schema + "." + table.name] = table.reason;
    return reasons;
  }
  static model::LossSet Losses() {
    return model::LossesOf(GetParam(), {.server = Sql().server_version()});
  }
};

// "decoderbufs", ..., "pgoutputbinary".
inline std::string PluginTestName(const testing::TestParamInfo<const char*>& test) {
  std::string name = test.param;
  std::erase(name, '-');
  return name;
}

}  // namespace lockstep::consumer

#endif  // LOCKSTEP_TESTS_CONSUMER_SCOPE_FIXTURE_H_
