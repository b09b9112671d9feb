#include "consumer/table_copy.h"

#include <fmt/format.h>
#include <poll.h>

#include <algorithm>
#include <cassert>
#include <optional>
#include <utility>

namespace lockstep::consumer {
namespace {

using model::Fail;
using model::Result;
using postgres::TableReader;
using postgres::TableRow;

// Rows of one connection before the others are looked at: their servers stop when their sockets are
// full.
constexpr int kRowsInTurn = 1000;

class TableCopy {
 public:
  TableCopy(std::vector<TableReader> readers, std::vector<TableToCopy> tables,
            const std::function<void(const TableToCopy&, TableRow)>& take)
      : tables_(std::move(tables)), take_(take) {
    for (TableReader& reader : readers) lanes_.push_back({std::move(reader), nullptr});
    std::ranges::sort(tables_, std::greater(), &TableToCopy::bytes);
  }

  Result<void> Run() {
    while (true) {
      bool some = false;
      bool busy = false;
      for (Lane& lane : lanes_) {
        auto moved = Turn(lane);
        if (!moved) {
          return Fail(
              fmt::format("copying {}", lane.table ? lane.table->relation->QualifiedName() : ""),
              std::move(moved.error()));
        }
        some |= *moved;
        busy |= lane.table != nullptr;
      }
      if (!busy) return {};
      if (!some) Wait();
    }
  }

 private:
  struct Lane {
    TableReader reader;
    const TableToCopy* table;  // nullptr: there is none left for it
  };

  // True: something was done, and perhaps more can be.
  Result<bool> Turn(Lane& lane) {
    if (lane.reader.done()) {
      lane.table = next_ < tables_.size() ? &tables_[next_++] : nullptr;
      if (lane.table == nullptr) return false;
      if (auto ok = lane.reader.Read(lane.table->relation); !ok)
        return std::unexpected(std::move(ok.error()));
    }
    if (lane.reader.WantsWrite()) {
      if (auto ok = lane.reader.Flush(); !ok) return std::unexpected(std::move(ok.error()));
    }
    for (int i = 0; i < kRowsInTurn; ++i) {
      auto row = lane.reader.Next();
      if (!row) return std::unexpected(std::move(row.error()));
      if (!*row) return lane.reader.done() || i > 0;
      take_(*lane.table, std::move(**row));
    }
    return true;
  }

  void Wait() const {
    std::vector<pollfd> waiting;
    for (const Lane& lane : lanes_) {
      if (lane.table == nullptr) continue;
      waiting.push_back({lane.reader.fd(),
                         static_cast<short>(lane.reader.WantsWrite() ? POLLIN | POLLOUT : POLLIN),
                         0});
    }
    (void)poll(waiting.data(), waiting.size(), -1);
  }

  std::vector<Lane> lanes_;
  std::vector<TableToCopy> tables_;
  std::size_t next_ = 0;
  const std::function<void(const TableToCopy&, TableRow)>& take_;
};

}  // namespace

Result<void> CopyTables(std::vector<TableReader> readers, std::vector<TableToCopy> tables,
                        const std::function<void(const TableToCopy&, TableRow)>& take) {
  assert(!readers.empty());
  return TableCopy(std::move(readers), std::move(tables), take).Run();
}

}  // namespace lockstep::consumer
