#include "postgres/parallel_reader.h"

#include <poll.h>

#include <algorithm>
#include <cassert>
#include <functional>
#include <string_view>
#include <utility>

namespace lockstep::postgres {

using model::Result;

namespace {

// Rows of one connection before the others are looked at: their servers stop when their sockets are
// full.
constexpr int kRowsInTurn = 1000;

// A type's output function, a page or a piece out of line that is damaged, a row that is larger
// than what the server can send, a right that is missing.
bool IsOfTheTable(const model::Error& error) {
  if (error.kind != model::ErrorKind::kSql) return false;
  constexpr std::string_view kClasses[] = {"22", "38", "39", "42", "54", "58", "P0", "XX"};
  return std::ranges::any_of(
      kClasses, [&](std::string_view of_table) { return error.sqlstate.starts_with(of_table); });
}

}  // namespace

Result<std::vector<TableReader>> StartReaders(std::vector<Connection> connections,
                                              const std::string& snapshot_name,
                                              const std::vector<model::RelationPtr>& tables,
                                              std::size_t wanted) {
  assert(!connections.empty());
  std::vector<TableReader> readers;
  auto leader = TableReader::Adopt(std::move(connections.front()));
  if (!leader) return std::unexpected(std::move(leader.error()));
  readers.push_back(std::move(*leader));
  for (std::size_t i = 1; i < connections.size() && readers.size() < wanted; ++i) {
    if (auto ok = connections[i].Execute("SET lock_timeout = '100ms'"); !ok)
      return std::unexpected(std::move(ok.error()));
    auto reader = TableReader::Start(std::move(connections[i]), snapshot_name, tables);
    if (!reader && TellsOfChange(reader.error())) break;
    if (!reader) return std::unexpected(std::move(reader.error()));
    readers.push_back(std::move(*reader));
  }
  return readers;
}

ParallelReader::ParallelReader(std::vector<TableReader> readers, std::vector<TableToRead> tables)
    : tables_(std::move(tables)), left_(tables_.size()) {
  assert(!readers.empty());
  for (TableReader& reader : readers) lanes_.push_back({std::move(reader)});
  std::ranges::sort(tables_, std::greater(), &TableToRead::bytes);
}

// True: something was done, and perhaps more can be.
Result<bool> ParallelReader::Turn(Lane& lane, TableSink& sink) {
  if (lane.reader.done()) {
    if (!lane.table) lane.table = next_ < tables_.size() ? &tables_[next_++] : nullptr;
    if (!lane.table) return false;
    if (auto ok = lane.reader.Read(lane.table->relation, lane.table->form); !ok)
      return std::unexpected(std::move(ok.error()));
  }
  if (lane.reader.WantsWrite()) {
    if (auto ok = lane.reader.Flush(); !ok) return std::unexpected(std::move(ok.error()));
  }
  for (int i = 0; i < kRowsInTurn; ++i) {
    auto row = lane.reader.Next();
    if (!row) return std::unexpected(std::move(row.error()));
    if (*row) {
      sink.OnRow(lane.table->number, std::move(**row));
      continue;
    }
    if (!lane.reader.done()) return i > 0;
    if (!sink.OnEnd(lane.table->number)) {
      lane.table = nullptr;
      --left_;
    }
    return true;
  }
  return true;
}

Result<void> ParallelReader::Step(TableSink& sink) {
  has_more_ = false;
  for (Lane& lane : lanes_) {
    auto moved = Turn(lane, sink);
    if (!moved) {
      if (lane.table && IsOfTheTable(moved.error())) unreadable_ = lane.table->relation;
      return std::unexpected(std::move(moved.error()));
    }
    has_more_ |= *moved;
  }
  return {};
}

Result<void> ParallelReader::Run(TableSink& sink) {
  while (!done()) {
    if (auto ok = Step(sink); !ok) return ok;
    if (!has_more_ && !done()) Wait();
  }
  return {};
}

ParallelReader::Awaited ParallelReader::awaited(std::size_t connection) const {
  const Lane& lane = lanes_[connection];
  if (!lane.table) return {};
  return {.fd = lane.reader.fd(), .write = lane.reader.WantsWrite()};
}

void ParallelReader::Wait() const {
  std::vector<pollfd> waiting;
  for (std::size_t i = 0; i < lanes_.size(); ++i) {
    const auto [fd, write] = awaited(i);
    const int events = write ? POLLIN | POLLOUT : POLLIN;
    if (fd >= 0) waiting.push_back({fd, static_cast<short>(events), 0});
  }
  (void)poll(waiting.data(), waiting.size(), -1);
}

}  // namespace lockstep::postgres
