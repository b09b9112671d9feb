#include "wire/reporter.h"

#include <gtest/gtest.h>

#include <chrono>
#include <functional>
#include <stop_token>
#include <string>
#include <thread>
#include <variant>
#include <vector>

#include "model/error.h"
#include "wire/message.h"
#include "wire/peer.h"
#include "wire/poller.h"

namespace lockstep::wire {
namespace {

const model::Error kError{model::ErrorKind::kUsage, "no such plugin"};

// A process that fails, with whom it tells.
class ReporterTest : public ::testing::Test {
 protected:
  static Server Bind(Context& context, const std::string& name) {
    return Server::Bind(context, name, "tcp://127.0.0.1:*").value();
  }
  Reporter Connect(const std::string& endpoint) {
    return Reporter::Connect(context_, "listener-1", endpoint).value();
  }
  Client ConnectToVerifier() {
    return Client::Connect(context_, "listener-1", verifier_.endpoint()).value();
  }
  // Both are served while the process fails.
  void While(const std::function<void()>& fail) {
    std::jthread serving([this](const std::stop_token& stop) {
      Poller poller;
      poller.Add(launcher_);
      poller.Add(verifier_);
      while (!stop.stop_requested()) {
        Read(launcher_, at_launcher_);
        Read(verifier_, at_verifier_);
        (void)poller.Wait(Clock::now() + std::chrono::milliseconds(5));
      }
      Read(launcher_, at_launcher_);
      Read(verifier_, at_verifier_);
    });
    fail();
  }
  static void Read(Server& server, std::vector<Failure>& heard) {
    while (auto event = server.Receive().value()) {
      if (auto* received = std::get_if<Received>(&*event))
        heard.push_back(std::get<Failure>(received->message));
    }
    (void)server.Tick(Clock::now());
  }

  Context context_;
  Context servers_;
  Server launcher_ = Bind(servers_, "launcher");
  Server verifier_ = Bind(servers_, "verifier");
  std::vector<Failure> at_launcher_;
  std::vector<Failure> at_verifier_;
};

TEST_F(ReporterTest, WithoutALauncherTheVerifierIsToldOfAFailure) {
  Reporter reporter = Connect("");
  Client to_verifier = ConnectToVerifier();
  While([&] { reporter.Fail(kError, to_verifier); });
  EXPECT_EQ(at_verifier_, (std::vector<Failure>{{"listener-1", kError}}));
  EXPECT_EQ(to_verifier.UnacknowledgedMessages(), 0u);
}

TEST_F(ReporterTest, WithALauncherItAloneIsTold) {
  Reporter reporter = Connect(launcher_.endpoint());
  Client to_verifier = ConnectToVerifier();
  While([&] { reporter.Fail(kError, to_verifier); });
  EXPECT_EQ(at_launcher_, (std::vector<Failure>{{"listener-1", kError}}));
  EXPECT_EQ(at_verifier_, std::vector<Failure>());
}

TEST_F(ReporterTest, OneThatHasNotConnectedTellsTheSame) {
  While([&] { FailBeforeStart("listener-1", "", verifier_.endpoint(), kError); });
  EXPECT_EQ(at_verifier_, (std::vector<Failure>{{"listener-1", kError}}));
  While([&] { FailBeforeStart("listener-1", launcher_.endpoint(), verifier_.endpoint(), kError); });
  EXPECT_EQ(at_launcher_, (std::vector<Failure>{{"listener-1", kError}}));
  EXPECT_EQ(at_verifier_.size(), 1u);
  FailBeforeStart("listener-1", "", "", kError);  // it does not even know where
}

}  // namespace
}  // namespace lockstep::wire
