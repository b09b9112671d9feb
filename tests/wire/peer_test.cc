// Real sockets: what is sent arrives once and in order, whoever starts first, breaks off or is
// replaced.
#include "wire/peer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>
#include <zmq.h>

#include <chrono>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "proto/lockstep.pb.h"
#include "tests/wire/sample_messages.h"
#include "wire/codec.h"
#include "wire/poller.h"

namespace lockstep::wire {
namespace {

using std::chrono::seconds;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

Encoded Number(std::uint64_t number) { return Encode(Barrier{.number = number}); }

// What one side has been told.
struct Log {
  std::vector<Message> messages;
  std::vector<std::uint64_t> numbers;  // of Barriers
  std::vector<std::string> peers;      // who sent each message
  std::vector<PeerStarted> started;
  std::vector<model::Error> errors;
  std::uint64_t lost = 0;

  void operator()(Received&& received) {
    if (const auto* barrier = std::get_if<Barrier>(&received.message)) {
      numbers.push_back(barrier->number);
    }
    EXPECT_EQ(received.body_bytes, Encode(received.message).size());
    peers.push_back(received.peer);
    messages.push_back(std::move(received.message));
  }
  void operator()(PeerStarted&& event) { started.push_back(std::move(event)); }
  void operator()(MessagesLost&& event) { lost += event.count; }
};

// A process: its own context, so that it can die alone.
struct ServerProcess {
  explicit ServerProcess(const std::string& endpoint, PeerOptions options = {})
      : socket(Server::Bind(context, "verifier", endpoint, options).value()) {}
  Context context;
  Server socket;
  Log log;
};

struct ClientProcess {
  ClientProcess(const std::string& name, const std::string& endpoint, PeerOptions options = {})
      : socket(Client::Connect(context, name, endpoint, options).value()) {}
  Context context;
  Client socket;
  Log log;
};

class PeerTest : public ::testing::Test {
 protected:
  PeerTest() {
    std::string pattern = "/tmp/lockstep-XXXXXX";
    directory_ = mkdtemp(pattern.data());
    endpoint_ = "ipc://" + directory_ + "/s";
  }
  ~PeerTest() override {
    servers_.clear();
    clients_.clear();
    std::filesystem::remove_all(directory_);
  }

  ServerProcess& StartServer(PeerOptions options = {}) {
    return *servers_.emplace_back(std::make_unique<ServerProcess>(endpoint_, options));
  }
  ClientProcess& StartClient(const std::string& name, PeerOptions options = {}) {
    return *clients_.emplace_back(std::make_unique<ClientProcess>(name, endpoint_, options));
  }
  void KillServer() { servers_.clear(); }
  void KillClients() { clients_.clear(); }

  // Drives every process that is not in `paused` until `done`. Fails after a time that only a
  // broken build needs.
  void RunUntil(const std::function<bool()>& done, const void* paused = nullptr) {
    const Time give_up = Clock::now() + seconds(20);
    Poller poller;
    std::vector<std::function<std::optional<Time>()>> drivers;
    for (auto& server : servers_) AddDriver(*server, paused, poller, drivers);
    for (auto& client : clients_) AddDriver(*client, paused, poller, drivers);
    while (true) {
      std::optional<Time> deadline = give_up;
      for (const auto& driver : drivers) deadline = Earlier(deadline, driver());
      if (done()) return;
      ASSERT_LT(Clock::now(), give_up) << "the condition did not become true";
      ASSERT_TRUE(poller.Wait(deadline).has_value());
    }
  }

  std::string directory_;
  std::string endpoint_;
  std::vector<std::unique_ptr<ServerProcess>> servers_;
  std::vector<std::unique_ptr<ClientProcess>> clients_;

 private:
  template <typename Process>
  static void AddDriver(Process& process, const void* paused, Poller& poller,
                        std::vector<std::function<std::optional<Time>()>>& drivers) {
    if (&process == paused) return;
    poller.Add(process.socket);
    drivers.push_back([&process] {
      while (true) {
        auto event = process.socket.Receive();
        if (!event.has_value()) {
          process.log.errors.push_back(event.error());
        } else if (!event->has_value()) {
          break;
        } else {
          std::visit(process.log, **std::move(event));
        }
      }
      EXPECT_TRUE(process.socket.Tick(Clock::now()).has_value());
      return process.socket.NextDeadline();
    });
  }
};

std::vector<std::uint64_t> Range(std::uint64_t first, std::uint64_t last) {
  std::vector<std::uint64_t> numbers;
  for (std::uint64_t i = first; i <= last; ++i) numbers.push_back(i);
  return numbers;
}

TEST_F(PeerTest, EveryKindOfMessageTravelsBothWays) {
  ServerProcess& server = StartServer();
  ClientProcess& client = StartClient("generator");
  const std::vector<Message> sent = SampleMessages();
  for (const Message& message : sent) {
    ASSERT_TRUE(client.socket.Send(Encode(message)).has_value());
    ASSERT_TRUE(server.socket.Send("generator", Encode(message)).has_value());
  }
  RunUntil([&] {
    return server.socket.UnacknowledgedMessages() == 0 &&
           client.socket.UnacknowledgedMessages() == 0 &&
           server.log.messages.size() == sent.size() && client.log.messages.size() == sent.size();
  });
  EXPECT_EQ(server.log.messages, sent);
  EXPECT_EQ(client.log.messages, sent);
  EXPECT_THAT(server.log.errors, IsEmpty());
  EXPECT_EQ(server.log.peers.front(), "generator");
  EXPECT_EQ(client.log.peers.front(), "verifier");
  ASSERT_EQ(server.log.started.size(), 1u);
  EXPECT_FALSE(server.log.started.front().is_restart);
  EXPECT_EQ(client.socket.UnacknowledgedBytes(), 0u);
  EXPECT_EQ(server.socket.UnacknowledgedBytes("generator"), 0u);
}

TEST_F(PeerTest, AServerOnAWildcardPortSaysWhereItIs) {
  endpoint_ = "tcp://127.0.0.1:*";
  ServerProcess& server = StartServer();
  endpoint_ = server.socket.endpoint();
  EXPECT_THAT(endpoint_, ::testing::MatchesRegex("tcp://127.0.0.1:[1-9][0-9]*"));
  ClientProcess& client = StartClient("generator");
  ASSERT_TRUE(client.socket.Send(Number(1)).has_value());
  RunUntil([&] { return client.socket.UnacknowledgedMessages() == 0; });
  EXPECT_THAT(server.log.numbers, ElementsAre(1));
}

TEST_F(PeerTest, BodiesLargerThanACopyArriveWhole) {
  ServerProcess& server = StartServer();
  ClientProcess& client = StartClient("generator");
  std::vector<Message> sent;
  for (std::size_t size : {1000u, 1024u, 5000u, 5'000'000u}) {
    sent.push_back(Ready{.postgres_version = std::string(size, 'x')});
    ASSERT_TRUE(client.socket.Send(Encode(sent.back())).has_value());
  }
  RunUntil([&] { return server.log.messages.size() == sent.size(); });
  EXPECT_EQ(server.log.messages, sent);
}

TEST_F(PeerTest, AClientMayStartBeforeItsServer) {
  ClientProcess& client = StartClient("generator");
  for (std::uint64_t i = 1; i <= 100; ++i) ASSERT_TRUE(client.socket.Send(Number(i)).has_value());
  EXPECT_EQ(client.socket.UnacknowledgedMessages(), 100u);
  ServerProcess& server = StartServer();
  RunUntil([&] { return client.socket.UnacknowledgedMessages() == 0; });
  EXPECT_EQ(server.log.numbers, Range(1, 100));
}

TEST_F(PeerTest, WhatIsSentToAnAbsentClientWaitsForIt) {
  ServerProcess& server = StartServer();
  for (std::uint64_t i = 1; i <= 100; ++i) {
    ASSERT_TRUE(server.socket.Send("listener-1", Number(i)).has_value());
  }
  EXPECT_EQ(server.socket.UnacknowledgedMessages(), 100u);
  ClientProcess& client = StartClient("listener-1");
  RunUntil([&] { return server.socket.UnacknowledgedMessages() == 0; });
  EXPECT_EQ(client.log.numbers, Range(1, 100));
}

TEST_F(PeerTest, ManyClientsAreKeptApart) {
  ServerProcess& server = StartServer();
  constexpr std::uint64_t kClients = 5;
  for (std::uint64_t c = 0; c < kClients; ++c) {
    ClientProcess& client = StartClient("listener-" + std::to_string(c));
    for (std::uint64_t i = 1; i <= 50; ++i) {
      ASSERT_TRUE(client.socket.Send(Number(1000 * c + i)).has_value());
    }
  }
  const Encoded to_all = Number(7);
  for (std::uint64_t c = 0; c < kClients; ++c) {
    ASSERT_TRUE(server.socket.Send("listener-" + std::to_string(c), to_all).has_value());
  }
  RunUntil([&] {
    return server.log.numbers.size() == 50 * kClients &&
           server.socket.UnacknowledgedMessages() == 0;
  });
  for (std::uint64_t c = 0; c < kClients; ++c) {
    std::vector<std::uint64_t> of_client;
    for (std::size_t i = 0; i < server.log.numbers.size(); ++i) {
      if (server.log.peers[i] == "listener-" + std::to_string(c)) {
        of_client.push_back(server.log.numbers[i]);
      }
    }
    EXPECT_EQ(of_client, Range(1000 * c + 1, 1000 * c + 50));
    EXPECT_THAT(clients_[c]->log.numbers, ElementsAre(7));
  }
}

TEST_F(PeerTest, AKilledClientsSuccessorIsToldAsARestartAndGetsWhatWasNotAcknowledged) {
  ServerProcess& server = StartServer();
  {
    ClientProcess& client = StartClient("listener-1");
    ASSERT_TRUE(client.socket.Send(Number(1)).has_value());
    ASSERT_TRUE(server.socket.Send("listener-1", Number(100)).has_value());
    RunUntil([&] {
      return server.socket.UnacknowledgedMessages() == 0 &&
             client.socket.UnacknowledgedMessages() == 0;
    });
    EXPECT_THAT(client.log.numbers, ElementsAre(100));
    // The client dies with these unread.
    ASSERT_TRUE(server.socket.Send("listener-1", Number(101)).has_value());
    ASSERT_TRUE(server.socket.Send("listener-1", Number(102)).has_value());
    KillClients();
  }
  ClientProcess& successor = StartClient("listener-1");
  ASSERT_TRUE(successor.socket.Send(Number(2)).has_value());
  RunUntil([&] {
    return server.socket.UnacknowledgedMessages() == 0 &&
           successor.socket.UnacknowledgedMessages() == 0;
  });
  EXPECT_THAT(server.log.numbers, ElementsAre(1, 2));
  EXPECT_THAT(successor.log.numbers, ElementsAre(101, 102));
  ASSERT_EQ(server.log.started.size(), 2u);
  EXPECT_FALSE(server.log.started[0].is_restart);
  EXPECT_TRUE(server.log.started[1].is_restart);
  EXPECT_EQ(server.log.lost + successor.log.lost, 0u);
}

TEST_F(PeerTest, MessagesForADeadClientAreForgottenWhenTheOptionSaysSo) {
  PeerOptions options;
  options.link.resend_to_new_incarnation = false;
  ServerProcess& server = StartServer(options);
  {
    ClientProcess& client = StartClient("listener-1");
    ASSERT_TRUE(client.socket.Send(Number(1)).has_value());
    RunUntil([&] { return client.socket.UnacknowledgedMessages() == 0; });
    ASSERT_TRUE(server.socket.Send("listener-1", Number(101)).has_value());
    KillClients();
  }
  ClientProcess& successor = StartClient("listener-1");
  ASSERT_TRUE(successor.socket.Send(Number(2)).has_value());
  RunUntil([&] { return server.log.numbers.size() == 2; });
  EXPECT_EQ(server.log.started.back().discarded, 1u);
  ASSERT_TRUE(server.socket.Send("listener-1", Number(102)).has_value());
  RunUntil([&] { return server.socket.UnacknowledgedMessages() == 0; });
  EXPECT_EQ(successor.log.numbers.back(), 102u);
}

TEST_F(PeerTest, ARestartedServerGetsWhatWasNotAcknowledged) {
  StartServer();
  ClientProcess& client = StartClient("generator");
  for (std::uint64_t i = 1; i <= 10; ++i) ASSERT_TRUE(client.socket.Send(Number(i)).has_value());
  RunUntil([&] { return client.socket.UnacknowledgedMessages() == 0; });
  // These reach a server that does not read them any more, or are under way when it dies.
  for (std::uint64_t i = 11; i <= 2000; ++i) {
    ASSERT_TRUE(client.socket.Send(Number(i)).has_value());
  }
  KillServer();
  ServerProcess& successor = StartServer();
  for (std::uint64_t i = 2001; i <= 2010; ++i) {
    ASSERT_TRUE(client.socket.Send(Number(i)).has_value());
  }
  RunUntil([&] { return client.socket.UnacknowledgedMessages() == 0; });
  EXPECT_EQ(successor.log.numbers, Range(11, 2010));
  EXPECT_EQ(successor.log.lost, 0u);
  ASSERT_EQ(client.log.started.size(), 2u);
  EXPECT_TRUE(client.log.started[1].is_restart);
}

TEST_F(PeerTest, TheHighWaterMarkIsAnErrorAndLosesNothing) {
  PeerOptions options;
  options.high_water_mark = 10;
  ServerProcess& server = StartServer(options);
  ClientProcess& client = StartClient("generator", options);
  const Encoded large = Encode(Ready{.postgres_version = std::string(100'000, 'x')});
  model::Result<void> result;
  std::size_t sent = 0;
  for (; sent < 10'000 && result.has_value(); ++sent) result = client.socket.Send(large);
  ASSERT_FALSE(result.has_value());
  EXPECT_EQ(result.error().kind, model::ErrorKind::kEnvironment);
  EXPECT_THAT(result.error().message, HasSubstr(endpoint_));
  EXPECT_EQ(client.socket.UnacknowledgedMessages(), sent);

  // From here on the server reads; the client tries again by itself.
  const Time give_up = Clock::now() + seconds(20);
  while (client.socket.UnacknowledgedMessages() > 0) {
    ASSERT_LT(Clock::now(), give_up);
    Poller poller;
    poller.Add(server.socket);
    poller.Add(client.socket);
    while (auto event = server.socket.Receive().value()) std::visit(server.log, *std::move(event));
    while (client.socket.Receive().value().has_value()) {
    }
    // May say once more that the mark is reached.
    (void)client.socket.Tick(Clock::now());
    ASSERT_TRUE(server.socket.Tick(Clock::now()).has_value());
    if (client.socket.UnacknowledgedMessages() == 0) break;
    ASSERT_TRUE(poller
                    .Wait(Earlier(give_up, Earlier(client.socket.NextDeadline(),
                                                   server.socket.NextDeadline())))
                    .has_value());
  }
  EXPECT_EQ(server.log.messages.size(), sent);
}

TEST_F(PeerTest, AServersHighWaterMarkIsAnErrorThatNamesThePeer) {
  PeerOptions options;
  options.high_water_mark = 10;
  ServerProcess& server = StartServer(options);
  ClientProcess& client = StartClient("listener-1", options);
  ASSERT_TRUE(client.socket.Send(Number(1)).has_value());
  RunUntil([&] { return client.socket.UnacknowledgedMessages() == 0; });
  const Encoded large = Encode(Ready{.postgres_version = std::string(100'000, 'x')});
  model::Result<void> result;
  for (int i = 0; i < 10'000 && result.has_value(); ++i) {
    result = server.socket.Send("listener-1", large);
  }
  ASSERT_FALSE(result.has_value());
  EXPECT_THAT(result.error().message, HasSubstr("listener-1"));
}

TEST_F(PeerTest, AMessageThatIsTooLargeIsRefusedBySend) {
  PeerOptions options;
  options.message_bytes_max = 100;
  ClientProcess& client = StartClient("generator", options);
  const auto result = client.socket.Send(Encode(Ready{std::string(200, 'x')}));
  ASSERT_FALSE(result.has_value());
  EXPECT_EQ(result.error().kind, model::ErrorKind::kUnsupported);
  EXPECT_EQ(client.socket.UnacknowledgedMessages(), 0u);
}

TEST_F(PeerTest, AnEndpointThatCannotBeUnderstoodIsAUsageError) {
  Context context;
  for (const char* endpoint : {"nonsense", "carrier-pigeon://x", "tcp://127.0.0.1"}) {
    const auto server = Server::Bind(context, "verifier", endpoint);
    ASSERT_FALSE(server.has_value()) << endpoint;
    EXPECT_EQ(server.error().kind, model::ErrorKind::kUsage) << server.error().message;
    EXPECT_THAT(server.error().message, HasSubstr(endpoint));
  }
  EXPECT_EQ(Client::Connect(context, "", endpoint_).error().kind, model::ErrorKind::kUsage);
  EXPECT_EQ(Client::Connect(context, "x", "ipc://" + std::string(200, 'p')).error().kind,
            model::ErrorKind::kUsage);
}

TEST_F(PeerTest, AnEndpointThatIsTakenIsAnEnvironmentError) {
  endpoint_ = "tcp://127.0.0.1:*";
  ServerProcess& server = StartServer();
  Context context;
  const auto second = Server::Bind(context, "verifier", server.socket.endpoint());
  ASSERT_FALSE(second.has_value());
  EXPECT_EQ(second.error().kind, model::ErrorKind::kEnvironment);
}

// A stranger that speaks ZeroMQ and nothing else.
class Stranger {
 public:
  explicit Stranger(const std::string& endpoint)
      : context_(zmq_ctx_new()), socket_(zmq_socket(context_, ZMQ_DEALER)) {
    zmq_connect(socket_, endpoint.c_str());
  }
  ~Stranger() {
    zmq_close(socket_);
    zmq_ctx_term(context_);
  }
  void Send(const std::vector<std::string>& frames) {
    for (std::size_t i = 0; i < frames.size(); ++i) {
      zmq_send(socket_, frames[i].data(), frames[i].size(),
               i + 1 < frames.size() ? ZMQ_SNDMORE : 0);
    }
  }

 private:
  void* context_;
  void* socket_;
};

TEST_F(PeerTest, WhatIsNotAMessageIsAnErrorAndWhatFollowsIsRead) {
  ServerProcess& server = StartServer();
  proto::Envelope good;
  good.set_sender("stranger");
  good.set_incarnation(1);
  good.set_oldest(1);
  good.set_sequence(1);
  good.set_kind(proto::KIND_BARRIER);
  const auto with = [&](const std::function<void(proto::Envelope&)>& change) {
    proto::Envelope envelope = good;
    change(envelope);
    return envelope.SerializeAsString();
  };
  Stranger stranger(endpoint_);
  const std::string body = *Number(1).body;
  stranger.Send({""});
  stranger.Send({"garbage", body});
  stranger.Send({good.SerializeAsString(), body, "third", "fourth"});
  stranger.Send({good.SerializeAsString()});  // a kind without a body
  stranger.Send({with([](auto& e) { e.clear_sender(); }), body});
  stranger.Send({with([](auto& e) { e.clear_incarnation(); }), body});
  stranger.Send({with([](auto& e) { e.clear_oldest(); }), body});
  stranger.Send({with([](auto& e) { e.clear_sequence(); }), body});
  stranger.Send({with([](auto& e) { e.clear_kind(); }), body});
  stranger.Send({with([](auto& e) { e.set_kind(static_cast<proto::Kind>(99)); }), body});
  stranger.Send({good.SerializeAsString(), "\xff\xff"});  // uses up sequence 1
  stranger.Send({with([](auto& e) { e.set_sequence(2); }), body});
  RunUntil([&] { return !server.log.numbers.empty(); });
  EXPECT_THAT(server.log.numbers, ElementsAre(1));
  EXPECT_EQ(server.log.errors.size(), 11u);
  for (const model::Error& error : server.log.errors) {
    EXPECT_EQ(error.kind, model::ErrorKind::kMalformed);
    EXPECT_THAT(error.message, HasSubstr(endpoint_));
  }
  EXPECT_THAT(server.log.errors.back().message, HasSubstr("message 1 of stranger: Barrier"));
}

TEST_F(PeerTest, TheFirstOfANameStaysAsLongAsItIsConnected) {
  ServerProcess& server = StartServer();
  ClientProcess& first = StartClient("listener-1");
  ASSERT_TRUE(first.socket.Send(Number(1)).has_value());
  RunUntil([&] { return first.socket.UnacknowledgedMessages() == 0; });
  ClientProcess& second = StartClient("listener-1");
  ASSERT_TRUE(second.socket.Send(Number(2)).has_value());
  // While it stands still, too.
  RunUntil([&] { return server.log.errors.size() >= 2; }, &first);
  EXPECT_THAT(server.log.errors.back().message,
              HasSubstr("another process calls itself listener-1"));
  ASSERT_TRUE(server.socket.Send("listener-1", Number(3)).has_value());
  ASSERT_TRUE(first.socket.Send(Number(4)).has_value());
  RunUntil([&] { return server.log.numbers.size() == 2 && !first.log.numbers.empty(); });
  EXPECT_THAT(server.log.numbers, ElementsAre(1, 4));
  EXPECT_THAT(first.log.numbers, ElementsAre(3));
  EXPECT_THAT(second.log.numbers, IsEmpty());
  ASSERT_EQ(server.log.started.size(), 1u);
  EXPECT_FALSE(server.log.started[0].is_restart);
  // Once it is gone, the other one is heard.
  clients_.erase(clients_.begin());
  RunUntil([&] { return server.log.numbers.size() == 3; });
  EXPECT_THAT(server.log.numbers, ElementsAre(1, 4, 2));
  EXPECT_TRUE(server.log.started.back().is_restart);
}

TEST_F(PeerTest, NamesThatWereNeverHeardOfTakeNoMemoryWithoutABound) {
  PeerOptions options;
  options.peers_max = 3;
  ServerProcess& server = StartServer(options);
  ClientProcess& known = StartClient("generator");
  ASSERT_TRUE(known.socket.Send(Number(1)).has_value());
  RunUntil([&] { return known.socket.UnacknowledgedMessages() == 0; });
  Stranger stranger(endpoint_);
  proto::Envelope envelope;
  envelope.set_incarnation(1);
  envelope.set_oldest(1);
  for (int i = 0; i < 10; ++i) {
    envelope.set_sender("stranger-" + std::to_string(i));
    stranger.Send({envelope.SerializeAsString()});
  }
  envelope.set_sender(std::string(256, 'x'));
  stranger.Send({envelope.SerializeAsString()});
  RunUntil([&] { return server.log.errors.size() == 9; });
  EXPECT_EQ(server.log.started.size(), 3u);
  EXPECT_THAT(server.log.errors.front().message, HasSubstr("is one name too many"));
  EXPECT_THAT(server.log.errors.back().message, HasSubstr("too long a sender"));
  ASSERT_TRUE(known.socket.Send(Number(2)).has_value());
  RunUntil([&] { return server.log.numbers.size() == 2; });
}

}  // namespace
}  // namespace lockstep::wire
