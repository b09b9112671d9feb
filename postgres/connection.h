// A connection to Postgres and the results of its statements, over libpq.
//
// Every session has settings of its own (postgres/session_settings.h), whatever role, database, URI
// and PGOPTIONS say: text means the same everywhere (model/text_form.h), names mean what the system
// catalog has (search_path is pg_catalog), nothing waits for a standby. client_encoding is UTF8, or
// SQL_ASCII (TextEncoding). What the URI or PGOPTIONS say beside that is kept. A server that is
// gone without a word (over TCP) is kDisconnected after a minute or so; what the URI says of
// keepalives and tcp_user_timeout counts.
//
// Not thread-safe: one connection belongs to one thread at a time. These calls block, but not for
// ever: not longer than a server is silent for `answer_timeout`, nor when they are interrupted
// (postgres/server_waits.h).
#ifndef LOCKSTEP_POSTGRES_CONNECTION_H_
#define LOCKSTEP_POSTGRES_CONNECTION_H_

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "model/error.h"
#include "model/lsn.h"

struct pg_conn;
struct pg_result;

namespace lockstep::postgres {

enum class ConnectionKind {
  kSql,
  kReplication,  // replication=database: replication commands, and SQL without parameters
};

enum class TextEncoding {
  // Nothing is converted: some plugins send text so whatever is asked for, and COPY must agree.
  kDatabase,
  kUtf8,  // for what people read; not where the database is in SQL_ASCII, which says nothing
};

struct ConnectionOptions {
  std::string application_name = "lockstep";
  TextEncoding encoding = TextEncoding::kDatabase;
  // For all of the connecting; connect_timeout in the conninfo wins.
  std::chrono::seconds connect_timeout{10};
  // How long the server lets a statement of the session wait for a lock, and take in all; 0: for
  // ever. SQLSTATE 55P03 and 57014 then.
  std::chrono::milliseconds lock_timeout{0};
  std::chrono::milliseconds statement_timeout{0};
  // How long the server may be silent while a statement is waited for; unset: two minutes, ten on a
  // replication connection, where the making of a slot waits for others.
  std::optional<std::chrono::seconds> answer_timeout = {};
};

// The session of one who looks at somebody's database now and then: its questions are answered from
// the catalog at once, or not now. While it waits another session of ours may hold what somebody
// else waits for, so it waits a little only.
ConnectionOptions OnlookerOptions(std::string application_name);

// The rows and the tag of one statement. Moves; owns libpq's buffer, into which every view points.
class QueryResult {
 public:
  explicit QueryResult(pg_result* result) : result_(result) {}

  int rows() const;
  int columns() const;
  std::string_view ColumnName(int column) const;
  // The value as text; empty when null. Row and column must exist.
  std::string_view Text(int row, int column) const;
  bool IsNull(int row, int column) const;
  // As Text, with null told apart.
  std::optional<std::string_view> Cell(int row, int column) const;
  // "INSERT 0 1", "COMMIT", ...
  std::string_view command_tag() const;
  // What the tag says; 0 for statements that count nothing.
  std::uint64_t affected_rows() const;

 private:
  struct Clear {
    void operator()(pg_result* result) const;
  };
  std::unique_ptr<pg_result, Clear> result_;
};

class Connection {
 public:
  // `conninfo`: URI or keyword=value string. Errors: kUsage when it cannot be parsed, or the server
  // refuses this user, database or right; kDisconnected when the server cannot be reached or does
  // not take connections now. `sqlstate` is set where the server answered. No message contains the
  // password.
  static model::Result<Connection> Open(const std::string& conninfo, ConnectionKind kind,
                                        const ConnectionOptions& options = {});

  Connection(Connection&&) noexcept = default;
  Connection& operator=(Connection&&) noexcept = default;

  // Runs one statement or several separated by semicolons (the last one's result is returned). kSql
  // with SQLSTATE when the server refuses it, kDisconnected when the connection is lost.
  model::Result<QueryResult> Execute(const std::string& sql);
  // One statement with text parameters $1, $2, ...; nullopt is null. Not on a replication
  // connection.
  model::Result<QueryResult> Execute(const std::string& sql,
                                     std::span<const std::optional<std::string_view>> parameters);
  // The first column of the only row; kSql when there is another number of rows, or it is null.
  model::Result<std::string> Scalar(const std::string& sql);
  model::Result<model::Lsn> ScalarLsn(const std::string& sql);

  // `sql` is a COPY ... FROM STDIN; `data` is all of its input. Returns the number of rows.
  model::Result<std::uint64_t> CopyIn(const std::string& sql, std::string_view data);

  ConnectionKind kind() const { return kind_; }
  // As server_version_num: 150020 for 15.20.
  int server_version() const;
  int backend_pid() const;
  bool IsAlive() const;
  // Where it is connected to, for messages: no password.
  const std::string& description() const { return description_; }

  // Asks the server to cancel the running statement; opens a short connection of its own.
  model::Result<void> Cancel();

 private:
  friend class LibpqAccess;
  struct Finish {
    void operator()(pg_conn* connection) const;
  };
  Connection(pg_conn* connection, ConnectionKind kind, std::string description,
             std::chrono::seconds answer_timeout)
      : connection_(connection),
        kind_(kind),
        description_(std::move(description)),
        answer_timeout_(answer_timeout) {}

  std::unique_ptr<pg_conn, Finish> connection_;
  ConnectionKind kind_;
  std::string description_;
  std::chrono::seconds answer_timeout_;
};

// The conninfo without passwords and without anything that could hold one, for messages and logs.
std::string MaskConninfo(const std::string& conninfo);

}  // namespace lockstep::postgres

#endif  // LOCKSTEP_POSTGRES_CONNECTION_H_
