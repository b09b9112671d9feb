// Audits of a server of the suite's, which is looked at behind each test: nothing may be left.
#ifndef LOCKSTEP_TESTS_INTEGRATION_AUDIT_FIXTURE_H_
#define LOCKSTEP_TESTS_INTEGRATION_AUDIT_FIXTURE_H_

#include <string>
#include <vector>

#include "postgres/connection.h"
#include "tests/integration/audit_run.h"
#include "tests/integration/footprint.h"
#include "tests/postgres/cluster_fixture.h"

namespace lockstep::integration {

class AuditFixture : public postgres::ClusterFixture {
 protected:
  // The one that is audited.
  explicit AuditFixture(std::string database = "postgres");
  void TearDown() override;

  // Of this database, unless `arguments` begin with another source.
  AuditRun Start(std::vector<std::string> arguments, const std::vector<std::string>& command,
                 const std::string& user = "postgres");
  AuditEnded Audit(std::vector<std::string> arguments, const std::vector<std::string>& command,
                   const std::string& user = "postgres");

  // Commands. Each statement is a transaction.
  static std::vector<std::string> Psql(const std::string& sql);
  static std::vector<std::string> Shell(const std::string& script);

  std::string Conninfo(const std::string& user = "postgres") const;
  postgres::Connection Open(const std::string& user = "postgres") const;
  void Execute(const std::string& sql) const;
  std::string Scalar(const std::string& sql) const;

  // The test's own, and files in it.
  std::string Path(const std::string& name) const { return directory_ + "/" + name; }
  // What audits make on the server, and the user's publications.
  std::string Left() const;
  // What Left is to say at the end of a test.
  std::string stays_;

 private:
  std::string database_;
  std::string directory_;
  int runs_ = 0;
};

// Makes a table that is read anew, since it had rows under another name; and with it all that were
// to be read before.
inline std::string MakeReadAnew(const std::string& schema, const std::string& name) {
  return "CREATE TABLE " + schema + ".earlier(id int PRIMARY KEY); INSERT INTO " + schema +
         ".earlier VALUES (0); ALTER TABLE " + schema + ".earlier RENAME TO " + name +
         "; INSERT INTO " + schema + "." + name + " VALUES (1);";
}

// Of tables in the schema app.
class AppAuditFixture : public AuditFixture {
 protected:
  void SetUp() override { Execute("CREATE SCHEMA app"); }
  void TearDown() override {
    AuditFixture::TearDown();
    Execute("DROP SCHEMA app CASCADE");
  }

  static void WaitUntilReadAnew(const AuditRun& run, const std::string& plugin,
                                const std::string& table) {
    WaitUntil(plugin + " has read " + table, [&] {
      const std::string output = run.output();
      const auto at = output.find("lockstep: " + plugin + ": " + table + " was made");
      return at != std::string::npos && output.find("read anew at", at) < output.find('\n', at);
    });
  }
  static void WaitUntilAttached(const AuditRun& run) {
    WaitUntil("all have attached",
              [&] { return run.output().find("lockstep: attached") != std::string::npos; });
  }
};

}  // namespace lockstep::integration

#endif  // LOCKSTEP_TESTS_INTEGRATION_AUDIT_FIXTURE_H_
