#include "model/database.h"

#include <cassert>
#include <functional>
#include <utility>

namespace lockstep::model {

std::size_t RowHash::operator()(const Row& row) const {
  return static_cast<std::size_t>(HashBytes(row.bytes()).low);
}

Table::Table(RelationPtr relation) : relation_(std::move(relation)) {
  // Entries hold their hash, so a fuller map costs no look-up much, and half the memory.
  rows_.max_load_factor(0.8f);
}

const Row* Table::Find(const Row& key) const {
  auto it = rows_.find(key);
  return it == rows_.end() ? nullptr : &it->second;
}

Row Table::CopyKey(const Row& row, std::uint64_t copy) {
  RowBuilder builder;
  builder.AddEncoded(row.bytes());
  builder.Add(Value(static_cast<std::int64_t>(copy)));
  return builder.Build();
}

std::uint64_t Table::CountCopies(const Row& row) const {
  // The copies below `there` are there, the one at `absent` is not.
  std::uint64_t there = 0;
  std::uint64_t absent = 0;
  while (Find(CopyKey(row, absent))) {
    there = absent + 1;
    absent = 2 * there;
  }
  while (there < absent) {
    const std::uint64_t middle = there + (absent - there) / 2;
    if (Find(CopyKey(row, middle))) {
      there = middle + 1;
    } else {
      absent = middle;
    }
  }
  return there;
}

Row Table::KeyToInsert(const Row& row) const {
  return is_multiset() ? CopyKey(row, CountCopies(row)) : relation_->KeyOf(row);
}

std::optional<Row> Table::Exchange(const Row& key, const std::optional<Row>& row) {
  std::optional<Row> before;
  if (row) {
    auto [it, is_new] = rows_.try_emplace(key, *row);
    if (!is_new) before = std::exchange(it.value(), *row);
    digest_.Add(row->bytes());
  } else if (auto it = rows_.find(key); it != rows_.end()) {
    before = std::move(it.value());
    rows_.erase(it);
  }
  if (before) digest_.Remove(before->bytes());
  return before;
}

Database::Database(const std::vector<RelationPtr>& relations) {
  for (const RelationPtr& relation : relations) AddTable(relation);
}

std::uint32_t Database::AddTable(RelationPtr relation) {
  assert(!FindTable(relation->schema, relation->name));
  const auto number = static_cast<std::uint32_t>(tables_.size());
  by_name_.emplace(std::pair(relation->schema, relation->name), number);
  tables_.emplace_back(std::move(relation));
  return number;
}

std::optional<std::uint32_t> Database::FindTable(std::string_view schema,
                                                 std::string_view name) const {
  const auto found = by_name_.find(std::pair(schema, name));
  return found == by_name_.end() ? std::nullopt : std::optional(found->second);
}

std::optional<std::uint32_t> Database::FindTable(std::string_view name) const {
  for (std::uint32_t i = 0; i < tables_.size(); ++i) {
    if (tables_[i].relation()->name == name) return i;
  }
  return std::nullopt;
}

std::uint64_t Database::row_count() const {
  std::uint64_t count = 0;
  for (const Table& table : tables_) count += table.digest().rows;
  return count;
}

Table Database::TakeTable(std::uint32_t table) {
  return std::exchange(tables_[table], Table(tables_[table].relation()));
}

void Database::ReplaceTable(std::uint32_t table, RelationPtr relation) {
  assert(relation->schema == tables_[table].relation()->schema &&
         relation->name == tables_[table].relation()->name);
  tables_[table] = Table(std::move(relation));
}

void Database::PutTable(std::uint32_t table, Table content) {
  assert(*content.relation() == *tables_[table].relation());
  tables_[table] = std::move(content);
}

std::optional<Row> Database::Rekey(std::uint32_t table, RelationPtr relation) {
  Table& known = tables_[table];
  assert(relation->HasRowsOf(*known.relation()));
  Table rekeyed(std::move(relation));
  for (const auto& [old_key, row] : known.rows()) {
    Row key = rekeyed.KeyToInsert(row);
    if (rekeyed.Find(key)) return key;
    rekeyed.Exchange(key, row);
  }
  known = std::move(rekeyed);
  return std::nullopt;
}

RowImage Database::Write(std::uint32_t table, Row key, std::optional<Row> row) {
  std::optional<Row> before = tables_[table].Exchange(key, row);
  return {table, std::move(key), std::move(before), std::move(row)};
}

std::vector<RowImage> Database::EraseAll(std::uint32_t table) {
  std::vector<Row> keys;
  keys.reserve(tables_[table].rows().size());
  for (const auto& [key, row] : tables_[table].rows()) keys.push_back(key);
  std::vector<RowImage> images;
  images.reserve(keys.size());
  for (Row& key : keys) images.push_back(Write(table, std::move(key), std::nullopt));
  return images;
}

void Database::Undo(std::span<const RowImage> images) {
  for (std::size_t i = images.size(); i-- > 0;) {
    const RowImage& image = images[i];
    [[maybe_unused]] auto current = tables_[image.table].Exchange(image.key, image.before);
    assert(current == image.after);
  }
}

Digest Database::digest() const {
  Digest digest;
  for (const Table& table : tables_) digest += HashTable(table.relation()->name, table.digest());
  return digest;
}

}  // namespace lockstep::model
