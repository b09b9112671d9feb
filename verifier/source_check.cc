#include "verifier/source_check.h"

#include <string_view>
#include <utility>

namespace lockstep::verifier {

using model::Result;
using postgres::Connection;
using postgres::ConnectionKind;

Result<SourceCheck> SourceCheck::Begin(const std::string& conninfo, const model::Catalog& catalog) {
  const postgres::ConnectionOptions options{.application_name = "lockstep verifier"};
  auto holder = Connection::Open(conninfo, ConnectionKind::kSql, options);
  if (!holder) return std::unexpected(std::move(holder.error()));
  if (auto ok = postgres::BeginSnapshot(*holder, ""); !ok)
    return std::unexpected(std::move(ok.error()));
  auto snapshot = holder->Scalar("SELECT pg_catalog.pg_export_snapshot()");
  if (!snapshot) return std::unexpected(std::move(snapshot.error()));
  auto connection = Connection::Open(conninfo, ConnectionKind::kSql, options);
  if (!connection) return std::unexpected(std::move(connection.error()));
  auto reader = postgres::TableReader::Start(std::move(*connection), *snapshot, catalog.tables);
  if (!reader) {
    // The server crashed in between, and the snapshot is gone with it: another one does.
    constexpr std::string_view kNoSuchSnapshot = "22023";
    if (reader.error().sqlstate == kNoSuchSnapshot)
      reader.error().kind = model::ErrorKind::kDisconnected;
    return std::unexpected(std::move(reader.error()));
  }
  return SourceCheck(catalog, std::move(*holder), std::move(*reader));
}

Result<void> SourceCheck::Compare(const Oracle& oracle) {
  if (auto ok = reader_.Flush(); !ok) return ok;
  while (!done()) {
    if (!reading_) {
      // By a query: the run's tables are its own, and nobody can add an index to them.
      const auto form = postgres::RowForm::kWithXmin;
      if (auto ok = reader_.Read(catalog_->tables[table_], form); !ok) return ok;
      reading_ = true;
    }
    auto row = reader_.Next();
    if (!row) return std::unexpected(std::move(row.error()));
    if (*row) {
      CompareRow(**row, oracle);
    } else if (reader_.done()) {
      if (auto ok = EndTable(oracle); !ok) return ok;
    } else {
      return {};
    }
  }
  return {};
}

void SourceCheck::CompareRow(const postgres::TableRow& row, const Oracle& oracle) {
  model::Row key = catalog_->tables[table_]->KeyOf(row.row);
  if (collects_keys_) {
    keys_.insert(std::move(key));
    return;
  }
  ++rows_compared_;
  table_digest_.Add(row.row.bytes());
  const model::Row* expected = oracle.expected().table(table_).Find(key);
  if (expected) ++found_;
  const auto written_by = oracle.WrittenBy(table_, key);
  if (expected && *expected == row.row && (!written_by || *written_by == row.xmin)) return;
  AddDifference({table_, std::move(key), expected ? std::optional(*expected) : std::nullopt,
                 row.row, row.xmin, written_by.value_or(model::Xid{})});
}

void SourceCheck::AddDifference(SourceDifference difference) {
  if (differences_.size() < kMaxDifferences) differences_.push_back(std::move(difference));
}

Result<void> SourceCheck::EndTable(const Oracle& oracle) {
  reading_ = false;
  const model::Table& expected = oracle.expected().table(table_);
  if (!collects_keys_) {
    digest_ += model::HashTable(catalog_->tables[table_]->name, table_digest_);
    if (found_ < expected.rows().size()) {
      collects_keys_ = true;
      return {};
    }
  }
  if (collects_keys_) {
    for (const auto& [key, row] : expected.rows()) {
      if (keys_.contains(key)) continue;
      AddDifference({table_,
                     key,
                     row,
                     std::nullopt,
                     {},
                     oracle.WrittenBy(table_, key).value_or(model::Xid{})});
    }
  }
  collects_keys_ = false;
  keys_.clear();
  table_digest_ = {};
  found_ = 0;
  ++table_;
  return {};
}

}  // namespace lockstep::verifier
