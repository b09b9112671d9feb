// ZeroMQ's context, socket and frame as owners that close themselves, with errors as values.
//
// Used by peer.cc and poller.cc only. A Socket belongs to one thread.
#ifndef LOCKSTEP_WIRE_SOCKET_H_
#define LOCKSTEP_WIRE_SOCKET_H_

#include <zmq.h>

#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "model/error.h"

namespace lockstep::wire {

// "what: why", from ZeroMQ's errno.
std::unexpected<model::Error> FailZmq(model::ErrorKind kind, std::string what);

// ZeroMQ's thread that moves bytes. Outlives every Server and Client made with it; its destructor
// waits for their linger.
class Context {
 public:
  Context();
  ~Context();
  Context(const Context&) = delete;
  Context& operator=(const Context&) = delete;

  void* handle() const { return handle_; }

 private:
  void* handle_;
};

// One frame of a message. Reused from one receive to the next.
class Frame {
 public:
  Frame() { zmq_msg_init(&message_); }
  // Of `size` bytes, to be written through data().
  explicit Frame(std::size_t size);
  // Shares `bytes` with the sender, without a copy, until ZeroMQ has written it out.
  explicit Frame(std::shared_ptr<const std::string> bytes);
  ~Frame() { zmq_msg_close(&message_); }
  Frame(const Frame&) = delete;
  Frame& operator=(const Frame&) = delete;

  void* data() { return zmq_msg_data(&message_); }
  std::string_view view() const {
    auto* message = const_cast<zmq_msg_t*>(&message_);
    return {static_cast<const char*>(zmq_msg_data(message)), zmq_msg_size(message)};
  }
  bool has_more() const { return zmq_msg_more(&message_) != 0; }
  zmq_msg_t* message() { return &message_; }

 private:
  zmq_msg_t message_;
};

class Socket {
 public:
  static model::Result<Socket> Open(Context& context, int type);
  Socket(Socket&& other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}
  Socket& operator=(Socket&& other) noexcept;
  ~Socket();

  void* handle() const { return handle_; }
  // Options of ours, with values of ours: a refusal is a fault of ours.
  void Set(int option, int value);
  void Set(int option, std::string_view value);
  std::string LastEndpoint() const;

  // ZMQ_FD: edge-triggered, so IsReadable() is to be asked after every send and receive before it
  // is waited for.
  int signal_fd() const;
  bool IsReadable() const;

  enum class Sent { kDone, kFull, kUnreachable };
  // Never blocks.
  model::Result<Sent> Send(Frame& frame, bool has_more);
  // False: there is nothing to read. Never blocks.
  model::Result<bool> Receive(Frame& frame);

 private:
  explicit Socket(void* handle) : handle_(handle) {}
  void* handle_;
};

}  // namespace lockstep::wire

#endif  // LOCKSTEP_WIRE_SOCKET_H_
