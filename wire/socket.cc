#include "wire/socket.h"

#include <array>
#include <cassert>
#include <cerrno>
#include <new>

namespace lockstep::wire {

using model::ErrorKind;
using model::Fail;
using model::Result;

std::unexpected<model::Error> FailZmq(ErrorKind kind, std::string what) {
  return Fail(kind, std::move(what) + ": " + zmq_strerror(zmq_errno()));
}

Context::Context() : handle_(zmq_ctx_new()) {
  if (handle_ == nullptr) throw std::bad_alloc();
}

Context::~Context() {
  // A signal ends the wait for the sockets' linger; it has to be asked for again.
  while (zmq_ctx_term(handle_) != 0 && zmq_errno() == EINTR) {
  }
}

Frame::Frame(std::size_t size) {
  if (zmq_msg_init_size(&message_, size) != 0) throw std::bad_alloc();
}

Frame::Frame(std::shared_ptr<const std::string> bytes) {
  using Owner = std::shared_ptr<const std::string>;
  auto owner = std::make_unique<Owner>(std::move(bytes));
  // ZeroMQ wants a mutable pointer and does not write through it.
  auto* data = const_cast<char*>((*owner)->data());
  const auto release = [](void*, void* hint) { delete static_cast<Owner*>(hint); };
  if (zmq_msg_init_data(&message_, data, (*owner)->size(), release, owner.get()) != 0) {
    throw std::bad_alloc();
  }
  owner.release();
}

Result<Socket> Socket::Open(Context& context, int type) {
  void* handle = zmq_socket(context.handle(), type);
  if (handle == nullptr) return FailZmq(ErrorKind::kEnvironment, "cannot open a ZeroMQ socket");
  return Socket(handle);
}

Socket& Socket::operator=(Socket&& other) noexcept {
  std::swap(handle_, other.handle_);
  return *this;
}

Socket::~Socket() {
  if (handle_ != nullptr) zmq_close(handle_);
}

void Socket::Set(int option, int value) {
  [[maybe_unused]] const int result = zmq_setsockopt(handle_, option, &value, sizeof value);
  assert(result == 0);
}

void Socket::Set(int option, std::string_view value) {
  [[maybe_unused]] const int result = zmq_setsockopt(handle_, option, value.data(), value.size());
  assert(result == 0);
}

std::string Socket::LastEndpoint() const {
  std::array<char, 1024> endpoint = {};
  std::size_t size = endpoint.size();
  [[maybe_unused]] const int result =
      zmq_getsockopt(handle_, ZMQ_LAST_ENDPOINT, endpoint.data(), &size);
  assert(result == 0);
  return std::string(endpoint.data());
}

Result<Socket::Sent> Socket::Send(Frame& frame, bool has_more) {
  const int flags = ZMQ_DONTWAIT | (has_more ? ZMQ_SNDMORE : 0);
  while (zmq_msg_send(frame.message(), handle_, flags) < 0) {
    if (zmq_errno() == EAGAIN) return Sent::kFull;
    if (zmq_errno() == EHOSTUNREACH) return Sent::kUnreachable;
    if (zmq_errno() != EINTR) return FailZmq(ErrorKind::kEnvironment, "cannot send");
  }
  return Sent::kDone;
}

Result<bool> Socket::Receive(Frame& frame) {
  while (zmq_msg_recv(frame.message(), handle_, ZMQ_DONTWAIT) < 0) {
    if (zmq_errno() == EAGAIN) return false;
    if (zmq_errno() != EINTR) return FailZmq(ErrorKind::kEnvironment, "cannot receive");
  }
  return true;
}

int Socket::signal_fd() const {
  int fd = -1;
  std::size_t size = sizeof(fd);
  zmq_getsockopt(handle_, ZMQ_FD, &fd, &size);
  return fd;
}

bool Socket::IsReadable() const {
  int events = 0;
  std::size_t size = sizeof(events);
  return zmq_getsockopt(handle_, ZMQ_EVENTS, &events, &size) == 0 && (events & ZMQ_POLLIN) != 0;
}

}  // namespace lockstep::wire
