// Messages between named processes, reliably: a Server binds one endpoint and talks to any number
// of Clients.
//
//   Client "generator"  ──┐
//   Client "applier"    ──┼── DEALER ↔ ROUTER ──►  Server "verifier"       a Link on each side of
//   each line Client "listener-1" ──┘
//
// What Send() takes is delivered to the peer of that name once and in order, also when the
// connection breaks, the peer is not there yet, or the peer's process is replaced (then what the
// old one did not acknowledge goes to the new one). A process is replaced when its connection is
// gone: as long as it stands, another one of the same name is not heard.
//
// Nothing here blocks, sleeps or starts a thread of its own. The owner polls (wire/poller.h), calls
// Receive() until it has nothing more, and Tick() at NextDeadline(). A Server or Client belongs to
// one thread.
#ifndef LOCKSTEP_WIRE_PEER_H_
#define LOCKSTEP_WIRE_PEER_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "model/error.h"
#include "wire/encoded.h"
#include "wire/link.h"
#include "wire/message.h"
#include "wire/socket.h"

namespace lockstep::wire {

struct PeerOptions {
  // In messages, per peer and direction; far above what credit lets anybody send. Reaching it is an
  // error of Send().
  int high_water_mark = 1'000'000;
  // Larger bodies are refused by Send(), and break the connection when a stranger sends one.
  std::size_t message_bytes_max = std::size_t{256} << 20;
  // More names than a run has processes: what strangers call themselves takes no memory beyond.
  std::size_t peers_max = 1'000;
  LinkOptions link;
};

// A message, the next one of this peer.
struct Received {
  std::string peer;
  Message message;
  std::size_t body_bytes = 0;  // as sent: what credit counts
};

// A process of this name is heard for the first time. Comes before its first message.
struct PeerStarted {
  std::string peer;
  bool is_restart = false;  // it replaces another one, whose state is lost
  std::uint64_t discarded =
      0;  // messages to the old one, forgotten by LinkOptions::resend_to_new_incarnation
};

// Messages that were acknowledged by an earlier process of *our* name, or could not be read, and
// are gone. The run is inconclusive.
struct MessagesLost {
  std::string peer;
  std::uint64_t count = 0;
};

using Event = std::variant<Received, PeerStarted, MessagesLost>;

class PeerSocket;  // what Server and Client share; in peer.cc

class Server {
 public:
  // `name` is what clients know this process by: 1 to 255 bytes. `endpoint`: "ipc://PATH" (PATH at
  // most 107 bytes) or "tcp://ADDRESS:PORT", PORT may be *. kUsage when it cannot be understood,
  // kEnvironment when it is taken.
  static model::Result<Server> Bind(Context& context, std::string name, const std::string& endpoint,
                                    PeerOptions options = {});
  Server(Server&&) noexcept;
  Server& operator=(Server&&) noexcept;
  ~Server();

  // Where clients connect to, with the port that was chosen.
  const std::string& endpoint() const;

  // The message is kept until `peer`, which need not be there yet, acknowledges it. kEnvironment,
  // naming endpoint and peer, when the high-water mark is reached: the message is kept all the
  // same, but somebody sends without credit.
  model::Result<void> Send(std::string_view peer, const Encoded& message);

  // The next event; nullopt when there is nothing more to read. kMalformed, naming the peer, for
  // what does not follow the format, and for what comes under the name of a process that is there:
  // it is skipped, the next call goes on behind it (wire/dropped_frames.h).
  model::Result<std::optional<Event>> Receive();

  // To be called at NextDeadline() or later: acknowledgements, probes and what waited for an absent
  // peer.
  model::Result<void> Tick(Time now);
  std::optional<Time> NextDeadline() const;

  // Not yet acknowledged; of one peer, and of all.
  std::size_t UnacknowledgedBytes(std::string_view peer) const;
  std::size_t UnacknowledgedMessages() const;

 private:
  friend class Poller;
  explicit Server(std::unique_ptr<PeerSocket> socket);
  std::unique_ptr<PeerSocket> socket_;
};

class Client {
 public:
  // `name` is what the server knows this process by, different from every other client's: 1 to 255
  // bytes. The server need not be there yet.
  static model::Result<Client> Connect(Context& context, std::string name,
                                       const std::string& endpoint, PeerOptions options = {});
  Client(Client&&) noexcept;
  Client& operator=(Client&&) noexcept;
  ~Client();

  // As Server's.
  model::Result<void> Send(const Encoded& message);
  model::Result<std::optional<Event>> Receive();
  model::Result<void> Tick(Time now);
  // Acknowledges at once what was received: for a process that is about to leave.
  model::Result<void> AcknowledgeNow();
  std::optional<Time> NextDeadline() const;
  std::size_t UnacknowledgedBytes() const;
  std::size_t UnacknowledgedMessages() const;

 private:
  friend class Poller;
  explicit Client(std::unique_ptr<PeerSocket> socket);
  std::unique_ptr<PeerSocket> socket_;
};

}  // namespace lockstep::wire

#endif  // LOCKSTEP_WIRE_PEER_H_
