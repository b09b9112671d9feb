#include "postgres/local_cluster.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include "postgres/connection.h"
#include "tests/postgres/await.h"
#include "tests/postgres/cluster_fixture.h"

namespace lockstep::postgres {
namespace {

Connection Open(const LocalCluster& cluster) {
  return AsUser(Must(Connection::Open(cluster.uri(), ConnectionKind::kSql)));
}

TEST(LocalCluster, LogicalReplicationIsPossible) {
  LocalCluster cluster = Must(LocalCluster::Start());
  Connection sql = Open(cluster);
  EXPECT_EQ(Must(sql.Scalar("SHOW wal_level")), "logical");
  EXPECT_EQ(Must(sql.Scalar("SELECT current_user")), "postgres");
  EXPECT_EQ(Must(sql.Scalar("SHOW listen_addresses")), "");
  EXPECT_EQ(cluster.server_version(), sql.server_version());
  EXPECT_EQ(Must(sql.Scalar("SELECT plugin FROM pg_create_logical_replication_slot('a', "
                            "'decoderbufs', true), pg_replication_slots")),
            "decoderbufs");
}

TEST(LocalCluster, SettingsWinOverOurs) {
  LocalCluster cluster = Must(LocalCluster::Start(
      {.settings = {{"fsync", "on"}, {"log_line_prefix", "a, \"b'c\""}}, .slots_and_senders = 7}));
  Connection sql = Open(cluster);
  EXPECT_EQ(Must(sql.Scalar("SHOW fsync")), "on");
  EXPECT_EQ(Must(sql.Scalar("SHOW log_line_prefix")), "a, \"b'c\"");
  EXPECT_EQ(Must(sql.Scalar("SHOW max_wal_senders")), "7");
}

TEST(LocalCluster, WrongSettingShowsTheServersLog) {
  model::Result<LocalCluster> cluster =
      LocalCluster::Start({.settings = {{"nonsense_setting", "1"}}});
  ASSERT_FALSE(cluster.has_value());
  EXPECT_EQ(cluster.error().kind, model::ErrorKind::kEnvironment);
  EXPECT_NE(cluster.error().message.find("nonsense_setting"), std::string::npos)
      << cluster.error().message;
}

TEST(LocalCluster, CommittedRowsSurviveCrashAndStop) {
  LocalCluster cluster = Must(LocalCluster::Start());
  Must(Open(cluster).Execute("CREATE TABLE t(a int); INSERT INTO t VALUES (1)"));
  std::string before = cluster.uri();
  Must(cluster.Crash());
  EXPECT_FALSE(cluster.IsRunning());
  EXPECT_FALSE(Connection::Open(before, ConnectionKind::kSql).has_value());
  Must(cluster.StartAgain());
  EXPECT_TRUE(cluster.IsRunning());
  Must(Open(cluster).Execute("INSERT INTO t VALUES (2)"));
  Must(cluster.Stop(StopMode::kFast));
  Must(cluster.Stop(StopMode::kFast));
  Must(cluster.StartAgain());
  EXPECT_EQ(Must(Open(cluster).Scalar("SELECT string_agg(a::text, ',' ORDER BY a) FROM t")), "1,2");
  EXPECT_EQ(cluster.uri(), before);
}

TEST(LocalCluster, DestructorRemovesServerAndDirectory) {
  std::string directory;
  pid_t server = 0;
  {
    LocalCluster cluster = Must(LocalCluster::Start());
    directory = cluster.directory();
    server = std::atoi(Must(Open(cluster).Scalar("SELECT pg_read_file('postmaster.pid')")).c_str());
    ASSERT_EQ(kill(server, 0), 0);
  }
  EXPECT_FALSE(std::filesystem::exists(directory));
  EXPECT_NE(kill(server, 0), 0);
}

TEST(LocalCluster, KeptDirectoryIsStartedAgain) {
  // Too long for a Unix socket's path.
  std::string base = "/tmp/lockstep-keep-XXXXXX";
  ASSERT_NE(mkdtemp(base.data()), nullptr);
  ASSERT_EQ(chmod(base.c_str(), 0755), 0);
  LocalClusterOptions options{.directory = base + "/" + std::string(100, 'd'), .keep = true};
  {
    LocalCluster cluster = Must(LocalCluster::Start(options));
    Must(Open(cluster).Execute("CREATE TABLE t AS SELECT 5 AS a"));
  }
  EXPECT_TRUE(std::filesystem::exists(options.directory + "/data"));
  options.keep = false;
  {
    LocalCluster cluster = Must(LocalCluster::Start(options));
    EXPECT_EQ(Must(Open(cluster).Scalar("SELECT a FROM t")), "5");
  }
  EXPECT_FALSE(std::filesystem::exists(options.directory));
  std::filesystem::remove_all(base);
}

// What the server's user may do to us while we work in its directory.
TEST(LocalCluster, APlantedLinkIsNotFollowed) {
  std::string base = "/tmp/lockstep-link-XXXXXX";
  ASSERT_NE(mkdtemp(base.data()), nullptr);
  ASSERT_EQ(chmod(base.c_str(), 0755), 0);
  const LocalClusterOptions options{.directory = base + "/d", .keep = true};
  { const LocalCluster cluster = Must(LocalCluster::Start(options)); }
  const std::string target = base + "/target";
  std::ofstream(target) << "precious";
  std::filesystem::remove(options.directory + "/data/lockstep.conf");
  std::filesystem::create_symlink(target, options.directory + "/data/lockstep.conf");
  { const LocalCluster cluster = Must(LocalCluster::Start(options)); }
  std::filesystem::remove(options.directory + "/postgres.log");
  std::filesystem::create_symlink(target, options.directory + "/postgres.log");
  EXPECT_FALSE(LocalCluster::Start(options));
  std::string text;
  std::getline(std::ifstream(target), text);
  EXPECT_EQ(text, "precious");
  std::filesystem::remove_all(base);
}

TEST(LocalCluster, AServerWhoseSupervisorWasKilledEnds) {
  LocalCluster cluster = Must(LocalCluster::Start());
  const pid_t server =
      std::atoi(Must(Open(cluster).Scalar("SELECT pg_read_file('postmaster.pid')")).c_str());
  std::ifstream stat("/proc/" + std::to_string(server) + "/stat");
  std::string pid, name, state;
  pid_t supervisor = 0;
  stat >> pid >> name >> state >> supervisor;
  ASSERT_GT(supervisor, 1);
  ASSERT_EQ(kill(supervisor, SIGKILL), 0);
  Await("the server is gone", [&] { return kill(server, 0) != 0; });
}

// The owner is killed without a chance to clean up: the supervisor does.
TEST(LocalCluster, KilledOwnerLeavesNothing) {
  std::array<int, 2> ends{};
  ASSERT_EQ(pipe(ends.data()), 0);
  pid_t owner = fork();
  if (owner == 0) {
    close(ends[0]);
    LocalCluster cluster = Must(LocalCluster::Start());
    std::string told =
        cluster.directory() + "\n" +
        Must(Open(cluster).Scalar("SELECT split_part(pg_read_file('postmaster.pid'), E'\\n', 1)"));
    if (write(ends[1], told.data(), told.size()) > 0) raise(SIGKILL);
    _exit(1);
  }
  close(ends[1]);
  std::string told(4096, '\0');
  ssize_t got = read(ends[0], told.data(), told.size());
  ASSERT_GT(got, 0);
  told.resize(static_cast<std::size_t>(got));
  std::string directory = told.substr(0, told.find('\n'));
  pid_t server = std::atoi(told.substr(told.find('\n') + 1).c_str());
  int status = 0;
  ASSERT_EQ(waitpid(owner, &status, 0), owner);
  ASSERT_TRUE(WIFSIGNALED(status));
  // The directory goes last.
  Await("the directory is gone", [&] { return !std::filesystem::exists(directory); });
  EXPECT_NE(kill(server, 0), 0);
}

}  // namespace
}  // namespace lockstep::postgres
