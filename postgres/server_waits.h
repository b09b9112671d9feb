// What this process waits for at its servers, and how another thread ends that wait: the watchdog,
// when the process is to stop. It is for the whole process, as the signal is; thread-safe.
#ifndef LOCKSTEP_POSTGRES_SERVER_WAITS_H_
#define LOCKSTEP_POSTGRES_SERVER_WAITS_H_

#include <cstdint>
#include <string>
#include <string_view>

struct pg_conn;

namespace lockstep::postgres {

// "host=db dbname=shop: SELECT 1 (for 12 s)"; where nothing is waited for, the servers that there
// are connections to; empty: none.
std::string DescribeServerWaits();

// SQLSTATE of what was cancelled, or interrupted.
inline constexpr std::string_view kCancelled = "57014";

// The statements and connection attempts that are waited for now fail within seconds, with
// kEnvironment and kCancelled. Servers are asked to cancel what they do for us. Does not block.
void InterruptServerWaits();

// Inside postgres/ only: one such wait, as long as this lives.
class ServerWait {
 public:
  ServerWait(const std::string& server, std::string what);
  ServerWait(const ServerWait&) = delete;
  ServerWait& operator=(const ServerWait&) = delete;
  ~ServerWait();
  // Since it began.
  bool WasInterrupted() const;

 private:
  std::uint64_t id_;
  std::uint64_t interrupts_before_;
};

// Inside postgres/ only: `connection` is made, and about to be closed.
void RegisterConnection(pg_conn* connection, const std::string& server);
void ForgetConnection(const pg_conn* connection);
// Asks the server to cancel what it does for `connection`; does not wait for that.
void CancelWithoutWaiting(pg_conn* connection);

}  // namespace lockstep::postgres

#endif  // LOCKSTEP_POSTGRES_SERVER_WAITS_H_
