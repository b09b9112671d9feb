// Rows of tables with a digest kept up to date: the expected state of the verifier, the generator's
// model, a listener's replica.
//
// A table without a key is a multiset: a row is kept under its own cells and the number of the
// copy, from 0 without gaps, so that each of several equal rows has a key of its own.
//
// Every write yields a RowImage; the images of a transaction, undone backwards, are its inverse,
// and forwards they say which rows it touched.
#ifndef LOCKSTEP_MODEL_DATABASE_H_
#define LOCKSTEP_MODEL_DATABASE_H_

#include <tsl/robin_map.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "model/digest.h"
#include "model/relation.h"
#include "model/row.h"

namespace lockstep::model {

// One row before and after a write. nullopt: absent.
struct RowImage {
  std::uint32_t table = 0;
  Row key;
  std::optional<Row> before;
  std::optional<Row> after;
  friend bool operator==(const RowImage&, const RowImage&) = default;
};

struct RowHash {
  std::size_t operator()(const Row& row) const;
};

class Table {
 public:
  using Rows = tsl::robin_map<Row, Row, RowHash, std::equal_to<Row>,
                              std::allocator<std::pair<Row, Row>>, /*StoreHash=*/true>;

  explicit Table(RelationPtr relation);

  const RelationPtr& relation() const { return relation_; }
  const TableDigest& digest() const { return digest_; }
  // Key to row, in no meaningful order.
  const Rows& rows() const { return rows_; }
  // Valid until the next write; nullptr when absent.
  const Row* Find(const Row& key) const;

  bool is_multiset() const { return relation_->key.empty(); }
  // Of a multiset, here and below: how many rows are equal to `row`, in as many look-ups as the
  // number has bits, twice.
  std::uint64_t CountCopies(const Row& row) const;
  // The key of one copy of `row`; the copy with this number need not be there.
  static Row CopyKey(const Row& row, std::uint64_t copy);
  // The key to keep `row` under: of any table, keyed or not.
  Row KeyToInsert(const Row& row) const;

 private:
  friend class Database;
  // Puts or erases, and returns the row that was there.
  std::optional<Row> Exchange(const Row& key, const std::optional<Row>& row);

  RelationPtr relation_;
  Rows rows_;
  TableDigest digest_;
};

class Database {
 public:
  Database() = default;
  explicit Database(const std::vector<RelationPtr>& relations);

  // Tables are numbered from 0 in the order they were added. Names (schema and name) are unique.
  std::uint32_t AddTable(RelationPtr relation);
  std::optional<std::uint32_t> FindTable(std::string_view schema, std::string_view name) const;
  // The first table of this name in any schema: looks at all of them.
  std::optional<std::uint32_t> FindTable(std::string_view name) const;
  const Table& table(std::uint32_t index) const { return tables_[index]; }
  std::size_t table_count() const { return tables_.size(); }
  std::uint64_t row_count() const;

  // Moves a table with its rows out, which leaves it empty, or in, where there is one of the same
  // relation.
  Table TakeTable(std::uint32_t table);
  // Another one of the same name, without rows, takes its place and number.
  void ReplaceTable(std::uint32_t table, RelationPtr relation);
  void PutTable(std::uint32_t table, Table content);
  // The table keeps its rows under the keys that they have in `relation`, which has rows of its
  // relation. The key that two of them would have: then nothing is changed.
  std::optional<Row> Rekey(std::uint32_t table, RelationPtr relation);

  // Makes `key` hold `row` (nullopt: nothing). Any key, any row: callers decide what fits.
  RowImage Write(std::uint32_t table, Row key, std::optional<Row> row);
  // Erases every row of a table.
  std::vector<RowImage> EraseAll(std::uint32_t table);
  // Undoes these writes, last first. They must be the last ones made.
  void Undo(std::span<const RowImage> images);

  Digest digest() const;

 private:
  // Of (schema, name), as strings or views of them.
  struct NameHash {
    std::size_t operator()(const auto& name) const {
      const std::hash<std::string_view> hash;
      return hash(name.first) * 31 + hash(name.second);
    }
  };
  struct SameName {
    using is_transparent = void;
    bool operator()(const auto& a, const auto& b) const {
      return a.first == b.first && a.second == b.second;
    }
  };

  std::vector<Table> tables_;
  tsl::robin_map<std::pair<std::string, std::string>, std::uint32_t, NameHash, SameName> by_name_;
};

}  // namespace lockstep::model

#endif  // LOCKSTEP_MODEL_DATABASE_H_
