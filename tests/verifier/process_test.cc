// The verifier program; the test plays a process of its run.
#include "launcher/process.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <string>

#include "model/error.h"
#include "wire/codec.h"
#include "wire/message.h"
#include "wire/peer.h"
#include "wire/poller.h"

namespace lockstep::verifier {
namespace {

using model::ErrorKind;
using ::testing::HasSubstr;

struct Ended {
  int status = 0;
  std::string log;
};

// A verifier without a server, until it ends: a process of this name says that it failed.
Ended AfterFailure(const std::string& process, const model::Error& error) {
  constexpr std::chrono::seconds kPatience{30};
  std::string directory = "/tmp/lockstep-XXXXXX";
  if (!mkdtemp(directory.data())) throw std::runtime_error("no directory for the test");
  const std::string endpoint = "ipc://" + directory + "/verifier";
  const std::string log_path = directory + "/log";
  auto verifier = launcher::Process::Start(
      {"verifier/verifier", "--listen=" + endpoint, "--database=host=/nowhere"}, log_path);
  if (!verifier) throw std::runtime_error(verifier.error().message);
  wire::Context context;
  wire::Client client = wire::Client::Connect(context, process, endpoint).value();
  (void)client.Send(wire::Encode(wire::Failure{process, error}));
  wire::Poller poller;
  poller.Add(client);
  poller.AddFd(verifier->fd(), {.read = true});
  const auto end = wire::Clock::now() + kPatience;
  while (!verifier->Poll()) {
    if (wire::Clock::now() >= end) throw std::runtime_error("it does not end");
    while (client.Receive().value()) continue;
    (void)client.Tick(wire::Clock::now());
    (void)poller.Wait(wire::Earlier(end, client.NextDeadline()));
  }
  std::ostringstream log;
  log << std::ifstream(log_path).rdbuf();
  std::filesystem::remove_all(directory);
  return {verifier->Poll()->status, log.str()};
}

TEST(VerifierProgram, AProcessThatFailsEndsTheRunAtOnceWithItsExitCode) {
  const Ended usage = AfterFailure("listener-1", {ErrorKind::kUsage, "no such plugin"});
  EXPECT_EQ(usage.status, 1) << usage.log;
  EXPECT_THAT(usage.log, HasSubstr("verifier: listener-1: no such plugin"));
  const Ended environment = AfterFailure("applier", {ErrorKind::kEnvironment, "no disk"});
  EXPECT_EQ(environment.status, 4) << environment.log;
  EXPECT_THAT(environment.log, HasSubstr("verifier: applier: no disk"));
}

}  // namespace
}  // namespace lockstep::verifier
