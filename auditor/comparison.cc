#include "auditor/comparison.h"

#include <algorithm>
#include <cassert>
#include <functional>
#include <utility>

namespace lockstep::auditor {

using model::Result;

namespace {

// Rows of one connection before the others, and the stream's status updates, have their turn.
constexpr int kRowsInTurn = 2000;

}  // namespace

Comparison::Comparison(std::vector<postgres::TableReader> readers,
                       std::vector<TableToCompare> tables, const model::Database& replica,
                       const model::Projection& projection)
    : tables_(std::move(tables)), replica_(&replica), projection_(&projection) {
  assert(!readers.empty());
  for (postgres::TableReader& reader : readers)
    lanes_.push_back({std::move(reader), std::nullopt, {}});
  std::ranges::sort(tables_, std::greater(), &TableToCompare::bytes);
}

Result<void> Comparison::Ask(Lane& lane) {
  return lane.reader.Read(replica_->table(lane.current->table).relation(), postgres::Xmin::kRead);
}

// True: perhaps more can be done at once.
Result<bool> Comparison::Turn(Lane& lane) {
  if (!lane.current) {
    if (next_ == tables_.size()) return false;
    const std::uint32_t table = tables_[next_++].table;
    lane.current.emplace(table, TableComparison(replica_->table(table), *projection_));
    if (auto ok = Ask(lane); !ok) return std::unexpected(std::move(ok.error()));
  }
  if (lane.reader.WantsWrite()) {
    if (auto ok = lane.reader.Flush(); !ok) return std::unexpected(std::move(ok.error()));
  }
  for (int i = 0; i < kRowsInTurn; ++i) {
    auto row = lane.reader.Next();
    if (!row) return std::unexpected(std::move(row.error()));
    if (*row) {
      lane.current->comparison.Take(**row);
      continue;
    }
    if (!lane.reader.done()) return i > 0;
    if (lane.current->comparison.EndPass()) {
      if (auto ok = Ask(lane); !ok) return std::unexpected(std::move(ok.error()));
      return true;
    }
    rows_compared_ += lane.current->comparison.rows();
    compared_.push_back(std::move(*lane.current));
    lane.current.reset();
    return true;
  }
  return true;
}

Result<void> Comparison::Step() {
  has_more_ = false;
  for (Lane& lane : lanes_) {
    auto moved = Turn(lane);
    if (!moved) return std::unexpected(std::move(moved.error()));
    has_more_ |= *moved;
  }
  return {};
}

void Comparison::Watch(wire::Poller& poller) {
  for (Lane& lane : lanes_) {
    lane.watched.Watch(poller, lane.current ? lane.reader.fd() : -1,
                       {.read = true, .write = lane.reader.WantsWrite()});
  }
}

void Comparison::Unwatch(wire::Poller& poller) {
  for (Lane& lane : lanes_) lane.watched.Watch(poller, -1, {});
}

}  // namespace lockstep::auditor
