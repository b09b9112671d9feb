#include "postgres/connection.h"

#include <fmt/format.h>
#include <poll.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cerrno>
#include <cstdlib>
#include <utility>
#include <vector>

#include "postgres/answer.h"
#include "postgres/libpq_access.h"
#include "postgres/remedy.h"
#include "postgres/server_waits.h"
#include "postgres/session_settings.h"

namespace lockstep::postgres {
namespace {

using model::Error;
using model::ErrorKind;
using model::Fail;
using model::Result;

// A server whose machine or network is gone says nothing: the kernel asks after 30 s of silence,
// and gives up when nothing was acknowledged for a minute (else for hours). Over TCP only.
constexpr std::array<std::pair<const char*, const char*>, 4> kNetworkTimeouts = {
    {{"keepalives_idle", "30"},
     {"keepalives_interval", "10"},
     {"keepalives_count", "3"},
     {"tcp_user_timeout", "60000"}}};  // ms, the others in seconds

struct FreeOptions {
  void operator()(PQconninfoOption* options) const { PQconninfoFree(options); }
};
using ParsedConninfo = std::unique_ptr<PQconninfoOption, FreeOptions>;

// libpq quotes what it could not parse, which may be the password.
std::string WithoutQuotedParts(std::string message) {
  std::size_t first = message.find('"');
  std::size_t last = message.rfind('"');
  if (first != last) message.replace(first, last - first + 1, "\"...\"");
  std::erase(message, '\n');
  return message;
}

Result<ParsedConninfo> Parse(const std::string& conninfo) {
  char* message = nullptr;
  ParsedConninfo parsed(PQconninfoParse(conninfo.c_str(), &message));
  std::unique_ptr<char, void (*)(void*)> owned(message, PQfreemem);
  if (!parsed) {
    return Fail(ErrorKind::kUsage,
                fmt::format("cannot parse the connection string: {}; write it as "
                            "postgresql://user@host:5432/database or as host=... dbname=...",
                            WithoutQuotedParts(message == nullptr ? "out of memory" : message)));
  }
  return parsed;
}

std::string Describe(const PQconninfoOption* options) {
  static constexpr std::array<std::string_view, 5> kShown = {"host", "hostaddr", "port", "dbname",
                                                             "user"};
  std::string out;
  for (const PQconninfoOption* option = options; option->keyword != nullptr; ++option) {
    if (option->val == nullptr || std::ranges::find(kShown, option->keyword) == kShown.end()) {
      continue;
    }
    out += fmt::format("{}{}={}", out.empty() ? "" : " ", option->keyword, option->val);
  }
  return out.empty() ? "the default server" : out;
}

// "FATAL:  28P01: password authentication failed" -> the SQLSTATE; the message keeps the rest.
std::string TakeSqlstate(std::string& message) {
  for (std::string_view severity : {"FATAL:  ", "ERROR:  "}) {
    std::size_t at = message.rfind(severity);
    if (at == std::string::npos) continue;
    std::size_t start = at + severity.size();
    if (message.size() < start + 7 || message.compare(start + 5, 2, ": ") != 0) continue;
    std::string sqlstate = message.substr(start, 5);
    message.erase(start, 7);
    return sqlstate;
  }
  return {};
}

Error OpenError(const PGconn* connection, const std::string& description) {
  std::string message = PQerrorMessage(connection);
  if (std::size_t location = message.find("\nLOCATION:"); location != std::string::npos) {
    message.erase(location);
  }
  while (!message.empty() && message.back() == '\n') message.pop_back();
  std::string sqlstate = TakeSqlstate(message);
  // Authorisation, unknown database, missing right: no use to try again.
  bool refused = sqlstate.starts_with("28") || sqlstate.starts_with("3D") ||
                 sqlstate.starts_with("42") || sqlstate.starts_with("22");
  return WithRemedy(
      Error{refused ? ErrorKind::kUsage : ErrorKind::kDisconnected,
            fmt::format("cannot connect to {}: {}", description, message), std::move(sqlstate)},
      {});
}

void IgnoreNotice(void*, const PGresult*) {}

// How often a connecting looks whether it was interrupted.
constexpr std::int64_t kSlice_ms = 100;

// Polls the connecting to its end. False at the deadline, and when it was interrupted.
bool FinishConnecting(PGconn* connection, std::chrono::seconds timeout, const ServerWait& wait) {
  auto deadline = std::chrono::steady_clock::now() + timeout;
  PostgresPollingStatusType status = PGRES_POLLING_WRITING;
  while (status != PGRES_POLLING_OK && status != PGRES_POLLING_FAILED) {
    auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
        deadline - std::chrono::steady_clock::now());
    if (left.count() <= 0 || wait.WasInterrupted()) return false;
    short events = status == PGRES_POLLING_READING ? POLLIN : POLLOUT;
    pollfd waiting{PQsocket(connection), events, 0};
    int ready =
        poll(&waiting, 1, static_cast<int>(std::min<std::int64_t>(left.count(), kSlice_ms)));
    if (ready > 0) status = PQconnectPoll(connection);
  }
  return true;
}

// UTF8 was asked for before the server said its own encoding. SQL_ASCII stands for none: the bytes
// are those of the database, and xml_send does not write an encoding into them.
bool MustAskForNone(TextEncoding encoding, PGconn* connection) {
  const char* name = PQparameterStatus(connection, "server_encoding");
  const std::string_view own = name == nullptr ? "UTF8" : name;
  return own != "UTF8" && (encoding == TextEncoding::kDatabase || own == "SQL_ASCII");
}

// The making of a slot waits for the transactions of others, each time longer.
std::chrono::seconds DefaultAnswerTimeout(ConnectionKind kind) {
  return kind == ConnectionKind::kSql ? std::chrono::seconds(120) : std::chrono::seconds(600);
}

}  // namespace

bool IsSecret(const PQconninfoOption& option) {
  return option.dispchar != nullptr && std::string_view(option.dispchar) == "*";
}

std::string VariableOfSecret(const PQconninfoOption& option) {
  if (option.envvar != nullptr) return option.envvar;
  std::string name = std::string("LOCKSTEP_") + option.keyword;
  std::ranges::transform(name, name.begin(),
                         [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  return name;
}

Readiness WaitFor(int fd, bool or_writable, int timeout_ms) {
  pollfd waiting{fd, static_cast<short>(or_writable ? POLLIN | POLLOUT : POLLIN), 0};
  int ready = poll(&waiting, 1, timeout_ms);
  if (ready == 0 || (ready < 0 && errno == EINTR)) return Readiness::kTimeout;
  return (waiting.revents & ~POLLOUT) != 0 ? Readiness::kReadable : Readiness::kWritable;
}

std::string ServerMessage(const PGconn* connection, const PGresult* result) {
  const char* primary = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
  std::string message = primary != nullptr ? primary : PQresultErrorMessage(result);
  if (message.empty()) message = PQerrorMessage(connection);
  while (!message.empty() && message.back() == '\n') message.pop_back();
  for (int field : {PG_DIAG_MESSAGE_DETAIL, PG_DIAG_MESSAGE_HINT}) {
    if (const char* text = PQresultErrorField(result, field)) message += fmt::format(" ({})", text);
  }
  return message.empty() ? "no reason given" : message;
}

Error ErrorOf(const PGconn* connection, const PGresult* result, std::string_view attempted) {
  const char* code = PQresultErrorField(result, PG_DIAG_SQLSTATE);
  std::string sqlstate = code == nullptr ? "" : code;
  bool lost = PQstatus(connection) == CONNECTION_BAD || sqlstate.starts_with("57P0") ||
              sqlstate.starts_with("08");
  return Error{lost ? ErrorKind::kDisconnected : ErrorKind::kSql,
               fmt::format("{}: {}", attempted, ServerMessage(connection, result)),
               std::move(sqlstate)};
}

std::string Abbreviate(std::string_view sql) {
  constexpr std::size_t kShown = 200;  // enough to recognise a statement in a log line
  std::string lower(sql);
  std::ranges::transform(lower, lower.begin(),
                         [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  if (lower.find("password") != std::string::npos) {
    return std::string(sql.substr(0, sql.find(' '))) + " ... (hidden: names a password)";
  }
  if (sql.size() <= kShown) return std::string(sql);
  return std::string(sql.substr(0, kShown)) + "...";
}

std::string MaskConninfo(const std::string& conninfo) {
  Result<ParsedConninfo> parsed = Parse(conninfo);
  return parsed ? Describe(parsed->get()) : "(a connection string that cannot be parsed)";
}

int QueryResult::rows() const { return PQntuples(result_.get()); }
int QueryResult::columns() const { return PQnfields(result_.get()); }
std::string_view QueryResult::ColumnName(int column) const {
  return PQfname(result_.get(), column);
}
std::string_view QueryResult::Text(int row, int column) const {
  return {PQgetvalue(result_.get(), row, column),
          static_cast<std::size_t>(PQgetlength(result_.get(), row, column))};
}
bool QueryResult::IsNull(int row, int column) const {
  return PQgetisnull(result_.get(), row, column) != 0;
}
std::optional<std::string_view> QueryResult::Cell(int row, int column) const {
  if (IsNull(row, column)) return std::nullopt;
  return Text(row, column);
}
std::string_view QueryResult::command_tag() const { return PQcmdStatus(result_.get()); }
std::uint64_t QueryResult::affected_rows() const {
  return std::strtoull(PQcmdTuples(result_.get()), nullptr, 10);
}
void QueryResult::Clear::operator()(pg_result* result) const { PQclear(result); }
void Connection::Finish::operator()(pg_conn* connection) const {
  ForgetConnection(connection);
  PQfinish(connection);
}

ConnectionOptions OnlookerOptions(std::string application_name) {
  // Shorter than the shortest wait after which Postgres looks for a deadlock (deadlock_timeout, 1
  // s): it may end the user's statement for it.
  constexpr std::chrono::milliseconds kLockTimeout{500};
  // Of the catalog of some 100,000 tables.
  constexpr std::chrono::seconds kStatementTimeout{60};
  return {.application_name = std::move(application_name),
          .lock_timeout = kLockTimeout,
          .statement_timeout = kStatementTimeout};
}

Result<Connection> Connection::Open(const std::string& conninfo, ConnectionKind kind,
                                    const ConnectionOptions& options) {
  Result<ParsedConninfo> parsed = Parse(conninfo);
  if (!parsed) return std::unexpected(parsed.error());

  std::vector<const char*> keywords;
  std::vector<const char*> values;
  auto add = [&](const char* keyword, const char* value) {
    keywords.push_back(keyword);
    values.push_back(value);
  };
  // Of two values for one setting the later one counts: the URI's, then ours.
  for (const auto& [keyword, value] : kNetworkTimeouts) add(keyword, value);
  const char* session = std::getenv("PGOPTIONS");
  std::chrono::seconds timeout = options.connect_timeout;
  for (const PQconninfoOption* given = parsed->get(); given->keyword != nullptr; ++given) {
    std::string_view keyword = given->keyword;
    if (given->val == nullptr && IsSecret(*given)) {
      if (const char* secret = std::getenv(VariableOfSecret(*given).c_str()))
        add(given->keyword, secret);
    }
    if (given->val == nullptr || keyword == "client_encoding" || keyword == "replication") continue;
    if (keyword == "options") {
      session = given->val;
    } else if (keyword == "connect_timeout") {
      if (int seconds = std::atoi(given->val); seconds > 0) timeout = std::chrono::seconds(seconds);
    } else {
      add(given->keyword, given->val);
    }
  }
  bool replication = kind == ConnectionKind::kReplication;
  // As if they were given there: what is given beside them counts more.
  std::string given = session == nullptr ? "" : session;
  if (options.lock_timeout.count() > 0 || options.statement_timeout.count() > 0) {
    given = fmt::format("-c lock_timeout={} -c statement_timeout={} {}",
                        options.lock_timeout.count(), options.statement_timeout.count(), given);
  }
  const std::string settings = StartupOptions(given);
  add("options", settings.c_str());
  add("client_encoding", "UTF8");
  add("fallback_application_name", options.application_name.c_str());
  if (replication) add("replication", "database");
  add(nullptr, nullptr);

  std::string description = Describe(parsed->get());
  const ServerWait wait(description, "connecting");
  Connection connection(PQconnectStartParams(keywords.data(), values.data(), 0), kind, description,
                        options.answer_timeout.value_or(DefaultAnswerTimeout(kind)));
  PGconn* handle = connection.connection_.get();
  if (handle == nullptr) return Fail(ErrorKind::kEnvironment, "cannot connect: out of memory");
  PQsetErrorVerbosity(handle, PQERRORS_VERBOSE);  // the only way to the SQLSTATE of a refusal
  PQsetNoticeReceiver(handle, IgnoreNotice, nullptr);
  if (PQstatus(handle) == CONNECTION_BAD) return std::unexpected(OpenError(handle, description));
  if (!FinishConnecting(handle, timeout, wait)) {
    if (wait.WasInterrupted())
      return Fail(ErrorKind::kEnvironment,
                  fmt::format("cannot connect to {}: interrupted", description),
                  std::string(kCancelled));
    return Fail(ErrorKind::kDisconnected, fmt::format("cannot connect to {}: no answer within {} s",
                                                      description, timeout.count()));
  }
  if (PQstatus(handle) != CONNECTION_OK) return std::unexpected(OpenError(handle, description));
  PQsetErrorVerbosity(handle, PQERRORS_DEFAULT);
  RegisterConnection(handle, description);
  if (MustAskForNone(options.encoding, handle)) {
    if (auto set = connection.Execute("SET client_encoding = 'SQL_ASCII'"); !set)
      return std::unexpected(std::move(set.error()));
  }
  if (auto set = connection.Execute(SettingsStatement()); !set)
    return std::unexpected(std::move(set.error()));
  return connection;
}

namespace {

Result<QueryResult> Checked(PGconn* connection, PGresult* result, const std::string& sql) {
  QueryResult owned(result);
  switch (PQresultStatus(result)) {
    case PGRES_COMMAND_OK:
    case PGRES_TUPLES_OK:
    case PGRES_EMPTY_QUERY:
      return owned;
    default:
      return std::unexpected(ErrorOf(connection, result, Abbreviate(sql)));
  }
}

}  // namespace

Result<QueryResult> Connection::Execute(const std::string& sql) {
  auto answer = Ask(connection_.get(), sql, {description_, answer_timeout_});
  if (!answer) return std::unexpected(std::move(answer.error()));
  return Checked(connection_.get(), answer->release(), sql);
}

Result<QueryResult> Connection::Execute(
    const std::string& sql, std::span<const std::optional<std::string_view>> parameters) {
  std::vector<std::string> owned;  // libpq wants text that ends in a zero byte
  owned.reserve(parameters.size());
  std::vector<const char*> values;
  for (const auto& parameter : parameters) {
    owned.emplace_back(parameter.value_or(std::string_view()));
    values.push_back(parameter.has_value() ? owned.back().c_str() : nullptr);
  }
  if (PQsendQueryParams(connection_.get(), sql.c_str(), static_cast<int>(values.size()), nullptr,
                        values.data(), nullptr, nullptr, 0) == 0)
    return Checked(connection_.get(), nullptr, sql);
  auto answer = AwaitAnswer(connection_.get(), sql, {description_, answer_timeout_});
  if (!answer) return std::unexpected(std::move(answer.error()));
  return Checked(connection_.get(), answer->release(), sql);
}

Result<std::string> Connection::Scalar(const std::string& sql) {
  Result<QueryResult> result = Execute(sql);
  if (!result) return std::unexpected(result.error());
  if (result->rows() != 1 || result->columns() < 1 || result->IsNull(0, 0)) {
    return Fail(ErrorKind::kSql,
                fmt::format("{}: expected one value, got {} rows{}", Abbreviate(sql),
                            result->rows(), result->rows() == 1 ? " with null" : ""));
  }
  return std::string(result->Text(0, 0));
}

Result<model::Lsn> Connection::ScalarLsn(const std::string& sql) {
  Result<std::string> text = Scalar(sql);
  if (!text) return std::unexpected(text.error());
  return model::ParseLsn(*text);
}

Result<std::uint64_t> Connection::CopyIn(const std::string& sql, std::string_view data) {
  constexpr std::size_t kChunk = std::size_t{1} << 20;  // libpq's lengths are ints
  PGconn* handle = connection_.get();
  auto begun = Ask(handle, sql, {description_, answer_timeout_});
  if (!begun) return std::unexpected(std::move(begun.error()));
  if (PQresultStatus(begun->get()) != PGRES_COPY_IN) {
    return std::unexpected(ErrorOf(handle, begun->get(), Abbreviate(sql)));
  }
  bool sent = true;
  for (; sent && !data.empty(); data.remove_prefix(std::min(kChunk, data.size()))) {
    auto length = static_cast<int>(std::min(kChunk, data.size()));
    sent = PQputCopyData(handle, data.data(), length) == 1;
  }
  // A failure to send shows in the result, with the server's reason.
  PQputCopyEnd(handle, nullptr);
  auto ended = AwaitAnswer(handle, sql, {description_, answer_timeout_});
  if (!ended) return std::unexpected(std::move(ended.error()));
  const Result<QueryResult> result = Checked(handle, ended->release(), sql);
  if (!result) return std::unexpected(result.error());
  if (!sent) return std::unexpected(ErrorOf(handle, nullptr, Abbreviate(sql)));
  return result->affected_rows();
}

int Connection::server_version() const { return PQserverVersion(connection_.get()); }
int Connection::backend_pid() const { return PQbackendPID(connection_.get()); }
bool Connection::IsAlive() const { return PQstatus(connection_.get()) == CONNECTION_OK; }

Result<void> Connection::Cancel() {
  std::array<char, 256> message{};
  std::unique_ptr<PGcancel, void (*)(PGcancel*)> cancel(PQgetCancel(connection_.get()),
                                                        PQfreeCancel);
  if (!cancel || PQcancel(cancel.get(), message.data(), static_cast<int>(message.size())) == 0) {
    return Fail(ErrorKind::kDisconnected,
                fmt::format("cannot cancel a statement on {}: {}", description_, message.data()));
  }
  return {};
}

}  // namespace lockstep::postgres
