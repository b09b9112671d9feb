// A database whose unprivileged role lies in wait for a superuser (hostile.sql): nothing of what it
// made runs with a superuser's rights, whatever `lockstep` does there.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <cstddef>
#include <cstdio>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <string>
#include <vector>

#include "postgres/connection.h"
#include "tests/integration/audit_fixture.h"
#include "tests/integration/audit_run.h"
#include "tests/postgres/cluster_fixture.h"

namespace lockstep::integration {
namespace {

using postgres::Must;
using testing::HasSubstr;
using testing::Not;

struct Printed {
  int exit_code = 0;
  std::string output;
};

Printed RunShell(const std::string& command) {
  Printed printed;
  FILE* pipe = popen((command + " 2>&1").c_str(), "r");
  for (int c = 0; (c = std::fgetc(pipe)) != EOF;) printed.output += static_cast<char>(c);
  printed.exit_code = WEXITSTATUS(pclose(pipe));
  return printed;
}

class HostileTest : public AuditFixture {
 protected:
  HostileTest() : AuditFixture("hostile") {}
  static void SetUpTestSuite() {
    AuditFixture::SetUpTestSuite();
    Must(Ours().Execute("CREATE DATABASE hostile"));
    const Printed made = RunShell(fmt::format(
        "psql -X -q -v ON_ERROR_STOP=1 -f tests/integration/hostile.sql 'host={} user=postgres "
        "dbname=hostile'",
        cluster().directory()));
    if (made.exit_code != 0) throw std::runtime_error(made.output);
  }
  void SetUp() override { looked_at_ = Log().size(); }

  // What was caught since the test began.
  std::string Caught() const {
    std::string caught;
    const std::string log = Log().substr(looked_at_);
    for (std::size_t at = log.find("trap: "); at != log.npos; at = log.find("trap: ", at + 1))
      caught += log.substr(at, log.find('\n', at) + 1 - at);
    return caught;
  }
  Printed Lockstep(const std::string& arguments) const {
    return RunShell(fmt::format("launcher/lockstep {}", arguments));
  }
  std::string Database() const { return fmt::format("--database '{}'", Conninfo()); }

  // Changes that the role itself makes.
  static std::vector<std::string> Mallory(const std::string& sql) {
    return {"env",
            "PGUSER=mallory",
            "PGOPTIONS=-c search_path=pg_catalog",
            "psql",
            "-X",
            "-q",
            "-v",
            "ON_ERROR_STOP=1",
            "-c",
            sql};
  }

 private:
  static std::string Log() {
    std::ifstream file(cluster().log_path());
    return {std::istreambuf_iterator<char>(file), {}};
  }
  std::size_t looked_at_ = 0;
};

constexpr const char* kChanges =
    "INSERT INTO public.t(id, feeling) SELECT n, 'bad' FROM generate_series(2, 50) n;"
    "UPDATE public.t SET many = '{bad}' WHERE id % 2 = 0; DELETE FROM public.t WHERE id > 40;"
    "INSERT INTO public.made SELECT n FROM generate_series(2, 50) n;"
    "INSERT INTO public.root SELECT n, 'v' FROM generate_series(2, 50) n";

TEST_F(HostileTest, ASessionThatTrustsTheSearchPathIsCaught) {
  RunShell(fmt::format("psql -X -c 'SELECT count(*) FROM pg_class' '{}'", Conninfo()));
  EXPECT_THAT(Caught(), HasSubstr("ran as postgres"));
}

TEST_F(HostileTest, ARunIsNot) {
  const Printed run = Lockstep("run " + Database() + " --plugin all --transactions 500");
  EXPECT_EQ(run.exit_code, 0) << run.output;
  EXPECT_THAT(run.output, HasSubstr("CONVERGED"));
  EXPECT_EQ(Caught(), "");
}

TEST_F(HostileTest, DoctorIsNot) {
  const Printed doctor = Lockstep("doctor " + Database());
  EXPECT_THAT(doctor.output, HasSubstr("public.t"));
  EXPECT_EQ(Caught(), "");
}

TEST_F(HostileTest, SlotsAreNot) {
  Must(
      Ours().Execute("SELECT pg_create_logical_replication_slot('lockstep_deadbeef_1', "
                     "'pgoutput')"));
  const Printed slots = Lockstep("slots " + Database());
  EXPECT_THAT(slots.output, HasSubstr("lockstep_deadbeef_1"));
  const Printed pruned = Lockstep("slots prune " + Database());
  Must(Ours().Execute("SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots"));
  EXPECT_EQ(Caught(), "");
}

TEST_F(HostileTest, AnAuditIsNotAndSaysWhatItCannotRead) {
  const AuditEnded ended = Audit({"--plugin=all"}, Mallory(kChanges));
  EXPECT_EQ(ended.exit_code, 0) << ended.output;
  EXPECT_EQ(Caught(), "");
  for (const auto& listener : ended.report.at("listeners")) {
    const std::string plugin = listener["plugin"];
    for (const auto& table : listener["tables"]) {
      const std::string name = table["table"];
      // Before 18 pgoutput sends no generated column, so that none has to be read.
      if (name == "made" && !plugin.starts_with("pgoutput")) {
        EXPECT_THAT(table["reason"], HasSubstr("generated columns can only be read by a query"));
      } else if (name != "root" && !plugin.ends_with("binary")) {
        EXPECT_EQ(table["status"], "equal") << plugin << table;
      }
    }
  }
}

TEST_F(HostileTest, AnAuditOfARootIsNot) {
  Must(
      Open().Execute("CREATE PUBLICATION roots FOR TABLE public.root WITH "
                     "(publish_via_partition_root)"));
  const AuditEnded ended =
      Audit({"--plugin=pgoutput", "--publication=roots"},
            Mallory("INSERT INTO public.root SELECT n, 'w' FROM generate_series(100, 150) n"));
  EXPECT_EQ(ended.exit_code, 0) << ended.output;
  EXPECT_EQ(ended.Status("root"), "equal") << ended.output;
  EXPECT_EQ(Caught(), "");
  Must(Open().Execute("DROP PUBLICATION roots"));
}

// A row that differs is shown without the transaction that wrote it: to ask for that is a query.
TEST_F(HostileTest, AnAuditThatFindsADifferenceIsNot) {
  const AuditEnded ended =
      Audit({"--plugin=pgoutput", "--tables=t", "--sabotage=drop-change"},
            Mallory("DO $$ BEGIN FOR i IN 1000..1060 LOOP INSERT INTO public.t(id) VALUES (i), "
                    "(i + 1000); COMMIT; END LOOP; END $$"));
  EXPECT_EQ(ended.exit_code, 2) << ended.output;
  EXPECT_THAT(ended.output, Not(HasSubstr("written by xid")));
  EXPECT_EQ(Caught(), "");
}

}  // namespace
}  // namespace lockstep::integration
