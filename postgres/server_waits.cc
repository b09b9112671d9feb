#include "postgres/server_waits.h"

#include <fmt/format.h>
#include <postgresql/libpq-fe.h>

#include <array>
#include <chrono>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <thread>
#include <utility>
#include <vector>

namespace lockstep::postgres {
namespace {

using Clock = std::chrono::steady_clock;

struct FreeCancel {
  void operator()(PGcancel* cancel) const { PQfreeCancel(cancel); }
};
using CancelKey = std::shared_ptr<PGcancel>;

CancelKey KeyOf(pg_conn* connection) { return {PQgetCancel(connection), FreeCancel()}; }

struct Wait {
  std::string server;
  std::string what;
  Clock::time_point since;
};

struct LiveConnection {
  std::string server;
  CancelKey key;
};

struct Waits {
  std::mutex mutex;
  std::map<std::uint64_t, Wait> waits;
  std::map<const pg_conn*, LiveConnection> connections;
  std::uint64_t interrupts = 0;
  std::uint64_t last_id = 0;
};

// Never destroyed: threads that still ask a dead server may outlive main.
Waits& All() {
  static Waits& all = *new Waits;
  return all;
}

// PQcancel connects and waits for the server to hang up, which a dead one does not: on a thread
// that nobody waits for. One for all: they go to one server.
void CancelAll(std::vector<CancelKey> keys) {
  std::thread([keys = std::move(keys)] {
    std::array<char, 256> message{};
    for (const CancelKey& key : keys) {
      if (key) PQcancel(key.get(), message.data(), static_cast<int>(message.size()));
    }
  }).detach();
}

}  // namespace

std::string DescribeServerWaits() {
  Waits& all = All();
  const std::lock_guard lock(all.mutex);
  std::string text;
  for (const auto& [id, wait] : all.waits) {
    const std::chrono::duration<double> age = Clock::now() - wait.since;
    text += fmt::format("{}{}: {} (for {:.0f} s)", text.empty() ? "" : "; ", wait.server, wait.what,
                        age.count());
  }
  if (!text.empty()) return text;
  std::set<std::string> servers;
  for (const auto& [connection, live] : all.connections) servers.insert(live.server);
  for (const std::string& server : servers) text += (text.empty() ? "" : "; ") + server;
  return text;
}

void InterruptServerWaits() {
  Waits& all = All();
  std::vector<CancelKey> keys;
  {
    const std::lock_guard lock(all.mutex);
    ++all.interrupts;
    for (const auto& [connection, live] : all.connections) keys.push_back(live.key);
  }
  if (!keys.empty()) CancelAll(std::move(keys));
}

ServerWait::ServerWait(const std::string& server, std::string what) {
  Waits& all = All();
  const std::lock_guard lock(all.mutex);
  id_ = ++all.last_id;
  interrupts_before_ = all.interrupts;
  all.waits.emplace(id_, Wait{server, std::move(what), Clock::now()});
}

ServerWait::~ServerWait() {
  Waits& all = All();
  const std::lock_guard lock(all.mutex);
  all.waits.erase(id_);
}

bool ServerWait::WasInterrupted() const {
  Waits& all = All();
  const std::lock_guard lock(all.mutex);
  return all.interrupts != interrupts_before_;
}

void RegisterConnection(pg_conn* connection, const std::string& server) {
  Waits& all = All();
  const std::lock_guard lock(all.mutex);
  all.connections[connection] = {server, KeyOf(connection)};
}

void ForgetConnection(const pg_conn* connection) {
  Waits& all = All();
  const std::lock_guard lock(all.mutex);
  all.connections.erase(connection);
}

void CancelWithoutWaiting(pg_conn* connection) { CancelAll({KeyOf(connection)}); }

}  // namespace lockstep::postgres
