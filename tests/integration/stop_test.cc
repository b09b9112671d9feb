// Every program ends in seconds when it is told to, or its launcher is gone, whatever libpq waits
// for: a server that takes connections and never answers, and a real one that was stopped.
#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <fstream>
#include <iterator>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "launcher/process.h"
#include "postgres/connection.h"
#include "postgres/local_cluster.h"
#include "tests/postgres/await.h"
#include "wire/stop_signal.h"

namespace lockstep::launcher {
namespace {

using std::chrono::seconds;
using ::testing::HasSubstr;
using Command = std::vector<std::string>;

// The kernel takes the connections; nobody reads.
class DumbServer {
 public:
  DumbServer() : fd_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{
        .sin_family = AF_INET, .sin_port = 0, .sin_addr = {htonl(INADDR_LOOPBACK)}, .sin_zero = {}};
    socklen_t size = sizeof(address);
    if (bind(fd_, reinterpret_cast<sockaddr*>(&address), size) != 0 || listen(fd_, 50) != 0 ||
        getsockname(fd_, reinterpret_cast<sockaddr*>(&address), &size) != 0)
      throw std::runtime_error("cannot listen");
    port_ = ntohs(address.sin_port);
  }
  ~DumbServer() { close(fd_); }
  // Not ten seconds as without `connect_timeout`: a program must end because it was told to.
  std::string uri() const {
    return "postgresql://u@127.0.0.1:" + std::to_string(port_) + "/db?connect_timeout=600";
  }
  void AwaitClient() const {
    pollfd waiting{.fd = fd_, .events = POLLIN, .revents = 0};
    if (poll(&waiting, 1, 30'000) != 1) throw std::runtime_error("no client came");
  }

 private:
  int fd_;
  int port_ = 0;
};

class StopTest : public ::testing::Test {
 protected:
  Process Start(const Command& command, const std::string& launcher = "") {
    log_ = ::testing::TempDir() + "/stop.log";
    auto process = launcher.empty()
                       ? Process::Start(command, log_)
                       : Process::Start(command, log_, {{wire::kLauncherVariable, launcher}});
    if (!process) throw std::runtime_error(process.error().message);
    return std::move(*process);
  }
  // Nothing when it takes longer.
  static std::optional<ExitStatus> End(Process& process, seconds patience) {
    pollfd item{.fd = process.fd(), .events = POLLIN, .revents = 0};
    (void)poll(&item, 1, static_cast<int>(patience.count() * 1000));
    return process.Poll();
  }
  std::string Log() const {
    std::ifstream file(log_);
    return {std::istreambuf_iterator<char>(file), {}};
  }

  std::string log_;
};

TEST_F(StopTest, TheLauncherHearsASignalWhileItConnects) {
  for (const Command& command : {Command{"doctor"}, Command{"slots"}, Command{"slots", "prune"},
                                 Command{"run"}, Command{"audit", "--watch"}}) {
    for (const int number : {SIGINT, SIGTERM}) {
      Command all = {"launcher/lockstep"};
      all.insert(all.end(), command.begin(), command.end());
      const DumbServer server;
      all.push_back("--database=" + server.uri());
      SCOPED_TRACE(::testing::PrintToString(all));
      Process process = Start(all);
      server.AwaitClient();
      process.Signal(number);
      EXPECT_EQ(End(process, seconds(5)), ExitStatus{.status = 5}) << Log();
      EXPECT_THAT(Log(), HasSubstr("interrupted"));
    }
  }
}

TEST_F(StopTest, ALauncherThatWaitsForAStatementHearsASignalToo) {
  auto cluster = postgres::LocalCluster::Start();
  ASSERT_TRUE(cluster) << cluster.error().message;
  const std::string uri = cluster->uri();
  auto sql = postgres::Connection::Open(uri, postgres::ConnectionKind::kSql);
  ASSERT_TRUE(sql);
  ASSERT_TRUE(
      sql->Execute("CREATE TABLE public.t (id int PRIMARY KEY); BEGIN; LOCK pg_publication"));
  for (const std::string command : {"doctor", "audit"}) {
    Process process = Start({"launcher/lockstep", command, "--database=" + uri,
                             command == "audit" ? "--watch" : "--plugin=pgoutput"});
    postgres::Await("it waits for the lock", [&] {
      return sql->Scalar("SELECT count(*) FROM pg_locks WHERE NOT granted").value() != "0";
    });
    process.Signal(SIGINT);
    EXPECT_EQ(End(process, seconds(8)), ExitStatus{.status = 5}) << command << Log();
    postgres::Await("its statement is cancelled", [&] {
      return sql->Scalar("SELECT count(*) FROM pg_locks WHERE NOT granted").value() == "0";
    });
  }
}

TEST_F(StopTest, AListenerAndAnAuditorThatAreToStopSayWhatTheyWaitedFor) {
  for (const Command& command :
       {Command{"listener/listener", "--id=listener-1", "--verifier=ipc:///nowhere/verifier"},
        Command{"auditor/auditor", "--plugin=pgoutput", "--slot=s"}}) {
    const DumbServer server;
    Command all = command;
    all.push_back("--database=" + server.uri());
    Process process = Start(all);
    server.AwaitClient();
    process.Signal(SIGTERM);
    process.Signal(SIGINT);
    const auto ended = End(process, seconds(14));
    ASSERT_TRUE(ended) << Log();
    EXPECT_EQ(ended->signal, 0);
    EXPECT_THAT(Log(), HasSubstr("127.0.0.1"));
  }
}

TEST_F(StopTest, WithoutItsLauncherAChildEnds) {
  const DumbServer server;
  // Started by somebody else than it is told: that one is gone.
  Process process = Start(
      {"auditor/auditor", "--plugin=pgoutput", "--slot=s", "--database=" + server.uri()}, "1");
  EXPECT_TRUE(End(process, seconds(14))) << Log();
}

}  // namespace
}  // namespace lockstep::launcher
