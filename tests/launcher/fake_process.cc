// Stands in for generator, applier, listener and verifier, and does what $FAKE_<PROGRAM> says:
//
//   play            (default) what the real one does in a run without work: the verifier gives the
//                   verdict "converged" when all have joined, the others leave when they heard it
//   verdict:KIND    the verifier gives this verdict
//   exit:STATUS     ends at once, without a word; ends at SIGTERM in the same way as `play`
//   signal:NUMBER   ends by a signal
//   fail:usage / fail:environment    sends a Failure and exits as its kind demands
//   stay            never gives a verdict, never leaves by itself
//   late            as `stay`, but is not ready to be stopped before it is told to
//
// A verifier that is told of a death gives an inconclusive verdict. SIGTERM: all exit with 0.
// Who leaves in an orderly way adds a line to the file $FAKE_STOPPED: name, how, status endpoint.
// One that stays logs "the launcher has its counters" once.
#include <fmt/format.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <chrono>
#include <fstream>
#include <iostream>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "model/error.h"
#include "model/verdict.h"
#include "wire/codec.h"
#include "wire/message.h"
#include "wire/peer.h"
#include "wire/poller.h"
#include "wire/reporter.h"
#include "wire/stop_signal.h"

namespace lockstep {
namespace {

using model::ErrorKind;
using model::VerdictKind;

class Fake {
 public:
  Fake(std::string program, std::map<std::string, std::string> options, std::string role)
      : program_(std::move(program)),
        options_(std::move(options)),
        role_(std::move(role)),
        name_(program_ == "listener" ? options_["id"] : program_),
        stop_(wire::StopSignal::Make().value()),
        reporter_(wire::Reporter::Connect(context_, name_, options_["status"]).value()) {
    if (program_ == "verifier") {
      server_.emplace(wire::Server::Bind(context_, name_, options_["listen"]).value());
      poller_.Add(*server_);
    } else {
      client_.emplace(wire::Client::Connect(context_, name_, options_["verifier"]).value());
      (void)client_->Send(wire::Encode(wire::Barrier{1}));  // "I am here"
      poller_.Add(*client_);
    }
    poller_.Add(*reporter_.client());
    poller_.AddFd(stop_.fd(), {.read = true});
  }

  int Run() {
    if (role_.starts_with("fail:")) return Fail();
    while (true) {
      const wire::Time now = wire::Clock::now();
      if (stop_.Stopped()) return Leave("stopped", 0);
      reporter_.Report({{"scripts", 7}, {"committed", 6}}, now);
      const std::optional<wire::Failure> told = reporter_.Tick(now);
      if (reporter_.client()->UnacknowledgedMessages() == 0 && !std::exchange(is_heard_, true))
        std::cerr << "the launcher has its counters" << std::endl;
      if (told && server_) return Judge(VerdictKind::kInconclusive, "told: " + told->process);
      if (server_ ? HaveAllJoined() : HasVerdict()) {
        if (!server_) return Leave("left", 0);
        if (role_ != "stay" && role_ != "late") return Judge(VerdictOfRole(), "");
      }
      (void)poller_.Wait(now + std::chrono::milliseconds(20));
    }
  }

 private:
  VerdictKind VerdictOfRole() const {
    for (const VerdictKind kind :
         {VerdictKind::kDiverged, VerdictKind::kMissing, VerdictKind::kInconclusive}) {
      if (role_ == fmt::format("verdict:{}", ToString(kind))) return kind;
    }
    return VerdictKind::kConverged;
  }

  bool HaveAllJoined() {
    while (auto event = server_->Receive().value()) {
      if (const auto* received = std::get_if<wire::Received>(&*event)) {
        peers_.push_back(received->peer);
      }
    }
    (void)server_->Tick(wire::Clock::now());
    return peers_.size() == std::stoul(options_["listeners"]) + 2;
  }

  bool HasVerdict() {
    bool has_verdict = false;
    while (auto event = client_->Receive().value()) {
      const auto* received = std::get_if<wire::Received>(&*event);
      has_verdict |= received && std::holds_alternative<model::Verdict>(received->message);
    }
    (void)client_->Tick(wire::Clock::now());
    return has_verdict;
  }

  int Judge(VerdictKind kind, const std::string& reason) {
    const model::Verdict verdict{.kind = kind, .reason = reason, .rows_compared = 77};
    for (const std::string& peer : peers_) (void)server_->Send(peer, wire::Encode(verdict));
    reporter_.Send(verdict);
    const wire::Time end = wire::Clock::now() + std::chrono::seconds(1);
    while (server_->UnacknowledgedMessages() > 0 && wire::Clock::now() < end) {
      (void)HaveAllJoined();
      (void)poller_.Wait(wire::Clock::now() + std::chrono::milliseconds(5));
    }
    return Leave("judged", static_cast<int>(model::ExitCodeOf(kind)));
  }

  int Fail() {
    const model::Error error{role_ == "fail:usage" ? ErrorKind::kUsage : ErrorKind::kEnvironment,
                             "the fake failed"};
    reporter_.Fail(error);
    return Leave("failed", static_cast<int>(model::ExitCodeOf(error)));
  }

  int Leave(std::string_view how, int status) {
    if (const char* path = getenv("FAKE_STOPPED")) {
      std::ofstream(path, std::ios::app)
          << fmt::format("{} {} {}\n", name_, how, options_["status"]);
    }
    reporter_.Drain();
    return status;
  }

  std::string program_;
  std::map<std::string, std::string> options_;
  std::string role_;
  std::string name_;
  wire::StopSignal stop_;
  wire::Context context_;
  wire::Reporter reporter_;
  std::optional<wire::Server> server_;
  std::optional<wire::Client> client_;
  std::vector<std::string> peers_;
  bool is_heard_ = false;  // by the launcher
  wire::Poller poller_;
};

void WaitForStop() {
  sigset_t pending;
  do {
    usleep(1000);
    sigpending(&pending);
  } while (sigismember(&pending, SIGTERM) == 0);
}

int Main(int argc, char** argv) {
  std::string_view path = argv[0];
  const std::string program(path.substr(path.rfind('/') + 1));
  std::map<std::string, std::string> options;
  for (int i = 1; i + 1 < argc; i += 2) options[std::string(argv[i]).substr(2)] = argv[i + 1];
  std::string variable = "FAKE_" + program;
  std::ranges::transform(variable, variable.begin(),
                         [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  const char* value = getenv(variable.c_str());
  const std::string role = value == nullptr ? "play" : value;
  std::cerr << "the log of " << program << std::endl;
  if (role.starts_with("exit:")) return std::stoi(role.substr(5));
  if (role.starts_with("signal:")) {
    const int number = std::stoi(role.substr(7));
    signal(number, SIG_DFL);  // a sanitizer's handler would make an exit of it
    kill(getpid(), number);
  }
  if (role == "late") WaitForStop();
  return Fake(program, std::move(options), role).Run();
}

}  // namespace
}  // namespace lockstep

int main(int argc, char** argv) { return lockstep::Main(argc, argv); }
