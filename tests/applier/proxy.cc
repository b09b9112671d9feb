#include "tests/applier/proxy.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <stdexcept>
#include <string_view>
#include <utility>

namespace lockstep::applier {
namespace {

constexpr const char* kSocketName = "/.s.PGSQL.5432";

sockaddr_un AddressOf(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) throw std::runtime_error("path too long: " + path);
  std::memcpy(address.sun_path, path.data(), path.size());
  return address;
}

int MakeSocket() {
  const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) throw std::runtime_error("socket");
  return fd;
}

bool WriteAll(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t written = send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (written <= 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
  return true;
}

// Empty at the end.
std::string Read(int fd) {
  std::string bytes(1 << 16, '\0');
  const ssize_t count = read(fd, bytes.data(), bytes.size());
  bytes.resize(count > 0 ? static_cast<std::size_t>(count) : 0);
  return bytes;
}

// CommandComplete and the text of a Parse message, both end in a zero byte.
constexpr std::string_view kCommit("COMMIT\0", 7);

}  // namespace

Proxy::Proxy(const std::string& server_directory, std::string cut_at)
    : server_path_(server_directory + kSocketName), cut_at_(std::move(cut_at)) {
  std::string pattern = "/tmp/lockstep_proxy_XXXXXX";
  if (mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("mkdtemp");
  directory_ = pattern;
  listener_ = MakeSocket();
  const sockaddr_un address = AddressOf(directory_ + kSocketName);
  if (bind(listener_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
      listen(listener_, 16) != 0 || pipe(stop_) != 0) {
    throw std::runtime_error("proxy: " + std::string(std::strerror(errno)));
  }
  accepting_ = std::thread([this] { Accept(); });
}

Proxy::~Proxy() {
  close(stop_[1]);  // everybody who waits sees it
  accepting_.join();
  for (std::thread& thread : threads_) thread.join();
  if (held_server_ >= 0) close(held_server_);
  close(stop_[0]);
  close(listener_);
  std::filesystem::remove_all(directory_);
}

std::string Proxy::conninfo() const {
  return "host=" + directory_ + " port=5432 user=postgres dbname=postgres";
}

void Proxy::Accept() {
  while (true) {
    std::array<pollfd, 2> waiting = {pollfd{listener_, POLLIN, 0}, pollfd{stop_[0], POLLIN, 0}};
    if (poll(waiting.data(), waiting.size(), -1) < 0) continue;
    if (waiting[1].revents != 0) return;
    const int client = accept(listener_, nullptr, nullptr);
    if (client >= 0) threads_.emplace_back([this, client] { Relay(client); });
  }
}

void Proxy::Relay(int client) {
  const int server = MakeSocket();
  const sockaddr_un address = AddressOf(server_path_);
  bool open = connect(server, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
  while (open) {
    std::array<pollfd, 3> waiting = {pollfd{client, POLLIN, 0}, pollfd{server, POLLIN, 0},
                                     pollfd{stop_[0], POLLIN, 0}};
    if (poll(waiting.data(), waiting.size(), -1) < 0) continue;
    if (waiting[2].revents != 0) break;
    if (waiting[0].revents != 0) {
      const std::string bytes = Read(client);
      open = !bytes.empty() && ToServer(server, bytes);
    }
    if (open && waiting[1].revents != 0) {
      const std::string bytes = Read(server);
      open = !bytes.empty() && ToClient(client, bytes);
    }
  }
  close(client);
  if (held_server_ != server) close(server);
}

bool Proxy::ToServer(int server, const std::string& bytes) {
  if (!cut_at_.empty() && bytes.find(cut_at_) != std::string::npos) {
    happened_ = true;
    return false;
  }
  Fault expected = Fault::kDelayScript;
  if (bytes.find(kCommit) == std::string::npos ||
      !fault_.compare_exchange_strong(expected, Fault::kNone)) {
    return WriteAll(server, bytes);
  }
  held_ = bytes;
  held_server_ = server;
  happened_ = true;
  return false;
}

bool Proxy::ToClient(int client, std::string bytes) {
  const std::size_t at = bytes.find(kCommit);
  if (at == std::string::npos) return WriteAll(client, bytes);
  const Fault fault = fault_;
  if (fault != Fault::kLoseAnswerToCommit && fault != Fault::kLoseAllAnswers) {
    return WriteAll(client, bytes);
  }
  fault_ = Fault::kNone;
  happened_ = true;
  // 'C', four bytes of length, the tag.
  if (fault == Fault::kLoseAnswerToCommit) WriteAll(client, bytes.substr(0, at - 5));
  return false;
}

void Proxy::Deliver() {
  if (!WriteAll(held_server_, held_)) return;
  // Its answer to the Sync, or its end; before that, notices that it ends.
  for (std::string answer = Read(held_server_); !answer.empty(); answer = Read(held_server_)) {
    if (answer.find(kCommit) != std::string::npos) return;
  }
}

}  // namespace lockstep::applier
