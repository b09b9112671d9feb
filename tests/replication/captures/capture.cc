// Prints what a walsender sends for a slot, one CopyData message a line in hex, headers and
// keepalives included. Makes the fixtures of tests/replication; not a test.
//
//   capture CONNINFO SLOT STOP_LSN [OPTIONS]
//
// OPTIONS are the plugin's, as START_REPLICATION takes them between its parentheses.
// Ends with the first keepalive that asks for a reply at or after STOP_LSN: set wal_sender_timeout
// short. Nothing is confirmed.
#include <postgresql/libpq-fe.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

namespace {

[[noreturn]] void Die(PGconn* connection) {
  std::fprintf(stderr, "capture: %s", PQerrorMessage(connection));
  std::exit(EXIT_FAILURE);
}

void PrintHex(std::string_view bytes) {
  for (char c : bytes) std::printf("%02x", static_cast<unsigned char>(c));
  std::printf("\n");
}

// True for the keepalive that ends the capture.
bool IsEnd(std::string_view bytes, std::uint64_t stop_lsn) {
  if (bytes.size() != 18 || bytes[0] != 'k' || bytes[17] == 0) return false;
  std::uint64_t end = 0;
  for (char c : bytes.substr(1, 8)) end = end << 8 | static_cast<unsigned char>(c);
  return end >= stop_lsn;
}

}  // namespace

int main(int argc, char** argv) {
  std::uint32_t high = 0;
  std::uint32_t low = 0;
  if (argc < 4 || argc > 5 || std::sscanf(argv[3], "%X/%X", &high, &low) != 2) {
    std::fprintf(stderr, "usage: capture CONNINFO SLOT STOP_LSN [OPTIONS]\n");
    return EXIT_FAILURE;
  }
  PGconn* connection = PQconnectdb(argv[1]);
  if (PQstatus(connection) != CONNECTION_OK) Die(connection);
  std::string start = "START_REPLICATION SLOT " + std::string(argv[2]) + " LOGICAL 0/0";
  if (argc == 5) start += " (" + std::string(argv[4]) + ")";
  PGresult* result = PQexec(connection, start.c_str());
  if (PQresultStatus(result) != PGRES_COPY_BOTH) Die(connection);
  PQclear(result);
  while (true) {
    char* buffer = nullptr;
    const int size = PQgetCopyData(connection, &buffer, /*async=*/0);
    if (size < 0) Die(connection);
    const std::string_view message(buffer, static_cast<std::size_t>(size));
    PrintHex(message);
    if (IsEnd(message, std::uint64_t{high} << 32 | low)) break;
    PQfreemem(buffer);
  }
  PQfinish(connection);
}
