// Waits for Servers, Clients and file descriptors together.
//
// What it watches must outlive it, or be removed, and must not be moved meanwhile. One thread.
#ifndef LOCKSTEP_WIRE_POLLER_H_
#define LOCKSTEP_WIRE_POLLER_H_

#include <poll.h>

#include <cstddef>
#include <optional>
#include <span>
#include <vector>

#include "model/error.h"
#include "wire/link.h"
#include "wire/peer.h"

namespace lockstep::wire {

struct Interest {
  bool read = false;
  bool write = false;
};

class Poller {
 public:
  // Names what is watched, in the order of adding, from 0. Never given twice.
  using Token = std::size_t;

  Token Add(const Server& server);
  Token Add(const Client& client);
  // E.g. a libpq socket, a signalfd. With no interest it is watched for errors only.
  Token AddFd(int fd, Interest interest);
  void SetInterest(Token fd, Interest interest);
  void Remove(Token token);

  struct Ready {
    Token token = 0;
    bool readable = false;
    bool writable = false;
    bool failed = false;  // fds only: error or hang-up; reading will say more
  };
  // Returns what is ready; nothing at `deadline` (nullopt: never), or when a signal came. Valid
  // until the next call. Never returns before the deadline for nothing but a signal.
  model::Result<std::span<const Ready>> Wait(std::optional<Time> deadline);

 private:
  Token AddSocket(const PeerSocket* socket);

  struct Watched {
    Token token = 0;
    const PeerSocket* socket = nullptr;  // nullptr: an fd
    bool is_readable = false;            // of a socket, as its events were read before the wait
  };

  std::vector<pollfd> items_;
  std::vector<Watched> watched_;  // what items_[i] is
  std::vector<Ready> ready_;
  Token next_token_ = 0;
};

// The earlier of two deadlines, where nullopt is never.
std::optional<Time> Earlier(std::optional<Time> a, std::optional<Time> b);

}  // namespace lockstep::wire

#endif  // LOCKSTEP_WIRE_POLLER_H_
