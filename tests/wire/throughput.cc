// Measures one link: a client in one thread, a server in another, small messages, with
// acknowledgements.
//
//   bazel run //tests/wire:throughput [-- MESSAGES]
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <string>
#include <thread>

#include "wire/codec.h"
#include "wire/peer.h"
#include "wire/poller.h"

namespace lockstep::wire {
namespace {

// What credit would let be under way.
constexpr std::size_t kWindow = 20'000;

template <typename Process>
void WaitFor(Poller& poller, Process& process) {
  poller.Wait(process.NextDeadline()).value();
  process.Tick(Clock::now()).value();
}

void Serve(Server& server, std::uint64_t messages) {
  Poller poller;
  poller.Add(server);
  std::uint64_t received = 0;
  while (received < messages || server.NextDeadline().has_value()) {
    while (const auto event = server.Receive().value()) {
      if (std::holds_alternative<Received>(*event)) ++received;
    }
    if (received < messages || server.NextDeadline().has_value()) WaitFor(poller, server);
  }
}

int Run(std::uint64_t messages) {
  Context context;
  Server server = Server::Bind(context, "verifier", "ipc://*").value();
  Client client = Client::Connect(context, "listener-1", server.endpoint()).value();
  const Time start = Clock::now();
  std::thread thread([&] { Serve(server, messages); });
  Poller poller;
  poller.Add(client);
  for (std::uint64_t sent = 0; sent < messages || client.UnacknowledgedMessages() > 0;) {
    while (sent < messages && client.UnacknowledgedMessages() < kWindow) {
      ++sent;
      client
          .Send(Encode(Commit{.xid = model::Xid{static_cast<std::uint32_t>(sent)},
                              .end_lsn = model::Lsn{sent << 8},
                              .digest = {sent, sent},
                              .changes = 4,
                              .run_changes = 4}))
          .value();
    }
    while (client.Receive().value().has_value()) {
    }
    if (client.UnacknowledgedMessages() >= kWindow || sent == messages) {
      if (client.UnacknowledgedMessages() > 0) WaitFor(poller, client);
    }
  }
  const std::chrono::duration<double> elapsed = Clock::now() - start;
  thread.join();
  std::printf("%llu messages in %.2f s: %.0f/s\n", static_cast<unsigned long long>(messages),
              elapsed.count(), static_cast<double>(messages) / elapsed.count());
  return 0;
}

}  // namespace
}  // namespace lockstep::wire

int main(int argc, char** argv) {
  return lockstep::wire::Run(argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 1'000'000);
}
