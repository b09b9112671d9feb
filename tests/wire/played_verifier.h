// One of the programs, and the verifier that it talks to, which the test plays.
#ifndef LOCKSTEP_TESTS_WIRE_PLAYED_VERIFIER_H_
#define LOCKSTEP_TESTS_WIRE_PLAYED_VERIFIER_H_

#include <gtest/gtest.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <optional>
#include <sstream>
#include <stdexcept>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "launcher/process.h"
#include "tests/postgres/cluster_fixture.h"
#include "wire/codec.h"
#include "wire/link.h"
#include "wire/message.h"
#include "wire/peer.h"
#include "wire/poller.h"
#include "wire/socket.h"

namespace lockstep::wire {

// A directory for the test's sockets and log, gone with it.
class SocketDirectory {
 public:
  SocketDirectory() {
    std::string pattern = "/tmp/lockstep-XXXXXX";
    if (!mkdtemp(pattern.data())) throw std::runtime_error("no directory for the test");
    path_ = pattern;
  }
  ~SocketDirectory() { std::filesystem::remove_all(path_); }
  SocketDirectory(const SocketDirectory&) = delete;
  SocketDirectory& operator=(const SocketDirectory&) = delete;
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

class PlayedVerifier {
 public:
  // `name`: what the program calls itself.
  explicit PlayedVerifier(std::string name)
      : name_(std::move(name)),
        server_(postgres::Must(
            Server::Bind(context_, "verifier", "ipc://" + directory_.path() + "/verifier"))) {}

  // `command`: its path and its options, but for --verifier.
  void Start(std::vector<std::string> command) {
    command.push_back("--verifier=" + server_.endpoint());
    program_.emplace(postgres::Must(launcher::Process::Start(command, LogPath())));
  }

  void Send(const Message& message) { postgres::Must(server_.Send(name_, Encode(message))); }
  // The next message of this kind.
  template <typename T>
  T Await() {
    Poller poller;
    poller.Add(server_);
    const auto end = Clock::now() + kPatience;
    while (Clock::now() < end) {
      while (auto event = postgres::Must(server_.Receive())) {
        auto* received = std::get_if<Received>(&*event);
        if (!received) continue;
        if (auto* message = std::get_if<T>(&received->message)) return std::move(*message);
      }
      postgres::Must(server_.Tick(Clock::now()));
      (void)postgres::Must(poller.Wait(Earlier(end, server_.NextDeadline())));
    }
    throw std::runtime_error("waited in vain for a message: " + Log());
  }

  void Signal(int number) { program_->Signal(number); }
  // Its exit status, once it has ended. What it says until then is acknowledged.
  int AwaitEnd() {
    Poller poller;
    poller.Add(server_);
    poller.AddFd(program_->fd(), {.read = true});
    const auto end = Clock::now() + kPatience;
    while (!program_->Poll()) {
      if (Clock::now() >= end) throw std::runtime_error("it does not end: " + Log());
      while (postgres::Must(server_.Receive())) continue;
      postgres::Must(server_.Tick(Clock::now()));
      (void)postgres::Must(poller.Wait(Earlier(end, server_.NextDeadline())));
    }
    const launcher::ExitStatus ended = program_->Poll().value();
    EXPECT_EQ(ended.signal, 0) << Log();
    return ended.status;
  }
  std::string Log() const {
    std::ostringstream text;
    text << std::ifstream(LogPath()).rdbuf();
    return text.str();
  }
  // For whatever else the program needs.
  const std::string& directory() const { return directory_.path(); }

 private:
  static constexpr std::chrono::seconds kPatience{60};

  std::string LogPath() const { return directory_.path() + "/log"; }

  std::string name_;
  SocketDirectory directory_;
  Context context_;
  Server server_;
  std::optional<launcher::Process> program_;
};

}  // namespace lockstep::wire

#endif  // LOCKSTEP_TESTS_WIRE_PLAYED_VERIFIER_H_
