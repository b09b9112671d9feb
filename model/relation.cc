#include "model/relation.h"

#include <algorithm>

namespace lockstep::model {
namespace {

// `text` between two `quote` characters, those inside doubled.
std::string Quoted(const std::string& text, char quote) {
  std::string out(1, quote);
  for (char c : text) {
    out.push_back(c);
    if (c == quote) out.push_back(quote);
  }
  out.push_back(quote);
  return out;
}

}  // namespace

std::string QuoteIfNeeded(const std::string& name) {
  const auto plain = [](char c) { return (c >= 'a' && c <= 'z') || c == '_'; };
  const auto plain_or_digit = [&](char c) { return plain(c) || (c >= '0' && c <= '9'); };
  const bool bare = !name.empty() && plain(name[0]) && std::ranges::all_of(name, plain_or_digit);
  return bare ? name : SqlIdentifier(name);
}

std::string SqlIdentifier(const std::string& name) { return Quoted(name, '"'); }

std::string SqlLiteral(const std::string& text) { return Quoted(text, '\''); }

std::string Relation::QualifiedName() const {
  return QuoteIfNeeded(schema) + "." + QuoteIfNeeded(name);
}

bool Relation::IsKeyColumn(std::uint32_t column) const {
  return std::ranges::find(key, column) != key.end();
}

bool Relation::IsVirtualColumn(std::string_view column) const {
  return std::ranges::find(virtual_columns, column) != virtual_columns.end();
}

bool Relation::HasRowsOf(const Relation& other) const {
  const auto is_same = [](Column left, const Column& right) {
    left.not_null = right.not_null;
    return left == right;
  };
  return std::ranges::equal(columns, other.columns, is_same) &&
         virtual_columns == other.virtual_columns && is_partitioned == other.is_partitioned;
}

Row Relation::KeyOf(const Row& row) const {
  RowBuilder builder;
  if (key.size() == 1) {  // the usual case: no list of cells
    auto it = row.begin();
    for (std::uint32_t i = 0; i < key[0]; ++i) ++it;
    builder.AddEncoded(it.encoded());
    return builder.Build();
  }
  std::vector<std::string_view> cells;
  SplitCells(row, cells);
  for (std::uint32_t column : key) builder.AddEncoded(cells[column]);
  return builder.Build();
}

}  // namespace lockstep::model
