// What a change costs by output plugin: bytes on the wire, CPU of the client, CPU of the walsender.
//
//   slots of all plugins ─► workload, once ─► rounds: the same WAL through each plugin in turn
//
// The client receives, decodes and assembles transactions (replication/follower.h); it applies them
// nowhere. Nothing is confirmed, so that the next round reads the same WAL again. Machines are
// noisy: ratios are taken inside a round, and medians over the rounds. The exit code does not
// depend on the numbers.
#include <fmt/format.h>
#include <poll.h>
#include <sys/resource.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <limits>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "bench/child.h"
#include "bench/median.h"
#include "bench/proc.h"
#include "bench/server.h"
#include "model/error.h"
#include "model/lsn.h"
#include "model/output_plugin.h"
#include "model/relation.h"
#include "model/type_catalog.h"
#include "postgres/connection.h"
#include "postgres/plugin_probe.h"
#include "postgres/relation_reader.h"
#include "postgres/replication_stream.h"
#include "postgres/slot.h"
#include "postgres/type_reader.h"
#include "replication/follower.h"
#include "replication/frames.h"
#include "replication/make_decoder.h"
#include "replication/relation_map.h"

namespace lockstep::bench {
namespace {

using model::ErrorKind;
using model::Fail;
using model::Result;
using postgres::Connection;
using postgres::ConnectionKind;
using Clock = std::chrono::steady_clock;

constexpr const char* kPublication = "bench";
// All ratios are to this plugin.
constexpr std::string_view kYardstick = "pgoutput";

struct Options {
  std::uint32_t rounds = 5;
  std::uint64_t transactions = 40'000;
};

// A change of each kind of value: what differs between text and binary, and quoted JSON.
constexpr const char* kWideTable = R"(
  CREATE TABLE public.wide(
    id bigint PRIMARY KEY, small smallint, count integer, price numeric(12,2), ratio float8,
    name text, note varchar(200), flag boolean, token uuid, day date, at timestamptz,
    data bytea, tags text[], props jsonb, length interval, address inet))";

// A transaction inserts one row, updates it and, every other time, deletes it.
std::string WideWork(std::uint64_t transactions) {
  return fmt::format(R"(
  DO $$ BEGIN FOR i IN 1..{} LOOP
    INSERT INTO public.wide VALUES (i, i % 30000, i * 7, i * 1.37, sqrt(i), 'customer number ' || i,
      'a note with "quotes" and a tab' || chr(9), i % 2 = 0, md5(i::text)::uuid,
      date '2000-01-01' + i % 20000, timestamptz '2020-01-01' + i * interval '1 second',
      decode(md5(i::text), 'hex'), ARRAY['red', 'green', 'tag ' || i],
      jsonb_build_object('n', i, 'list', jsonb_build_array(1, 2, 3)), i * interval '1 minute',
      inet '10.0.0.0' + i);
    UPDATE public.wide SET price = price + 1, flag = NOT flag WHERE id = i;
    IF i % 2 = 0 THEN DELETE FROM public.wide WHERE id = i; END IF;
    COMMIT;
  END LOOP; END $$)",
                     transactions);
}

// What one plugin made of the workload.
struct Turn {
  std::uint64_t transactions = 0;
  std::uint64_t changes = 0;
  std::uint64_t bytes = 0;
  double client_cpu_s = 0;
  double walsender_cpu_s = 0;
};

struct Slot {
  replication::PluginChoice plugin;
  std::string name;
  model::Lsn start;
  std::vector<Turn> turns;  // by round
};

// The tables, as each decoder has to know them.
struct Tables {
  std::vector<model::RelationPtr> relations;
  model::TypeCatalogPtr types;
};

double OwnCpuSeconds() {
  rusage usage = {};
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

Result<void> Execute(Connection& sql, const std::string& statement) {
  auto done = sql.Execute(statement);
  if (!done) return std::unexpected(std::move(done.error()));
  return {};
}

Result<std::vector<Slot>> MakeSlots(const Server& server, const std::string& workload) {
  std::vector<Slot> slots;
  for (const model::OutputPlugin& plugin : model::OutputPlugins()) {
    auto version = postgres::ProbePlugin(server.uri(), plugin.name);
    if (!version) return std::unexpected(std::move(version.error()));
    auto connection = Connection::Open(server.uri(), ConnectionKind::kReplication);
    if (!connection) return std::unexpected(std::move(connection.error()));
    std::string name = fmt::format("{}_{}", workload, plugin.name);
    std::ranges::replace(name, '-', '_');
    auto created = postgres::CreateSlot(
        *connection,
        {.name = name, .plugin = std::string(plugin.library), .export_snapshot = false});
    if (!created) return std::unexpected(std::move(created.error()));
    slots.push_back({{std::string(plugin.name), *version, {kPublication}},
                     name,
                     created->consistent_point,
                     {}});
  }
  return slots;
}

// Receives and decodes until everything up to `end` has come, like a listener with a backlog: it
// lets some gather when it has taken all that was there.
Result<void> Follow(postgres::ReplicationStream& stream, replication::Follower& follower,
                    model::Lsn end, Turn& turn) {
  constexpr std::uint64_t kCopyDataHeader = 5;  // the letter and the length
  constexpr std::chrono::microseconds kPace{500};
  constexpr std::chrono::seconds kPatience{120};
  const auto give_up = Clock::now() + kPatience;
  while (follower.received() < end) {
    auto frame = stream.Receive();
    if (!frame) return std::unexpected(std::move(frame.error()));
    if (*frame) {
      turn.bytes += (*frame)->bytes().size() + kCopyDataHeader;
      auto transaction = follower.OnCopyData((*frame)->bytes());
      if (!transaction) return std::unexpected(std::move(transaction.error()));
      if (*transaction) {
        ++turn.transactions;
        turn.changes += (*transaction)->changes.size();
      }
      continue;
    }
    const auto now = Clock::now();
    if (now > give_up) return Fail(ErrorKind::kEnvironment, "the stream does not end");
    if (auto update = follower.TakeStatusUpdate(now)) {
      auto sent = stream.SendStatusUpdate(replication::EncodeStatusUpdate(*update, 0));
      if (!sent) return sent;
    }
    std::this_thread::sleep_for(kPace);
    pollfd waiting{stream.fd(), POLLIN, 0};
    poll(&waiting, 1, 100);
  }
  return {};
}

Result<Turn> RunTurn(const Server& server, Connection& sql, const Slot& slot, const Tables& tables,
                     model::Lsn end) {
  auto connection = Connection::Open(server.uri(), ConnectionKind::kReplication);
  if (!connection) return std::unexpected(std::move(connection.error()));
  auto decoder = replication::MakeDecoder(slot.plugin,
                                          replication::RelationMap(tables.relations, tables.types));
  if (!decoder) return std::unexpected(std::move(decoder.error()));
  // Nothing becomes durable, and yet all of it is read.
  replication::Follower follower(
      {.start = slot.start, .max_pending_transactions = std::numeric_limits<std::size_t>::max()},
      std::move(*decoder), Clock::now());
  Turn turn;
  const double before_s = OwnCpuSeconds();
  auto stream = postgres::ReplicationStream::Start(std::move(*connection), slot.name, slot.start,
                                                   replication::StreamOptions(slot.plugin));
  if (!stream) return std::unexpected(std::move(stream.error()));
  if (auto ok = Follow(*stream, follower, end, turn); !ok)
    return Fail(slot.plugin.name, std::move(ok.error()));
  turn.client_cpu_s = OwnCpuSeconds() - before_s;
  auto info = postgres::InspectSlot(sql, slot.name);
  if (!info) return std::unexpected(std::move(info.error()));
  if (*info) {
    if (const auto process = ReadProcess((*info)->active_pid))
      turn.walsender_cpu_s = process->cpu_s;
  }
  auto finished = std::move(*stream).Finish(std::chrono::seconds(10));
  if (!finished) return std::unexpected(std::move(finished.error()));
  return turn;
}

using Measure = double (*)(const Turn&);
double PerChange(double amount, const Turn& turn) {
  return amount / static_cast<double>(turn.changes);
}
double BytesOf(const Turn& turn) { return PerChange(static_cast<double>(turn.bytes), turn); }
double ClientOf(const Turn& turn) { return PerChange(turn.client_cpu_s * 1e6, turn); }
double WalsenderOf(const Turn& turn) { return PerChange(turn.walsender_cpu_s * 1e6, turn); }

// The median, and the median of the ratios to the yardstick in the same round.
std::string CellOf(const Slot& slot, const Slot& yardstick, Measure measure, int decimals) {
  std::vector<double> values, ratios;
  for (std::size_t round = 0; round < slot.turns.size(); ++round) {
    values.push_back(measure(slot.turns[round]));
    ratios.push_back(values.back() / measure(yardstick.turns[round]));
  }
  return fmt::format("{:.{}f} | {:.2f}", Median(values), decimals, Median(ratios));
}

// Markdown, as docs/plugins.md shows it.
void PrintTable(const std::string& workload, const std::vector<Slot>& slots) {
  const auto yardstick =
      std::ranges::find(slots, kYardstick, [](const Slot& slot) { return slot.plugin.name; });
  fmt::print("\n{}: {} transactions, {} changes\n\n", workload, slots.front().turns[0].transactions,
             yardstick->turns[0].changes);
  fmt::print(
      "| plugin | bytes | ratio | client us | ratio | walsender us | ratio |\n"
      "|---|---|---|---|---|---|---|\n");
  for (const Slot& slot : slots) {
    fmt::print("| {} | {} | {} | {} |\n", slot.plugin.name, CellOf(slot, *yardstick, BytesOf, 0),
               CellOf(slot, *yardstick, ClientOf, 2), CellOf(slot, *yardstick, WalsenderOf, 2));
  }
  std::fflush(stdout);
}

// Slots, `work`, and the rounds. The tables are in the schema public.
template <typename Work>
Result<void> Measured(const Server& server, Connection& sql, const std::string& workload,
                      const Options& options, Work work) {
  auto relations = postgres::ReadSchema(sql, "public");
  if (!relations) return std::unexpected(std::move(relations.error()));
  auto types = postgres::ReadTypes(sql);
  if (!types) return std::unexpected(std::move(types.error()));
  const Tables tables{std::move(*relations), std::move(*types)};
  auto slots = MakeSlots(server, workload);
  if (!slots) return std::unexpected(std::move(slots.error()));
  if (Result<void> ok = work(); !ok) return ok;
  auto end = sql.ScalarLsn("SELECT pg_catalog.pg_current_wal_insert_lsn()");
  if (!end) return std::unexpected(std::move(end.error()));
  for (std::uint32_t round = 0; round < options.rounds; ++round) {
    for (std::size_t i = 0; i < slots->size(); ++i) {
      Slot& slot = (*slots)[(i + round) % slots->size()];  // each is first in some round
      auto turn = RunTurn(server, sql, slot, tables, *end);
      if (!turn) return std::unexpected(std::move(turn.error()));
      slot.turns.push_back(*turn);
      const std::uint64_t expected =
          slots->front().turns.empty() ? turn->changes : slots->front().turns.front().changes;
      if (turn->changes != expected) {
        return Fail(ErrorKind::kMisfit, fmt::format("{} shows {} changes, {} were expected",
                                                    slot.name, turn->changes, expected));
      }
    }
  }
  PrintTable(workload, *slots);
  for (const Slot& slot : *slots) {
    if (auto ok = postgres::DropSlot(sql, slot.name); !ok) return ok;
  }
  return {};
}

// The tables of pgbench; its history gets a key, without which it could not be followed.
Result<void> MeasureTpcb(const Server& server, Connection& sql, const Options& options) {
  auto filled = RunChild({"pgbench", "-i", "-q", "-s", "1", server.uri()});
  if (!filled) return std::unexpected(std::move(filled.error()));
  if (filled->exit_code != 0) return Fail(ErrorKind::kEnvironment, "pgbench -i: " + filled->output);
  if (auto ok = Execute(sql, "ALTER TABLE public.pgbench_history ADD id bigserial PRIMARY KEY");
      !ok)
    return ok;
  return Measured(server, sql, "tpcb", options, [&]() -> Result<void> {
    auto ran = RunChild({"pgbench", "-n", "-M", "prepared", "-t",
                         fmt::to_string(options.transactions), server.uri()});
    if (!ran) return std::unexpected(std::move(ran.error()));
    if (ran->exit_code != 0) return Fail(ErrorKind::kEnvironment, "pgbench: " + ran->output);
    return {};
  });
}

Result<void> MeasureWide(const Server& server, Connection& sql, const Options& options) {
  if (auto ok = Execute(sql, kWideTable); !ok) return ok;
  return Measured(server, sql, "wide", options,
                  [&] { return Execute(sql, WideWork(options.transactions)); });
}

Result<void> Run(const Options& options) {
  auto server = Server::Start();
  if (!server) return std::unexpected(std::move(server.error()));
  auto version = server->Version();
  if (!version) return std::unexpected(std::move(version.error()));
  fmt::print("PostgreSQL {}, {} cores, {} rounds\n", *version, std::thread::hardware_concurrency(),
             options.rounds);
  auto sql = Connection::Open(server->uri(), ConnectionKind::kSql);
  if (!sql) return std::unexpected(std::move(sql.error()));
  if (auto ok = Execute(*sql, fmt::format("CREATE PUBLICATION {} FOR ALL TABLES", kPublication));
      !ok) {
    return ok;
  }
  if (auto ok = MeasureTpcb(*server, *sql, options); !ok) return ok;
  return MeasureWide(*server, *sql, options);
}

}  // namespace
}  // namespace lockstep::bench

int main(int argc, char** argv) {
  using namespace lockstep;
  bench::Options options;
  CLI::App app(
      "Measures bytes and CPU a change by output plugin: the same WAL through each, in turns.",
      "plugins");
  app.add_option("--rounds", options.rounds, "how often; medians are over these")
      ->check(CLI::Range(1, 1'000))
      ->capture_default_str();
  app.add_option("--transactions", options.transactions, "of each of the two workloads")
      ->check(CLI::Range(100, 10'000'000))
      ->capture_default_str();
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : static_cast<int>(model::ExitCode::kUsage);
  }
  const auto result = bench::Run(options);
  if (result) return 0;
  fmt::print(stderr, "plugins: {}\n", result.error().message);
  return static_cast<int>(model::ExitCodeOf(result.error()));
}
